"""A separate host, watched as we ship it: exporter, Prometheus, Alertmanager, receivers."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from deploy.demo.__main__ import GROUPS
from deploy.demo.inside import SYSCTLS
from deploy.demo.stack import (
    hastened_waits,
    running_alertmanager,
    running_prometheus,
    with_webhook,
)
from deploy.demo.webhook import running_webhook
from tests.live.agent import running_agent
from tests.live.inbox import Inbox
from tests.support.labs.exporter_process import running_exporter
from tests.support.labs.network_namespace import network_namespace, set_sysctl

PROMETHEUS = 9090
ALERTMANAGER = 9093
START_SECONDS = 30.0


@dataclass(frozen=True)
class WatchedHost:
    """The calling thread's network namespace, and the receivers of its alerts."""

    inbox: Inbox

    def alerts(self) -> dict[str, str]:
        """Return the state of each alert that Alertmanager has: active or suppressed."""
        found = _get(ALERTMANAGER, "/api/v2/alerts") or []
        return {alert["labels"]["alertname"]: alert["status"]["state"] for alert in found}

    def query(self, expression: str) -> list[Any]:
        """Return what Prometheus finds now; nothing while it is starting."""
        answer = _get(PROMETHEUS, f"/api/v1/query?query={quote(expression)}")
        return answer["data"]["result"] if answer else []


@contextmanager
def watched_host(
    folder: Path, factor: int, *, waits: bool = True, agent: bool = False
) -> Iterator[WatchedHost]:
    """Move the calling thread into a watched host, and back at the end.

    The minutes in the rules are divided by `factor`; without `waits`, Alertmanager sends at once.
    With `agent`, an agent scrapes the exporter and sends to Prometheus by remote write.
    """
    inbox = Inbox()
    (folder / "groups.yml").write_text(GROUPS)
    with network_namespace(), ExitStack() as stack:
        config = with_webhook(stack.enter_context(running_webhook(inbox.take)))
        path = folder / "alertmanager.yml"
        path.write_text(yaml.safe_dump(config if waits else hastened_waits(config)))
        stack.enter_context(running_alertmanager(folder, ALERTMANAGER, path))
        flag = f"--config.file={folder / 'groups.yml'}"
        exporter = stack.enter_context(running_exporter(folder / "exporter.log", flag))
        address, alertmanager = f"127.0.0.1:{exporter.port}", f"127.0.0.1:{ALERTMANAGER}"
        scraped = [] if agent else [address]
        stack.enter_context(running_prometheus(folder, PROMETHEUS, scraped, alertmanager, factor))
        if agent:
            stack.enter_context(running_agent(folder, address, PROMETHEUS))
        # Only now: the listeners here took their ports from the original range.
        for name, value in SYSCTLS.items():
            set_sysctl(name, value)
        host = WatchedHost(inbox)
        wait_until(lambda: bool(host.query("up == 1")), "Prometheus scrapes the exporter")
        yield host


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Look ten times a second until the condition holds; fail after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def _get(port: int, path: str) -> Any:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
    except (ConnectionError, json.JSONDecodeError):
        return None  # it is still starting: not listening yet, or "Service Unavailable"
