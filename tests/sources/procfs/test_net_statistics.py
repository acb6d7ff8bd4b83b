import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.counters import parse_net_statistics, read_net_statistics
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.labs.lab import Lab, time_wait_here
from tests.support.labs.network_namespace import set_sysctl

PROC = Path("/proc")
NETSTAT = "thread-self/net/netstat"
SNMP = "thread-self/net/snmp"
TCP_EXT = "TcpExt: TW TWRecycled\nTcpExt: 65995 6\n"
TCP = "Tcp: RtoAlgorithm MaxConn ActiveOpens\nTcp: 1 -1 67624\n"
# What nstat never shows: constants, and the one gauge.
UNTOLD = {"RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab"}
PATIENCE_SECONDS = 10
NAMES = st.text("ABCTWabctw0123", min_size=1, max_size=8)
COUNTERS = st.dictionaries(NAMES, st.integers(-1, 2**64 - 1), min_size=1, max_size=8)


def eventually(read: Callable[[], object], expected: object) -> None:
    """Wait until the kernel has processed the last segments."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := read()) != expected:
        assert time.monotonic() < deadline, f"{found}, not {expected}"
        time.sleep(0.01)


def counters(*names: str) -> list[int]:
    statistics = read_net_statistics(PROC)
    return [statistics[name] for name in names]


def lines(protocol: str, values: dict[str, int]) -> str:
    return f"{protocol}: {' '.join(values)}\n{protocol}: {' '.join(map(str, values.values()))}\n"


def fake(root: Path) -> FakeProcfs:
    procfs = FakeProcfs(root)
    procfs.write(NETSTAT, f"{TCP_EXT}IpExt: InNoRoutes\nIpExt: 0\n")
    procfs.write(SNMP, f"Ip: Forwarding\nIp: 2\n{TCP}")
    return procfs


def test_read(tmp_path: Path) -> None:
    """The counters of both files appear under the kernel's names; MaxConn is negative."""
    fake(tmp_path)
    assert read_net_statistics(tmp_path) == {
        "TW": 65995,
        "TWRecycled": 6,
        "RtoAlgorithm": 1,
        "MaxConn": -1,
        "ActiveOpens": 67624,
    }


def test_against_nstat(lab: Lab, tmp_path: Path) -> None:
    """Every counter of TcpExt and Tcp is the one that nstat shows, and none is missing."""
    for _ in range(3):
        time_wait_here(lab.connect("127.0.0.1"))
    eventually(lambda: counters("TW"), [3])
    environment = {"NSTAT_HISTORY": str(tmp_path / "history"), "PATH": "/usr/bin:/usr/sbin"}
    nstat = subprocess.run(["nstat", "-azsj"], check=True, capture_output=True, env=environment)
    shown = {
        name: value
        for name, value in json.loads(nstat.stdout)["kernel"].items()
        if name.startswith("Tcp")
    }
    ext = parse_net_statistics((PROC / NETSTAT).read_text(), "TcpExt")
    plain = parse_net_statistics((PROC / SNMP).read_text(), "Tcp")
    ours = {f"TcpExt{name}": value for name, value in ext.items()}
    ours |= {f"Tcp{name}": value for name, value in plain.items() if name not in UNTOLD}
    assert ours == shown
    mptcp = parse_net_statistics((PROC / NETSTAT).read_text(), "MPTcpExt")
    assert len(ext | plain | mptcp) == len(ext) + len(plain) + len(mptcp)  # no name is in two
    assert read_net_statistics(PROC) == ext | plain | mptcp


def test_time_wait_overflow(lab: Lab) -> None:
    """Of twelve closes with five entries allowed, seven leave none and count as overflow."""
    set_sysctl("tcp_max_tw_buckets", 5)
    assert counters("TW", "TCPTimeWaitOverflow", "PassiveOpens") == [0, 0, 0]
    for _ in range(12):
        time_wait_here(lab.connect("127.0.0.1"))
    eventually(lambda: counters("TW", "TCPTimeWaitOverflow", "PassiveOpens"), [5, 7, 12])


