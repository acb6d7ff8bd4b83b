"""Reading the program's counts: recorded bytes, damaged ones, and a real kernel's."""

import socket
import struct
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.time_wait import (
    CHOSEN,
    OUTSIDE,
    PRIVILEGED,
    ActiveClose,
    CloseCounts,
    UnnamedCloses,
)
from tcp_pressure_exporter.sources.bpf.active_closes import (
    ActiveCloses,
    open_active_closes,
    parse_counts,
)
from tcp_pressure_exporter.sources.bpf.loading import BpfObject
from tests.sources.bpf.counted_closes import closers
from tests.support.fakes.bpf_calls import Unattachable
from tests.support.labs.cgroup_tree import cgroup_tree
from tests.support.labs.closers_lab import (
    CHILD,
    CLOSE,
    EXIT,
    NON_BLOCKING,
    RESET,
    SHUTDOWN,
    THREADS,
    closer,
    settled,
    time_wait_entries,
)
from tests.support.labs.lab import SERVER_PORT, Lab, open_lab, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import network_namespace, set_sysctl
from tests.support.messages.socket_entries import sixteen_bytes

HERE, FAR = sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9")


def row(netns: int, accepted: int, ports: int = 0, name: bytes = b"envoy") -> bytes:
    """Write a key in the form of the program's struct active_close."""
    ends = struct.pack("=HQ16s16s", 443, 4711, HERE, FAR)
    return struct.pack("=IBB", netns, accepted, ports) + ends + struct.pack("=16sI4x", name, 3)


def kind(netns: int, accepted: int, odd: int) -> bytes:
    return struct.pack("=IBB2x", netns, accepted, odd)


def count(number: int) -> bytes:
    return struct.pack("=Q", number)


def close(generation: int, *, accepted: bool = False, ports: str = CHOSEN) -> ActiveClose:
    ends = (HERE, FAR, (443).to_bytes(2), 3)
    return ActiveClose(generation, accepted, *ends, ports, 4711, "envoy")


def test_counts() -> None:
    """Returns rows by direction, pool and process, and the closes without room."""
    even = [(row(7, 0), count(3)), (row(7, 0, 2), count(1))]
    odd = [(row(7, 0, 1), count(2)), (row(7, 1), count(4))]
    kinds = [(kind(7, 0, 0), count(5)), (kind(7, 1, 1), count(6))]
    assert parse_counts(3, (even, odd), kinds, count(1)) == CloseCounts(
        rows={
            close(2): 3,
            close(2, ports=OUTSIDE): 1,
            close(3, ports=PRIVILEGED): 2,
            close(3, accepted=True): 4,
        },
        unnamed={UnnamedCloses(2, accepted=False): 5, UnnamedCloses(3, accepted=True): 6},
        lost=1,
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"", ""),
        (b"sixteen-bytes-ab", "sixteen-bytes-ab"),
        (b"a\0b", "a"),
        (b'x"\n\\', 'x"\n\\'),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
    ],
)
def test_hostile_name(name: bytes, shown: str) -> None:
    """A process can have any name: it stays text, and bytes that are not UTF-8 are replaced."""
    entries = [(row(7, 0, name=name), count(1))]
    [found] = parse_counts(0, (entries, []), [], count(0)).rows
    assert found.process == shown


ENTRIES = st.lists(st.tuples(st.binary(max_size=90), st.binary(max_size=12)))
OWN_ENTRIES = st.lists(
    st.tuples(st.binary(max_size=90).map(lambda key: row(7, 0)[:4] + key), st.binary(max_size=12))
)


@given(OWN_ENTRIES, ENTRIES, OWN_ENTRIES, st.binary(max_size=12))
def test_damaged(
    even: list[tuple[bytes, bytes]],
    odd: list[tuple[bytes, bytes]],
    kinds: list[tuple[bytes, bytes]],
    lost: bytes,
) -> None:
    """Whatever bytes come, the answer is counts or a SourceError."""
    with suppress(SourceError):
        parse_counts(1, (even, odd), kinds, lost)


def test_unknown_ports() -> None:
    """Local ports of an unknown kind are an error, not mistaken for others."""
    with pytest.raises(SourceError, match="cannot be read"):
        parse_counts(0, ([(row(7, 0, 3), count(1))], []), [], count(0))


def test_refused_at_the_attachment() -> None:
    """If the program loads but cannot be attached, it is released, and the reason is given."""
    closed: list[int] = []
    calls = Unattachable({"active_closes": ("count_active_closes", "watch_caller")})
    made = open_active_closes(lambda name: BpfObject(name, calls, closed.append))
    assert made == Missing("BPF object active_closes: EINVAL: Invalid argument")
    assert sorted(closed) == [10, 11]


def own_name() -> str:
    return Path("/proc/self/comm").read_text().rstrip("\n")


