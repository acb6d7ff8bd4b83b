"""Asking servers of all kinds what they remember: right, wrong, slow and hostile ones."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest

from tcp_pressure_exporter.daemon.report import asking as module
from tcp_pressure_exporter.daemon.report.asking import NOT_KNOWN, NOT_THIS_HOST, Asking
from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.json_documents.report import report_json
from tcp_pressure_exporter.pages.json_documents.status import status_json
from tcp_pressure_exporter.settings.values import ExporterUrl, parse_exporter
from tests.pages.report.observations import QUIET, UPSTREAM, assessment, observation, rendered
from tests.pages.status.snapshots import EXPORTER, PROXY_HOST, snapshot

POOL = "10.77.0.1 → 10.77.0.2:8080"
HERE = Identity("0123456789abcdef", 4026531840)
LOOK = observation(assessment(UPSTREAM._replace(name=POOL, owners=()), severity=Severity.CRITICAL))
Answer = Callable[[socket.socket], None]


def body(identity: Identity = HERE) -> bytes:
    exporter = replace(EXPORTER, identity=identity)
    return status_json(replace(snapshot(PROXY_HOST), exporter=exporter))


def http(content: bytes, status: str = "200 OK", more: str = "") -> Answer:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{more}\r\n".encode()
    return lambda client: client.sendall(head + content)


@contextmanager
def server(answer: Answer) -> Iterator[ExporterUrl]:
    """Serve one client on loopback."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            with suppress(OSError):
                client, _ = listener.accept()
                with client:
                    client.recv(65_536)
                    answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            found = parse_exporter(f"http://127.0.0.1:{listener.getsockname()[1]}")
            assert found
            yield found
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def reason(answer: Answer, here: Identity | None = HERE) -> str:
    """Return why a server's answer is not used."""
    with server(answer) as url:
        seen = Asking(url, here, expected=True).added_to(LOOK)
    assert seen.asked
    assert seen.assessment == LOOK.assessment
    return seen.asked.reason


def test_the_exporter_of_this_host() -> None:
    """Its owners are added to those of the look, and the report says where they come from."""
    with server(http(body())) as url:
        seen = Asking(url, HERE, expected=False).added_to(LOOK)
        text = rendered(seen, width=200)
    assert seen.asked == (url.text, "", ())
    first = seen.assessment.pressures[0].owners[0]
    assert (first.owner.service, first.told_by) == ("nginx.service", url.text)
    assert "nginx.service (nginx) 298 (by the exporter)" in text
    assert f"the exporter at {url.text}" in " ".join(text.split())


@pytest.mark.parametrize(
    "elsewhere",
    [HERE._replace(boot="another"), HERE._replace(network_namespace=1)],
    ids=["another-boot", "another-namespace"],
)
def test_another_host(elsewhere: Identity) -> None:
    """An answer about another host, or another network namespace, is not used."""
    assert reason(http(body(elsewhere))) == NOT_THIS_HOST


def test_unknown_place() -> None:
    """If it is not known where the report runs, no answer can be trusted."""
    assert reason(http(body()), here=None) == NOT_KNOWN


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (http(b"", "401 Unauthorized"), "it answered 401"),
        (http(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"), "it answered 302"),
        (http(b"<html>"), "its answer is no status document of this exporter's version"),
        (http(b'{"error": "\x1b[31m"}'), "its answer is no status document"),
        (http(b" " * (module.MOST_BYTES + 1)), "its answer is too long"),
        (lambda client: client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH"),
        (lambda client: client.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "line"),
    ],
)
def test_wrong_servers(answer: Answer, why: str) -> None:
    """Any other kind of answer is not used, and the reason is given."""
    assert why in reason(answer)


def drip(client: socket.socket) -> None:
    """Send a byte now and then, each well before a timeout."""
    with suppress(OSError):
        for _byte in range(100):
            client.sendall(b"H")
            time.sleep(0.05)


@pytest.mark.parametrize("answer", [drip, lambda client: client.recv(1)], ids=["drip", "silent"])
def test_slow_servers(answer: Answer) -> None:
    """The report does not wait more than half a second for the whole answer."""
    with server(answer) as url:
        asking = Asking(url, HERE, expected=True)
        began = time.monotonic()
        assert asking.remembered() == "no answer within 0.5 s"
        assert time.monotonic() - began < 60  # a drip takes five seconds or more


def test_nobody() -> None:
    """A missing listener is mentioned only if an exporter was named."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = parse_exporter(f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert url
    assert Asking(url, HERE, expected=False).added_to(LOOK) == LOOK
    named = Asking(url, HERE, expected=True).added_to(LOOK)
    assert named.asked == (url.text, "nothing listens there", ())


def test_hostile_names() -> None:
    """Names invented by whatever answers can neither steer a terminal nor begin a line."""
    found = json.loads(body())
    found["incidents"] = [{"netns": "host", "words": "calm\x1b[2J\nCALM"}]
    for pressure in found["namespaces"][0]["pressures"]:
        for owner in pressure["owners"]:
            owner["process"] = "a\x1b[31m\nCALM"
    with server(http(json.dumps(found).encode())) as url:
        text = rendered(Asking(url, HERE, expected=False).added_to(LOOK))
    assert "\x1b" not in text
    assert not any(line.startswith("CALM") for line in text.splitlines())
    assert r"calm\x1b[2J\nCALM" in text


def test_what_has_happened() -> None:
    """For a calm host too, the report shows what the exporter says has happened."""
    found = json.loads(body())
    line = "Since 10:02: outbound pool full."
    found["incidents"] = [{"netns": "host", "words": line}]
    with server(http(json.dumps(found).encode())) as url:
        seen = Asking(url, HERE, expected=False).added_to(observation(QUIET))
    assert line in rendered(seen)
    assert json.loads(report_json(seen))["asked"] == {
        "url": url.text,
        "unused": "",
        "incidents": [line],
    }
