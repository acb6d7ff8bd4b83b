"""Two hosts for the dashboards: one under every kind of pressure, and this one; and a Prometheus.

The first is a network namespace with a tiny port range. Prometheus stays outside and reaches its
exporter by a listening socket that was opened here.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from tests.deploy.rule_files import RULES
from tests.support.labs.close_wait_lab import REMOTE, eof_unread, not_closed
from tests.support.labs.exporter_process import COMMAND, running_exporter
from tests.support.labs.gateway_lab import translate
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.labs.network_namespace import network_namespace, set_sysctl
from tests.support.labs.prometheus_server import (
    PrometheusServer,
    running_prometheus,
    scrape_config,
    stop,
)

JOB = "tcp-pressure-exporter"
CLUSTER = "lab"
LOCAL = "127.0.0.1"
PORTS = "20000 20059"
CLIENT = "127.0.0.30"  # of the connections that get stuck
POOL = {"local_address": LOCAL, "remote_address": REMOTE, "port": str(SERVER_PORT)}
BUSY = ("127.0.0.20", 9100)  # its service accepts nothing
# As systemd passes a socket: descriptor 3, and exec keeps the process id.
TAKE_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
TRACK = """
add table ip tracked
add chain ip tracked in { type filter hook input priority 0; }
add rule ip tracked in ct state new
"""
TRY = """
import socket, sys, time
while True:
    with socket.socket() as client:
        client.connect_ex((sys.argv[1], int(sys.argv[2])))
    time.sleep(0.2)
"""
# What takes minutes in the rules takes seconds here.
HASTE = (
    (r"\bfor: \w+", "for: 0s"),
    (r"\bkeep_firing_for: \w+", "keep_firing_for: 1s"),
    (r"\[\d+m\]", "[10s]"),
    (r"\boffset \d+m", "offset 5s"),
    (r"\binterval: \d+s", "interval: 1s"),
)


@contextmanager
def pressed_hosts(folder: Path) -> Iterator[tuple[PrometheusServer, str]]:
    """Give Prometheus, and the instance of the host under pressure."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server((LOCAL, 0)))
        with network_namespace():
            _press(Lab(stack))
            stack.enter_context(_exporter_behind(listener, folder))
            stack.enter_context(_refused())
        beside = stack.enter_context(
            running_exporter(folder / "beside.log", "--collector.netns", "--netns.max=1")
        )
        pressed = f"{LOCAL}:{listener.getsockname()[1]}"
        config = _config(folder, pressed, f"{LOCAL}:{beside.port}")
        yield stack.enter_context(running_prometheus(config, folder)), pressed


def _press(lab: Lab) -> None:
    """Stuck connections, a crowded accept queue, tracked ones, and a pool without a free port."""
    set_sysctl("ip_local_port_range", PORTS)
    set_sysctl("tcp_tw_reuse", 0)
    translate(TRACK)
    for _ in range(3):
        eof_unread(lab, CLIENT)
        not_closed(lab, CLIENT)
    lab.listen(*BUSY)
    for _ in range(5):
        client = lab.keep(socket.socket())
        client.connect(BUSY)
    for pair in [lab.connect(REMOTE) for _ in range(10)]:
        time_wait_here(pair)
    lab.connect_until_full(REMOTE)


@contextmanager
def _refused() -> Iterator[None]:
    """Try to connect, again and again, where the pool has no port left."""
    command = [sys.executable, "-c", TRY, REMOTE, str(SERVER_PORT)]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command])
    try:
        yield
    finally:
        stop(process)


@contextmanager
def _exporter_behind(listener: socket.socket, folder: Path) -> Iterator[None]:
    """Run an exporter in the namespace of the thread, on a socket of another one."""
    settings = folder / "exporter.yml"
    settings.write_text("pools: {min_ratio: 0}\n")
    descriptor = listener.fileno()
    command = [
        *("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", TAKE_OVER, str(descriptor)),
        *(str(COMMAND), "--web.systemd-socket", "--sample.interval=1s"),
        f"--config.file={settings}",
    ]
    with (folder / "pressed.log").open("wb") as log:
        process = subprocess.Popen(command, pass_fds=[descriptor], stderr=log)
    try:
        yield
    finally:
        stop(process)


def _config(folder: Path, *targets: str) -> str:
    """Return a configuration with both exporters under one job, and with the shipped rules."""
    rules = [folder / "rules" / path.name for path in RULES]
    rules[0].parent.mkdir()
    for path, copy in zip(RULES, rules, strict=True):
        text = path.read_text()
        for pattern, faster in HASTE:
            text = re.sub(pattern, faster, text)
        copy.write_text(text)
    config = yaml.safe_load(scrape_config({JOB: ""}, rules))
    config["scrape_configs"][0]["static_configs"] = [
        {"targets": list(targets), "labels": {"cluster": CLUSTER}}
    ]
    return yaml.safe_dump(config)