@pytest.mark.bpf
@pytest.mark.parametrize("how", [CLOSE, EXIT, SHUTDOWN, NON_BLOCKING, THREADS])
@pytest.mark.parametrize("remote", ["127.0.0.9", "::1", "::ffff:127.0.0.9"])
def test_ways_to_close(lab: Lab, active_closes: ActiveCloses, how: str, remote: str) -> None:
    """However a process closes first, each connection counts once, and only for that process.

    A thread's name is not its process's.
    """
    with closer(lab, "proxy", how, 7, remote) as process:
        process.close()
        assert settled(time_wait_entries, 7) == 7
        assert closers(active_closes) == {("proxy", False): 7}
        [found] = active_closes.active_closes().rows
    assert socket.inet_ntop(socket.AF_INET6, found.remote_address) == (
        remote if ":" in remote else f"::ffff:{remote}"
    )
    assert (int.from_bytes(found.port), found.scope, found.local_ports) == (SERVER_PORT, 0, CHOSEN)


@pytest.mark.bpf
def test_killed(lab: Lab, active_closes: ActiveCloses, tmp_path: Path) -> None:
    """A process that is killed with 500 connections closes them all; its cgroup is known."""
    with cgroup_tree(tmp_path) as tree:
        cgroup_id = tree.make("proxy.service")
        with closer(lab, "proxy", CLOSE, 500, "127.0.0.9", tree.root / "proxy.service") as process:
            process.kill()
            assert settled(time_wait_entries, 500) == 500
            [(found, number)] = active_closes.active_closes().rows.items()
    assert (number, found.process, found.cgroup_id) == (500, "proxy", cgroup_id)


@pytest.mark.bpf
def test_last_descriptor(lab: Lab, active_closes: ActiveCloses) -> None:
    """If a process and its child share a socket, the one that closes it last counts."""
    with closer(lab, "parent", CHILD, 5, "127.0.0.9") as process:
        process.let_child_exit()
        process.end_others()
        assert settled(time_wait_entries, 5) == 5
        assert closers(active_closes) == {("child", False): 5}


@pytest.mark.bpf
def test_server_closes_first(lab: Lab, active_closes: ActiveCloses) -> None:
    """What the accepting end closes first is inbound, even after the listener has gone."""
    pairs = [lab.connect("127.0.0.9") for _ in range(6)]
    for pair in pairs[:2]:
        time_wait_there(pair)
    lab.server4.close()
    for pair in pairs[2:]:
        time_wait_there(pair)
    assert settled(time_wait_entries, 6) == 6
    assert closers(active_closes) == {(own_name(), True): 6}
    [found] = active_closes.active_closes().rows
    assert int.from_bytes(found.port) == SERVER_PORT
    assert found.remote_address == sixteen_bytes("127.0.0.1")


@pytest.mark.bpf
def test_both_close(lab: Lab, active_closes: ActiveCloses) -> None:
    """If both ends send their FIN before they see the other's, both count, and both wait."""
    pair = lab.connect("127.0.0.9")
    for sock in pair:  # until neither can send: the FINs wait behind the data
        sock.settimeout(0)
        with suppress(BlockingIOError):
            while True:
                sock.send(bytes(65536))
    for sock in pair:
        sock.shutdown(socket.SHUT_WR)
    ended: set[socket.socket] = set()
    while len(ended) < 2:
        for sock in pair:
            with suppress(BlockingIOError):
                if not sock.recv(1 << 20):
                    ended.add(sock)
    assert settled(time_wait_entries, 2) == 2
    assert closers(active_closes) == {(own_name(), False): 1, (own_name(), True): 1}


@pytest.mark.bpf
def test_resets(lab: Lab, active_closes: ActiveCloses) -> None:
    """SO_LINGER 0, and unread data, send a reset: no active close, no TIME_WAIT."""
    with closer(lab, "aborts", RESET, 5, "127.0.0.9") as process:
        process.close()
    with closer(lab, "unread", CLOSE, 5, "127.0.0.9") as process:
        for accepted in process.accepted:
            accepted.send(b"unread")
        process.close()
    assert closers(active_closes) == {}
    assert time_wait_entries() == 0


@pytest.mark.bpf
def test_reset_after_the_fin(lab: Lab, active_closes: ActiveCloses) -> None:
    """A connection that is reset after its FIN counts, and leaves no TIME_WAIT: HELP says so."""
    client, accepted = lab.connect("127.0.0.9")
    client.shutdown(socket.SHUT_WR)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
    accepted.close()
    assert closers(active_closes) == {(own_name(), False): 1}
    assert time_wait_entries() == 0


@pytest.mark.bpf
def test_never_connected(lab: Lab, active_closes: ActiveCloses) -> None:
    """Closing refused, listening, bound, half-open and UDP sockets does not count."""
    lab.keep(socket.socket()).connect_ex(("127.0.0.1", 1))
    lab.bind("127.0.0.1", 9001).close()
    lab.listen("127.0.0.1", 9002).close()
    half_open = lab.keep(socket.socket())
    half_open.settimeout(0)
    half_open.connect_ex(("192.0.2.1", 80))
    half_open.close()
    datagram = lab.keep(socket.socket(type=socket.SOCK_DGRAM))
    datagram.connect(("127.0.0.9", SERVER_PORT))
    datagram.close()
    assert closers(active_closes) == {}


