"""What fills a pool decides the advice; each advice is followed here, and helps."""

import errno
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tcp_pressure_exporter.sample.sample import CLOSE_WAIT, FINDINGS
from tcp_pressure_exporter.verdict.actions import actions
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.stuck import stuck_subject
from tests.support.labs.lab import SERVER_PORT, Lab, Observer
from tests.support.labs.network_namespace import add_address, set_sysctl

REMOTE = "127.0.0.9"
PORTS = 20


@pytest.fixture
def narrow(lab: Lab) -> Lab:
    """Give the lab twenty local ports, none of which TIME_WAIT gives back."""
    set_sysctl("ip_local_port_range", f"40000 {40000 + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)
    return lab


def full(lab: Lab) -> list[socket.socket]:
    """Fill the pool with open connections; return the accepted ends."""
    return [lab.connect(REMOTE)[1] for _ in range(PORTS)]


def pressure(observer: Observer) -> Pressure:
    """Return what is said about the full pool."""
    [found] = [p for p in assess(observer.sample()).pressures if p.kind == "outbound"]
    assert (found.used, found.limit) == (PORTS, PORTS)
    return found


def connects(lab: Lab) -> bool:
    """Tell whether another connect() finds a port."""
    with socket.socket() as sock:
        sock.settimeout(5)
        code = sock.connect_ex((REMOTE, SERVER_PORT))
        if code == 0:
            lab.keep(lab.server4.accept()[0])
    assert code in {0, errno.EADDRNOTAVAIL}
    return code == 0


def within(seconds: float, happens: Callable[[], bool]) -> bool:
    """Wait until something happens, at most that long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.2)
    return False


@contextmanager
def firewall(*rule: str) -> Iterator[None]:
    """Drop packets of the namespace; at the end the rule is removed."""
    nft("add", "table", "ip", "t")
    nft("add", "chain", "ip", "t", "i", "{ type filter hook input priority 0; }")
    nft("add", "rule", "ip", "t", "i", *rule, "drop")
    try:
        yield
    finally:
        nft("delete", "table", "ip", "t")


def nft(*command: str) -> None:
    subprocess.run(["nft", *command], check=True)


def unanswered(lab: Lab) -> None:
    """Open connections until the pool is full; nobody answers."""
    for _ in range(PORTS):
        sock = lab.keep(socket.socket())
        sock.settimeout(0)
        assert sock.connect_ex((REMOTE, SERVER_PORT)) == errno.EINPROGRESS


def test_syn_sent(narrow: Lab, observer: Observer) -> None:
    """If nobody answers, the advice names destination and firewall; without the rule it works."""
    with firewall("tcp", "dport", str(SERVER_PORT)):
        unanswered(narrow)
        found = pressure(observer)
        assert not connects(narrow)
    assert found.advice.startswith("Most ports are waiting for an answer to their SYN")
    assert "firewall" in found.advice
    assert found.filling == "syn_sent"
    assert [count.sockets for count in found.owners] == [PORTS]
    # The SYNs that come again are answered, and the connections are there.
    assert within(10, lambda: pressure(observer).filling == "open")


def test_fewer_syn_retries(narrow: Lab, observer: Observer) -> None:
    """With a lower tcp_syn_retries, waiting ones give up, and their ports are free."""
    with firewall("tcp", "dport", str(SERVER_PORT)):
        unanswered(narrow)
        assert "tcp_syn_retries" in pressure(observer).advice
        set_sysctl("tcp_syn_retries", 1)
        assert within(15, lambda: in_state("syn-sent") == 0)
    assert connects(narrow)


def in_state(state: str) -> int:
    """Return how many connections to the server `ss` shows in a state."""
    return shown(state, "dst", f"{REMOTE}:{SERVER_PORT}")


def shown(state: str, *which: str) -> int:
    command = ["ss", "-Htan", "state", state, *which]
    return len(subprocess.run(command, check=True, capture_output=True).stdout.splitlines())


def test_fin_wait2_orphans(narrow: Lab, observer: Observer) -> None:
    """Orphans in FIN_WAIT2 belong to nobody; with tcp_fin_timeout = 5, the next ones go in 8 s."""
    set_sysctl("tcp_fin_timeout", 5)
    full(narrow)
    for client in narrow.clients:
        client.close()
    closed = time.monotonic()
    assert within(2, lambda: in_state("fin-wait-2") == PORTS)
    assert not connects(narrow)
    found = pressure(observer)
    assert found.filling == "fin_wait2_orphan"
    assert (found.owners, found.advice.count("tcp_fin_timeout")) == ((), 1)
    assert "Make the peer close" in found.advice
    assert within(20, lambda: connects(narrow))
    assert time.monotonic() - closed < 10


def test_orphans_of_before(narrow: Lab) -> None:
    """Those closed before keep their time: the peer must close."""
    accepted = full(narrow)
    for client in narrow.clients:
        client.close()
    assert within(5, lambda: in_state("fin-wait-2") == PORTS)  # the ACK of a FIN is delayed
    set_sysctl("tcp_fin_timeout", 5)
    assert not within(10, lambda: connects(narrow))
    for sock in accepted[1:]:
        sock.close()
    assert within(5, lambda: in_state("fin-wait-2") == 1)
    assert in_state("time-wait") == PORTS - 1  # which tcp_tw_reuse gives back
    set_sysctl("tcp_tw_reuse", 2)
    assert within(5, lambda: connects(narrow))


def test_fin_timeout_is_not_to_be_restored(narrow: Lab, observer: Observer) -> None:
    """A lowered tcp_fin_timeout is no finding while orphans in FIN_WAIT2 fill a pool."""
    set_sysctl("tcp_fin_timeout", 30)
    full(narrow)
    for client in narrow.clients:
        client.close()
    assert within(5, lambda: in_state("fin-wait-2") == PORTS)
    assert not {"fin_timeout_lowered", "port_range_too_small"} & found_by(observer)


def test_fin_timeout_lowered(narrow: Lab, observer: Observer) -> None:
    """It is one where open connections fill the pool, and says when not to restore 60."""
    set_sysctl("tcp_fin_timeout", 30)
    full(narrow)
    assert {"fin_timeout_lowered", "port_range_too_small"} <= found_by(observer)


def found_by(observer: Observer) -> set[str]:
    states = observer.sample().get(FINDINGS)
    return {state.finding.name for state in states if state.detail is not None}


def test_half_closed(narrow: Lab, observer: Observer) -> None:
    """FIN_WAIT2 that an application still holds is for it to close, whatever tcp_fin_timeout."""
    set_sysctl("tcp_fin_timeout", 1)
    accepted = full(narrow)
    for client in narrow.clients:
        client.shutdown(socket.SHUT_WR)
    time.sleep(3)
    found = pressure(observer)
    assert found.filling == "fin_wait2_owned"
    assert [count.sockets for count in found.owners] == [PORTS]
    assert "make the application close" in found.advice
    assert "tcp_fin_timeout" not in found.advice
    for sock in accepted:
        sock.close()
    for client in narrow.clients:
        client.close()
    assert in_state("fin-wait-2") == 0


def test_unanswered_fin(narrow: Lab, observer: Observer) -> None:
    """If the FIN is not answered, tcp_orphan_retries = 1 gives the ports back within seconds."""
    full(narrow)
    with firewall("tcp", "dport", str(SERVER_PORT)):
        for client in narrow.clients:
            client.close()
        found = pressure(observer)
        assert found.filling == "fin_unanswered"
        assert found.advice.startswith("Most ports are closed, but the peer does not answer")
        assert not within(4, lambda: in_state("fin-wait-1") == 0)
        set_sysctl("tcp_orphan_retries", 1)
        assert within(20, lambda: in_state("fin-wait-1") == 0)
    assert connects(narrow)


def test_last_ack(narrow: Lab, observer: Observer) -> None:
    """The same if the peer closed first: LAST_ACK."""
    for sock in full(narrow):
        sock.close()
    with firewall("tcp", "dport", str(SERVER_PORT)):
        for client in narrow.clients:
            client.close()
        assert in_state("last-ack") == PORTS
        assert pressure(observer).filling == "fin_unanswered"
        set_sysctl("tcp_orphan_retries", 1)
        assert within(20, lambda: in_state("last-ack") == 0)
    assert connects(narrow)


def test_close_wait(narrow: Lab, observer: Observer) -> None:
    """CLOSE_WAIT in an outbound pool is the application's; what it closes is free."""
    for sock in full(narrow):
        sock.close()
    found = pressure(observer)
    assert found.filling == "close_wait"
    assert "the application here has not" in found.advice
    assert [count.sockets for count in found.owners] == [PORTS]
    assert not connects(narrow)
    for client in narrow.clients:
        client.close()
    assert connects(narrow)


def test_one_more_local_address(narrow: Lab, observer: Observer) -> None:
    """Another local address does nothing by itself, but helps a client that binds to it."""
    full(narrow)
    advice = pressure(observer).advice
    assert "or a local one to bind to with IP_BIND_ADDRESS_NO_PORT" in advice
    add_address("10.77.0.2/32")
    assert not connects(narrow)
    assert narrow.connect_until_full(REMOTE, "10.77.0.2") == PORTS


def test_most_decides(narrow: Lab, observer: Observer) -> None:
    """Of several states the one with the most sockets decides; less than half is not "most"."""
    accepted = full(narrow)
    for client in narrow.clients[:9]:
        client.close()  # FIN_WAIT2
    for sock in accepted[9:15]:
        sock.close()  # CLOSE_WAIT
    assert within(5, lambda: in_state("fin-wait-2") == 9)
    found = pressure(observer)
    assert found.filling == "fin_wait2_orphan"
    assert found.advice.startswith("Many ports belong to no process")


def mptcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)  # IPPROTO_MPTCP


