"""Sockets per state equal what ss(8) shows in the same namespace."""

import socket
import subprocess
import time
from collections import Counter

from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.sample.sample import LIMITS, LOCAL_PORTS, SOCKETS
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import set_sysctl

PATIENCE_SECONDS = 5.0
SS_STATES = {
    "ESTAB": "established",
    "SYN-SENT": "syn_sent",
    "SYN-RECV": "syn_recv",
    "FIN-WAIT-1": "fin_wait1",
    "FIN-WAIT-2": "fin_wait2",
    "TIME-WAIT": "time_wait",
    "CLOSE-WAIT": "close_wait",
    "LAST-ACK": "last_ack",
    "LISTEN": "listen",
    "CLOSING": "closing",
}


def ss_states() -> Counter[tuple[str, str]]:
    """Return what `ss` counts; an address of a v4-mapped socket begins with [::ffff:."""
    answer = subprocess.run(["ss", "-tanH"], capture_output=True, text=True, check=True)
    counts: Counter[tuple[str, str]] = Counter()
    for line in answer.stdout.splitlines():
        state, _received, _sent, local, *_ = line.split()
        mapped = local.startswith("[::ffff:")
        family = "ipv6" if local.startswith(("[", "*")) and not mapped else "ipv4"
        counts[family, SS_STATES[state]] += 1
    return counts


def ss_local_ports() -> set[int]:
    """Return the distinct local ports that `ss` shows."""
    answer = subprocess.run(["ss", "-tanH"], capture_output=True, text=True, check=True)
    return {int(line.split()[3].rsplit(":", 1)[1]) for line in answer.stdout.splitlines()}


def make_every_state(lab: Lab) -> None:
    """Leave sockets of both families in as many states as a test can hold."""
    for remote in ("127.0.0.9", "::1"):
        for _ in range(7):
            lab.connect(remote)
        for pair in [lab.connect(remote) for _ in range(5)]:
            time_wait_here(pair)
        for pair in [lab.connect(remote) for _ in range(4)]:
            time_wait_there(pair)
        for client, _accepted in [lab.connect(remote) for _ in range(3)]:
            client.close()  # FIN_WAIT2 here, CLOSE_WAIT there
    for _ in range(2):
        lab.connect("127.0.0.9", "127.0.0.1", mapped=True)
    half_open = lab.keep(socket.socket())
    half_open.settimeout(0)
    set_sysctl("ip_local_port_range", "50000 50999")
    subprocess.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"], check=True)
    half_open.connect_ex(("192.0.2.1", SERVER_PORT))  # nobody answers: SYN_SENT
    wait_for_fins()


def wait_for_fins() -> None:
    """Wait until each FIN is acknowledged, which may be delayed by 40 ms."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(state == "fin_wait1" for _family, state in ss_states()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_states(lab: Lab, observer: Observer) -> None:
    """Every family and state has the count that ss has, zeros included."""
    make_every_state(lab)
    expected = ss_states()
    sockets = observer.sample().outcome(SOCKETS)
    assert sockets is not None
    published = sockets.get()
    assert published == {
        (family, state): expected[family, state]
        for family in ("ipv4", "ipv6")
        for state in STATE_NAMES.values()
    }
    assert expected["ipv4", "time_wait"] == expected["ipv6", "time_wait"] == 9
    assert expected["ipv4", "syn_sent"] == 1
    assert expected["ipv4", "close_wait"] == 3


def test_local_ports(lab: Lab, observer: Observer) -> None:
    """Used ports are the distinct local ports inside the usable range that ss shows."""
    set_sysctl("ip_local_port_range", "50000 50199")
    set_sysctl("ip_local_reserved_ports", "50010-50019,60000")
    lab.listen("127.0.0.1", 50050)
    for remote in ("127.0.0.8", "127.0.0.9"):
        for _ in range(60):
            lab.connect(remote)
    usable = set(range(50000, 50200)) - set(range(50010, 50020))
    ports = observer.sample().outcome(LOCAL_PORTS)
    assert ports is not None
    assert ports.get().usable == len(usable)
    assert ports.get().reserved == 10
    assert ports.get().used == len(ss_local_ports() & usable)
    assert ports.get().listeners == 1


def test_time_wait_buckets(lab: Lab, observer: Observer) -> None:
    """The buckets in use are the kernel's own count for the namespace only, and so is the limit."""
    set_sysctl("tcp_max_tw_buckets", 777)
    for pair in [lab.connect("127.0.0.9") for _ in range(12)]:
        time_wait_here(pair)
    limits = observer.sample().outcome(LIMITS)
    assert limits is not None
    assert ("time_wait_buckets", 12, 777) in limits.get()
