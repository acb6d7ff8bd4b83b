"""Hosts for the dashboards, and a Prometheus that scrapes their exporters.

One is under every kind of pressure: a network namespace with a tiny port range, which is also the
NAT gateway between a client and a server. The server's own exporter sees the other end. The third
is this host. Prometheus stays outside, and reaches exporters in namespaces on listening sockets
opened here.
"""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import yaml

from tests.deploy.rule_files import RULES
from tests.support.labs.close_wait_lab import REMOTE, eof_unread, not_closed
from tests.support.labs.exporter_process import COMMAND, running_exporter
from tests.support.labs.gateway_lab import (
    KNOWN_SERVER,
    GatewayLab,
    inside,
    open_gateway_lab,
    snat,
)
from tests.support.labs.lab import (
    SERVER_PORT,
    Lab,
    Pair,
    time_wait_here,
    time_wait_there,
)
from tests.support.labs.network_namespace import set_sysctl
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
CLIENT = "127.0.0.30"  # for the connections that get stuck
POOL = {"local_address": LOCAL, "remote_address": REMOTE, "port": str(SERVER_PORT)}
BUSY = ("127.0.0.20", 9100)  # a service that accepts nothing
# As systemd passes a socket: descriptor 3, and exec keeps the process id.
TAKE_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
TRY = """
import socket, sys, time
while True:
    with socket.socket() as client:
        client.connect_ex((sys.argv[1], int(sys.argv[2])))
    time.sleep(0.2)
"""
# For a kernel that lets bind() be watched, as the tests' kernel may not: from Linux 6.12.
BINDS = """\
tcp_pressure_bind_failures_total{netns="host",cause="no_port"} 0
tcp_pressure_bind_failures_total{netns="host",cause="port_taken"} 2
tcp_pressure_port_failure_owner_total{netns="host",call="bind",cause="port_taken",\
service="shop/checkout-7d9f/web",process="web",local_address="0.0.0.0",remote_address="",\
port="8080"} 2
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
    """Yield Prometheus, and the instance of the host under pressure."""
    with ExitStack() as stack:
        here, there = (stack.enter_context(socket.create_server((LOCAL, 0))) for _ in range(2))
        beside = stack.enter_context(
            running_exporter(folder / "beside.log", "--collector.netns", "--netns.max=1")
        )
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        stack.callback(os.close, home)
        gateway = stack.enter_context(open_gateway_lab())
        set_sysctl("ip_local_port_range", PORTS)
        set_sysctl("tcp_tw_reuse", 0)
        _translate(gateway)
        pairs = _press(Lab(stack))
        stack.enter_context(_exporter_behind(here, folder / "pressed"))
        stack.enter_context(_closed_one_by_one(pairs))
        stack.enter_context(_refused())
        with inside(gateway.server):
            stack.enter_context(_exporter_behind(there, folder / "server"))
        stack.enter_context(inside(home))
        targets = [f"{LOCAL}:{one.getsockname()[1]}" for one in (here, there)]
        page = stack.enter_context(_page(BINDS))
        config = _config(folder, *targets, f"{LOCAL}:{beside.port}", page)
        yield stack.enter_context(running_prometheus(config, folder)), targets[0]


def _translate(gateway: GatewayLab) -> None:
    """Connect the client through NAT, and the gateway itself; the server closes the latter's."""
    snat("masquerade to :40000-40099")
    for _ in range(3):
        gateway.connect()
    gateway.connect_from_gateway(KNOWN_SERVER)
    for _ in range(3):
        time_wait_there(gateway.connect_from_gateway(KNOWN_SERVER))


def _press(lab: Lab) -> list[Pair]:
    """Make stuck connections, a crowded accept queue, and a pool without a free port.

    Return the connections of that pool that can be closed.
    """
    for _ in range(3):
        eof_unread(lab, CLIENT)
        not_closed(lab, CLIENT)
    lab.listen(*BUSY)
    for _ in range(5):
        client = lab.keep(socket.socket())
        client.connect(BUSY)
    for pair in [lab.connect(REMOTE) for _ in range(10)]:
        time_wait_here(pair)
    pairs = [lab.connect(REMOTE) for _ in range(40)]
    lab.connect_until_full(REMOTE)
    return pairs


@contextmanager
def _closed_one_by_one(pairs: Sequence[Pair]) -> Iterator[None]:
    """Close a connection here every two seconds; the pool stays full, increasingly of TIME_WAIT.

    When their ports come back after a minute, _refused takes them and closes connections.
    """
    ended = Event()

    def close() -> None:
        for pair in pairs:
            if ended.wait(2):
                return
            time_wait_here(pair)

    thread = Thread(target=close)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _page(text: str) -> Iterator[str]:
    """Serve a page of metrics; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing about the requests."""

    with ThreadingHTTPServer((LOCAL, 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"{LOCAL}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _refused() -> Iterator[None]:
    """Keep trying to connect while the pool has no port left."""
    command = [sys.executable, "-c", TRY, REMOTE, str(SERVER_PORT)]
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command])
    try:
        yield
    finally:
        stop(process)


@contextmanager
def _exporter_behind(listener: socket.socket, folder: Path) -> Iterator[None]:
    """Run an exporter in the thread's namespace, on a socket of another one."""
    folder.mkdir()
    settings = folder / "exporter.yml"
    settings.write_text("pools: {min_ratio: 0}\n")
    descriptor = listener.fileno()
    command = [
        *("setpriv", "--pdeathsig", "KILL", sys.executable, "-c", TAKE_OVER, str(descriptor)),
        *(str(COMMAND), "--web.systemd-socket", "--sample.interval=1s"),
        f"--config.file={settings}",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, pass_fds=[descriptor], stderr=log)
    try:
        yield
    finally:
        stop(process)


def _config(folder: Path, *targets: str) -> str:
    """Return a configuration with all exporters under one job, and the shipped rules."""
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