def ip_mptcp(command: str) -> None:
    subprocess.run(["ip", "mptcp", *command.split()], check=True)


@contextmanager
def subflows(lab: Lab, endpoints: int = 1, port: int = 9001) -> Iterator[None]:
    """Hold connections with an additional subflow for each endpoint."""
    ip_mptcp("limits set subflow 2 add_addr_accepted 2")
    for _ in range(endpoints):
        ip_mptcp("endpoint add 10.77.0.2 subflow")
    with mptcp() as server:
        server.bind(("10.77.0.1", port))
        server.listen(100)
        for _ in range(PORTS // 2):
            client = lab.keep(mptcp())
            client.connect(("10.77.0.1", port))
            client.send(b"x")
            lab.keep(server.accept()[0])
        yield


def test_mptcp(narrow: Lab, observer: Observer) -> None:
    """MPTCP's subflows are the kernel's; a wider range helps at once, fewer endpoints later."""
    for number in (1, 2):
        add_address(f"10.77.0.{number}/32")
    with subflows(narrow):
        assert within(10, lambda: not connects(narrow))
        sample = observer.sample()
        [first, *_] = assess(sample).pressures
        words = " ".join(action.advice for action in actions(assess(sample)))
        assert first.refused
        assert "additional MPTCP subflows" in first.advice
        assert "IP_BIND_ADDRESS_NO_PORT" not in words
        assert "mptcp_subflows_bind" in found_by(observer)
        assert "bind_before_connect" not in found_by(observer)
        ip_mptcp("endpoint flush")
        # Their ports come back when TIME_WAIT is over.
        assert within(10, lambda: shown("time-wait", "src", "10.77.0.2") == PORTS // 2)
        assert not connects(narrow)
        set_sysctl("ip_local_port_range", f"40000 {40000 + 2 * PORTS - 1}")
        assert connects(narrow)
    with subflows(narrow, endpoints=0, port=9002):
        assert shown("established", "src", "10.77.0.2") == 0
        assert connects(narrow)


def test_never_accepted(narrow: Lab, observer: Observer) -> None:
    """What a listener does not accept is attributed to it; accept() and close() free it."""
    for _ in range(12):
        narrow.keep(socket.create_connection((REMOTE, SERVER_PORT))).close()
    assert within(5, lambda: accepted_later(observer) == 12)
    found = assess(observer.sample())
    [stuck] = found.stuck
    assert stuck.never_accepted == 12
    assert "never accepted these connections" in stuck.advice
    assert stuck_subject(stuck) == "CLOSE_WAIT (never accepted)"
    assert found.close_wait is not None
    assert ([count.sockets for count in found.close_wait.owners], found.close_wait.remotes) == (
        [12],
        (),
    )
    for _ in range(12):
        narrow.server4.accept()[0].close()
    assert accepted_later(observer) == 0


def accepted_later(observer: Observer) -> int:
    """Return how many connections in CLOSE_WAIT have a known owner."""
    waiting = observer.sample().get(CLOSE_WAIT)
    return sum(count.sockets for count in waiting.owners)