@pytest.mark.bpf
def test_local_ports(lab: Lab, active_closes: ActiveCloses) -> None:
    """Local ports that connect() does not choose are told apart, including reserved ones."""
    set_sysctl("ip_local_port_range", "40000 40099")
    set_sysctl("ip_local_reserved_ports", "40050-40059,40061")
    for port in (40050, 40061, 40100, 39999, 1024, 1023, 600):
        time_wait_here(lab.connect("127.0.0.9", "127.0.0.1", port))
    for port in (40000, 40099, 40060, 0):
        time_wait_here(lab.connect("127.0.0.8", "127.0.0.1", port))
    found = Counter[tuple[str, str]]()
    for one, number in active_closes.active_closes().rows.items():
        remote = socket.inet_ntop(socket.AF_INET6, one.remote_address)
        found[remote, one.local_ports] += number
    assert found == {
        ("::ffff:127.0.0.9", OUTSIDE): 5,
        ("::ffff:127.0.0.9", PRIVILEGED): 2,
        ("::ffff:127.0.0.8", CHOSEN): 4,
    }


@pytest.mark.bpf
def test_bound_to_a_device(lab: Lab, active_closes: ActiveCloses) -> None:
    """A socket bound to a device counts separately, by the device's index."""
    for device in (b"", b"lo"):
        client = lab.keep(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        client.connect(("127.0.0.9", SERVER_PORT))
        time_wait_here((client, lab.server4.accept()[0]))
    rows = active_closes.active_closes().rows
    assert {found.scope: number for found, number in rows.items()} == {0: 1, 1: 1}


@pytest.mark.bpf
def test_other_namespaces(lab: Lab, active_closes: ActiveCloses) -> None:
    """Each namespace gets its own closes, and a later one with the same inode gets none of them."""
    time_wait_here(lab.connect("127.0.0.9"))
    for _ in range(3):
        with network_namespace(), open_lab() as inner:
            assert closers(active_closes) == {}
            time_wait_there(inner.connect("127.0.0.9"))
            assert closers(active_closes) == {(own_name(), True): 1}
    assert closers(active_closes) == {(own_name(), False): 1}


@pytest.mark.bpf
def test_read_for_all_namespaces(lab: Lab, active_closes: ActiveCloses) -> None:
    """While counts are held, each namespace gets its own from one reading, and later ones after."""
    with network_namespace(), open_lab() as inner:
        assert closers(active_closes) == {}
        time_wait_there(inner.connect("127.0.0.9"))
        with active_closes.held():
            assert closers(active_closes) == {(own_name(), True): 1}
            time_wait_there(inner.connect("127.0.0.8"))
            assert closers(active_closes) == {(own_name(), True): 1}
        assert closers(active_closes) == {(own_name(), True): 2}
    time_wait_here(lab.connect("127.0.0.9"))
    with active_closes.held():
        assert closers(active_closes) == {(own_name(), False): 1}


class Added:
    """What was counted, sample by sample, as if it were read every few seconds."""

    def __init__(self, active_closes: ActiveCloses) -> None:
        self._counting = active_closes
        self._last = CloseCounts({}, {})
        self.named = self.unnamed = 0
        self.by_remote: Counter[bytes] = Counter()

    def sample(self) -> CloseCounts:
        found = self._counting.active_closes()
        for row, number in found.rows.items():
            more = number - self._last.rows.get(row, 0)
            assert more >= 0
            self.by_remote[row.remote_address] += more
        for kind, number in found.unnamed.items():
            assert number >= self._last.unnamed.get(kind, 0)
            self.unnamed += number - self._last.unnamed.get(kind, 0)
        self._last = found
        self.named = self.by_remote.total()
        return found


def close_towards(lab: Lab, remotes: int) -> None:
    """Close a connection towards each of that many remote addresses."""
    for number in range(remotes):
        remote = f"127.1.{number // 256}.{number % 256}"
        client = socket.create_connection((remote, SERVER_PORT))
        accepted = lab.server4.accept()[0]
        client.close()
        assert accepted.recv(1) == b""  # else both can close at once, and both count
        accepted.close()


@pytest.mark.bpf
def test_full_table(lab: Lab, active_closes: ActiveCloses) -> None:
    """Beyond 4,096 rows in all namespaces together, closes count without a name; none is lost."""
    added = Added(active_closes)
    close_towards(lab, 4500)
    found = added.sample()
    assert 0 < len(found.rows) <= 4096
    assert found.unnamed == {UnnamedCloses(0, accepted=False): 4500 - len(found.rows)}
    assert (added.named, found.lost) == (len(found.rows), 0)


@pytest.mark.bpf
def test_more_addresses_than_rows(lab: Lab, active_closes: ActiveCloses) -> None:
    """However many addresses come and go, what closes often has a row, and the sum is exact."""
    added = Added(active_closes)
    for _ in range(8):
        close_towards(lab, 1)  # 127.1.0.0, the first address of all, every time
        close_towards(lab, 2500)
        added.sample()
    found = added.sample()
    assert max(row.generation for row in found.rows) >= 2
    assert len(found.rows) <= 2 * 4096
    assert added.named + added.unnamed == 8 * 2501
    assert added.by_remote[sixteen_bytes("127.1.0.0")] == 16
