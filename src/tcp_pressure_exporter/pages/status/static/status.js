// Updates the page in place: what has not changed is not touched, so focus, scrolling and what is
// unfolded stay as they are. Without this script the page is complete, and is reloaded by hand.
"use strict";
(() => {
  const LEAST_SECONDS = 2;
  const PATIENCE_MS = 10_000;
  const status = document.getElementById("status");
  const lost = document.getElementById("lost");
  const said = document.getElementById("said");
  const age = document.getElementById("age");
  const button = document.getElementById("pause");
  const script = document.querySelector("script[src]").getAttribute("src");
  let paused = false;
  let underWay = false;
  let timer = 0;
  let heard = Date.now(); // when the exporter last answered, by this clock
  let ageThen = null; // how old the sample was then, by the exporter's clock

  const interval = () => Math.max(LEAST_SECONDS, Number(status.dataset.interval)) * 1000;

  function inWords(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
  }

  // Makes an element like another, keeping its nodes. Elements with an id keep their identity.
  function become(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    const kept = (name) => old.nodeName === "DETAILS" && name === "open"; // as the reader left it
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !kept(name)) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !kept(name)) old.removeAttribute(name);
    }
    becomeInside(old, fresh);
  }

  function becomeInside(old, fresh) {
    // Removals come first: what follows need not move, and keeps the focus.
    const kept = new Set([...fresh.children].map(keyOf));
    for (const node of [...old.children]) {
      if (keyOf(node) !== null && !kept.has(keyOf(node))) node.remove();
    }
    let place = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const match = counterpart(old, place, child);
      if (match === null) {
        old.insertBefore(child, place);
        continue;
      }
      while (place !== match && place?.nodeType === Node.TEXT_NODE) place = without(place);
      if (match === place) place = place.nextSibling;
      else old.insertBefore(match, place);
      become(match, child);
    }
    while (place !== null) place = without(place);
  }

  function without(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  // A section is known by its heading.
  const keyOf = (node) => node.id || node.getAttribute?.("aria-labelledby") || null;

  function counterpart(old, place, child) {
    const key = keyOf(child);
    if (key !== null) {
      const same = (node) => keyOf(node) === key && node.nodeName === child.nodeName;
      return [...old.children].find(same) ?? null;
    }
    return place && place.nodeName === child.nodeName && keyOf(place) === null ? place : null;
  }

  function show(fresh, date) {
    const before = status.dataset.verdict;
    const focused = document.activeElement?.id;
    become(status, fresh.getElementById("status"));
    document.title = fresh.title;
    if (focused && document.activeElement?.id !== focused) {
      document.getElementById(focused)?.focus({ preventScroll: true }); // it was moved
    }
    if (status.dataset.verdict !== before) {
      said.textContent = `Now ${status.querySelector("h1").textContent}: ${
        status.querySelector(".sentence").textContent}`;
    }
    heard = Date.now();
    const sampled = document.getElementById("sampled");
    ageThen = sampled && date ? Date.parse(date) - Date.parse(sampled.dateTime) : null;
  }

  async function ask() {
    const answer = await fetch(location.href, {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!answer.ok) throw new Error(`the exporter answers ${answer.status}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh.getElementById("status") === null) throw new Error("another page answers");
    // Another version of the exporter: its page needs its own script and style.
    if (fresh.querySelector("script[src]").getAttribute("src") !== script) location.reload();
    else show(fresh, answer.headers.get("Date"));
  }

  async function renew() {
    clearTimeout(timer);
    if (underWay || paused || document.hidden) return;
    underWay = true;
    try {
      await ask();
      found();
    } catch (error) {
      lose(error);
    }
    underWay = false;
    timer = setTimeout(renew, interval());
  }

  function found() {
    lost.hidden = true;
    document.body.classList.remove("out-of-touch");
    tick();
  }

  function lose(error) {
    const silent = error.name === "TypeError" || error.name === "TimeoutError";
    const why = silent ? "the exporter does not answer" : error.message;
    const text = `Connection lost: ${why}. This page is from ${
      new Date(heard).toLocaleTimeString()} and may be out of date. Retrying.`;
    if (lost.textContent !== text) lost.textContent = text;
    lost.hidden = false;
    document.body.classList.add("out-of-touch");
    tick();
  }

  function tick() {
    const since = Date.now() - heard;
    if (document.body.classList.contains("out-of-touch")) {
      age.textContent = `last seen ${inWords(since)} ago`;
    } else if (paused) {
      age.textContent = `paused ${inWords(since)} ago`;
    } else {
      age.textContent = ageThen === null ? "" : `${inWords(ageThen + since)} old`;
    }
  }

  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    tick();
    renew();
  });
  document.addEventListener("visibilitychange", renew);
  button.hidden = false;
  timer = setTimeout(renew, 1000);
  setInterval(tick, 1000);
})();