def test_listen_overflow(lab: Lab) -> None:
    """Of four connections to a queue of one, three are dropped and count as overflow."""
    listener = lab.bind("127.0.0.1", 9100)
    listener.listen(0)
    for _ in range(4):
        client = lab.keep(socket.socket())
        client.settimeout(0)
        client.connect_ex(("127.0.0.1", 9100))
        client.close()  # before it sends its SYN again
    eventually(lambda: counters("ListenOverflows", "ListenDrops"), [3, 3])


@pytest.mark.parametrize("text", ["", "TcpExt:\nTcpExt:\n", "TcpExt: TW\n", TCP_EXT * 2, TCP])
def test_no_pair(text: str) -> None:
    """Without exactly two lines of the protocol there is no answer: a SourceError."""
    with pytest.raises(SourceError, match=r"^TcpExt counters: expected two lines, got [014]$"):
        parse_net_statistics(text, "TcpExt")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("TcpExt: TW TWKilled\nTcpExt: 5\n", "TcpExt counters: 2 names, 1 values"),
        ("TcpExt: TW\nTcpExt: 5 6\n", "TcpExt counters: 1 names, 2 values"),
        ("TcpExt: TW\nTcpExt: many\n", "TcpExt counters TW: expected a number, got 'many'"),
        ("TcpExt: TW\nTcpExt: 1.5\n", "TcpExt counters TW: expected a number, got '1.5'"),
    ],
)
def test_mismatch(text: str, reason: str) -> None:
    """Names without values, values without names and non-numbers are a SourceError."""
    with pytest.raises(SourceError) as caught:
        parse_net_statistics(text, "TcpExt")
    assert str(caught.value) == reason


@pytest.mark.parametrize("file", [NETSTAT, SNMP])
def test_unreadable(tmp_path: Path, file: str) -> None:
    """A file that is missing or cannot be read is a SourceError that names it."""
    procfs = fake(tmp_path)
    name = Path(file).name
    procfs.make_unreadable(file)
    with pytest.raises(SourceError, match=f"^/proc/net/{name}: Is a directory$"):
        read_net_statistics(tmp_path)
    procfs.remove(file)
    with pytest.raises(SourceError, match=f"^/proc/net/{name}: absent$"):
        read_net_statistics(tmp_path)


def test_not_ascii(tmp_path: Path) -> None:
    """Bytes that are not ASCII are a SourceError."""
    fake(tmp_path).write(NETSTAT, b"TcpExt: TW\nTcpExt: \xff\n")
    with pytest.raises(SourceError, match=r"^/proc/net/netstat: .*can't decode"):
        read_net_statistics(tmp_path)


def test_too_long(tmp_path: Path) -> None:
    """A file of 64 KiB or more is a SourceError, not a part of it."""
    procfs = fake(tmp_path)
    procfs.write(NETSTAT, TCP_EXT + "x" * (65_535 - len(TCP_EXT)))
    assert read_net_statistics(tmp_path)["TW"] == 65995
    procfs.write(NETSTAT, TCP_EXT + "x" * (65_536 - len(TCP_EXT)))
    with pytest.raises(SourceError, match=r"^/proc/net/netstat: 65536 bytes or more$"):
        read_net_statistics(tmp_path)


@given(COUNTERS, COUNTERS)
def test_round_trip(values: dict[str, int], others: dict[str, int]) -> None:
    """Every counter is read back, whatever other protocols are around it."""
    text = lines("IpExt", others) + lines("TcpExt", values) + lines("MPTcpExt", others)
    assert parse_net_statistics(text, "TcpExt") == values


@given(st.text(alphabet="TcpExt: 0123-\nW٣", max_size=60))
def test_any_text(text: str) -> None:
    """Any text gives counters or a SourceError."""
    try:
        values = parse_net_statistics(text, "Tcp")
    except SourceError:
        return
    assert all(isinstance(value, int) for value in values.values())
