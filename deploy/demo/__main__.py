"""`make demo`: real pools driven to exhaustion, with the alerts that announce it.

Starts the exporter, Prometheus and Alertmanager on loopback, and a real load in a network namespace
of its own. Nothing outside is touched, and everything ends with it. Needs root, or user namespaces.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from deploy.demo.stack import (
    ROOT,
    hastened_waits,
    running_alertmanager,
    running_prometheus,
    with_webhook,
)
from deploy.demo.webhook import running_webhook

FACTOR = 10  # ten minutes of an alert's `for` are one
PAUSE = 60.0  # seconds before the first story and after the last
GROUPS = """\
groups:
  - name: balancer
    cidrs: [127.7.0.1/32]
    ports: 1000
"""


def main() -> int:
    """Run the demonstration; return its exit code."""
    unshare = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        print("demo: needs root, or user namespaces: unshare(1) was refused", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="tcp-pressure-demo-") as name:
            return run(Path(name), unshare)
    except KeyboardInterrupt:
        print("ended")
        return 0


def run(folder: Path, unshare: list[str]) -> int:
    """Start everything below a folder, print where to look, and wait for the stories to end."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        exporter, balancer = (f"127.0.0.1:{one.getsockname()[1]}" for one in listeners)
        prometheus, alertmanager = free_port(), free_port()
        webhook = stack.enter_context(running_webhook(Announcer().take))
        config = folder / "alertmanager.yml"
        config.write_text(yaml.safe_dump(hastened_waits(with_webhook(webhook))))
        stack.enter_context(running_alertmanager(folder, alertmanager, config))
        scraped, target = [exporter, balancer], f"127.0.0.1:{alertmanager}"
        stack.enter_context(running_prometheus(folder, prometheus, scraped, target, FACTOR))
        (folder / "groups.yml").write_text(GROUPS)
        print(f"exporter      http://{exporter}/")
        print(f"balancer's    http://{balancer}/")
        print(f"Prometheus    http://127.0.0.1:{prometheus}/alerts")
        print(f"Alertmanager  http://127.0.0.1:{alertmanager}/")
        print(f"Takes 11 minutes: those in the rules are divided by {FACTOR}. Ctrl-C ends it.\n")
        sys.stdout.flush()
        return inside(unshare, listeners, folder / "groups.yml")


def inside(unshare: list[str], listeners: Sequence[socket.socket], config: Path) -> int:
    """Run the stories in a namespace, with the listeners of its exporter and the balancer's."""
    listening = [listener.fileno() for listener in listeners]
    arguments = [str(config), str(PAUSE), *map(str, listening)]
    command = [*unshare, sys.executable, "-m", "deploy.demo.inside", *arguments]
    with subprocess.Popen(command, pass_fds=listening, stdin=subprocess.PIPE, cwd=ROOT) as stories:
        try:
            return stories.wait()
        except KeyboardInterrupt:
            stories.wait()  # Ctrl-C reached them, too; Popen itself would not wait for long
            raise


class Announcer:
    """Prints each alert when it fires and when it resolves, not each time it is repeated."""

    def __init__(self) -> None:
        self._firing: set[str] = set()

    def take(self, _receiver: str, alert: dict[str, Any]) -> None:
        """Print an alert of a notification, if it is new."""
        fires, name = alert["status"] == "firing", alert["labels"]["alertname"]
        if fires == (alert["fingerprint"] in self._firing):
            return
        (self._firing.add if fires else self._firing.remove)(alert["fingerprint"])
        text = f"FIRING    {alert['labels']['severity']} {name}" if fires else f"RESOLVED  {name}"
        print(time.strftime("%H:%M:%S"), f"    {text}", flush=True)
        if fires:
            print(f"                {alert['annotations']['description']}", flush=True)


def free_port() -> int:
    """Return a loopback TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    raise SystemExit(main())
