"""Lines of /proc/net/nf_conntrack, as ct_seq_show of net/netfilter writes them."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, OtherPools, PoolTally, RowRules
from tcp_pressure_exporter.sources.conntrack.proc import (
    may_read_proc_conntrack,
    read_proc_conntrack,
    tally_proc_conntrack,
)
from tests.sources.counting.counting import key
from tests.sources.counting.nat_counting import tally
from tests.sources.counting.recordings import proc_conntrack_lines
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.fakes.tallies import counts
from tests.support.messages.conntrack_messages import SYN_SENT2, TIME_WAIT, Connection
from tests.support.messages.socket_entries import sixteen_bytes

FILE = "thread-self/net/nf_conntrack"
EVERY_POOL = NatRules()
POOL = key("198.51.100.1", "198.51.100.10", 9000)
# include/uapi/linux/netfilter/nf_conntrack_tcp.h, and tcp_conntrack_names beside ct_seq_show
STATES = [
    *("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK"),
    *("TIME_WAIT", "CLOSE", "SYN_SENT2"),
]

# As Linux 6.18 wrote them.
MASQUERADED = (
    "ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.2 dst=198.51.100.10 sport=43395"
    " dport=9000 src=198.51.100.10 dst=198.51.100.1 sport=9000 dport=40319 [ASSURED] mark=0"
    " zone=0 use=2\n"
)
ZONELESS = MASQUERADED.replace("zone=0 ", "")
UNREPLIED = (
    "ipv4     2 tcp      6 119 SYN_SENT src=192.0.2.2 dst=198.51.100.10 sport=43395 dport=9000"
    " [UNREPLIED] src=198.51.100.10 dst=198.51.100.1 sport=9000 dport=40319 mark=0 zone=0 use=2\n"
)


def count(lines: Iterable[str], rules: NatRules = EVERY_POOL) -> PoolTally:
    return tally_proc_conntrack(lines, rules)


def test_clients() -> None:
    """Of the given pools each client is counted by the source of the first tuple."""
    second = MASQUERADED.replace("192.0.2.2", "192.0.2.3").replace("40319", "40320")
    counted = count([MASQUERADED, second, second], NatRules(clients_of=[POOL]))
    clients = {sixteen_bytes("192.0.2.2"): 1, sixteen_bytes("192.0.2.3"): 2}
    assert counted.clients == {POOL: clients}
    assert count([MASQUERADED]).clients == {}


def reason(line: str) -> str:
    """Return what the SourceError says that the line must cause."""
    with pytest.raises(SourceError) as caught:
        count([MASQUERADED, line])
    return str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        MASQUERADED,
        UNREPLIED,
        # sysctl nf_conntrack_acct
        UNREPLIED.replace("dport=9000 ", "dport=9000 packets=1 bytes=60 ").replace(
            "dport=40319 ", "dport=40319 packets=0 bytes=0 "
        ),
        # a zone of the other direction, a mark, a security context, sysctl nf_conntrack_timestamp
        MASQUERADED.replace("dport=9000 ", "dport=9000 zone-orig=7 packets=1 bytes=60 "),
        MASQUERADED.replace(
            "mark=0 zone=0 ",
            "mark=4294967295 secctx=system_u:object_r:packet_t:s0 zone=0 delta-time=12 ",
        ),
        MASQUERADED.replace("mark=0 zone=0 ", ""),
        MASQUERADED.replace("[ASSURED] ", ""),
        # in a flow table: neither timeout nor state
        MASQUERADED.replace("431999 ESTABLISHED ", "").replace("ASSURED", "OFFLOAD"),
        MASQUERADED.replace("431999 ESTABLISHED ", "").replace("ASSURED", "HW_OFFLOAD"),
        MASQUERADED.replace("\n", ""),
    ],
)
def test_line(line: str) -> None:
    """A translated connection counts, whatever the kernel tells beside its tuples."""
    assert counts(count([line])) == {POOL: (1, 0, 0)}


@pytest.mark.parametrize(
    ("line", "zone"),
    [
        (MASQUERADED.replace("zone=0", "zone=5"), 5),
        (MASQUERADED.replace("zone=0", "secctx=zone=7 zone=65535 delta-time=1"), 65_535),
        (ZONELESS.replace("dport=40319 ", "dport=40319 zone-reply=6 "), 6),
        (ZONELESS.replace("dport=9000 ", "dport=9000 zone-orig=7 "), 0),
        (ZONELESS.replace("mark=0 ", "mark=0 secctx=zone=7 "), 0),
    ],
)
def test_zone(line: str, zone: int) -> None:
    """A pool is that of the conntrack zone of the replies."""
    assert counts(count([line])) == {POOL._replace(scope=zone): (1, 0, 0)}


@pytest.mark.parametrize("state", STATES)
def test_states(state: str) -> None:
    """Each state holds a port; from TIME_WAIT on the kernel may end the entry for a new one."""
    line = MASQUERADED.replace("ESTABLISHED", state)
    over = STATES.index(state) >= TIME_WAIT
    assert counts(count([line])) == {POOL: (1, state == "TIME_WAIT", over)}
    assert counts(count([line], NatRules(evicts=False))) == {POOL: (1, state == "TIME_WAIT", 0)}


def test_ipv6() -> None:
    """IPv6 addresses are written in full."""
    line = (
        "ipv6     10 tcp      6 9 CLOSE src=2001:0db8:0001:0000:0000:0000:0000:0002"
        " dst=2001:0db8:0002:0000:0000:0000:0000:0010 sport=45678 dport=9000"
        " src=2001:0db8:0002:0000:0000:0000:0000:0010"
        " dst=2001:0db8:0002:0000:0000:0000:0000:0001 sport=9000 dport=1 mark=0 zone=0 use=2\n"
    )
    assert counts(count([line])) == {key("2001:db8:2::1", "2001:db8:2::10", 9000): (1, 0, 1)}


@pytest.mark.parametrize(
    "line",
    [
        MASQUERADED.replace("dst=198.51.100.1 ", "dst=192.0.2.2 ").replace("40319", "43395"),
        # the destination is translated, the source is not
        MASQUERADED.replace("dst=198.51.100.1 ", "dst=192.0.2.2 ")
        .replace("40319", "43395")
        .replace("src=198.51.100.10", "src=10.0.0.80"),
    ],
)
def test_untranslated_source(line: str) -> None:
    """If the replies go to the source itself, no port is taken."""
    assert counts(count([line])) == {}


def test_translated_port_or_address_alone() -> None:
    """A source is translated if its address changes, or its port, or both."""
    same_port = MASQUERADED.replace("40319", "43395")
    same_address = MASQUERADED.replace("src=192.0.2.2", "src=198.51.100.1")
    assert counts(count([same_port, same_address])) == {POOL: (2, 0, 0)}


OWN = MASQUERADED.replace("src=192.0.2.2", "src=198.51.100.1").replace("40319", "43395")


def test_ports_of_others() -> None:
    """The gateway's own connections hold ports of the requested pools."""
    over = OWN.replace("ESTABLISHED", "TIME_WAIT").replace("43395", "43396")
    elsewhere = OWN.replace("198.51.100.10", "198.51.100.11")
    lines = [MASQUERADED, OWN, over, elsewhere]
    assert counts(count(lines)) == {POOL: (1, 0, 0)}
    rules = NatRules(RowRules(watched=[POOL]), evicts=False, translated=False)
    assert counts(count(lines, rules)) == {POOL: (2, 1, 0)}


def other_lines() -> list[str]:
    """Return recorded lines about UDP, ICMP and ICMPv6."""
    return [line for line in proc_conntrack_lines() if line.split()[2] != "tcp"]


def test_other_protocols() -> None:
    """Lines of other protocols are skipped."""
    protocols = sorted(line.split()[2] for line in other_lines())
    assert protocols == ["icmp", "icmpv6", "udp", "udp"]
    assert counts(count(other_lines())) == {}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("ipv4 2 tcp 6", "unexpected line: 'ipv4 2 tcp 6'"),
        (
            MASQUERADED[:120],
            "unexpected line: 'ipv4     2 tcp      6 431999 ESTABLISHED'",
        ),
        (" tcp \x1b[2J\x07" + "x" * 9999, r"unexpected line: ' tcp \x1b[2J\x07xx"),
        (MASQUERADED.replace("40319", "4٣"), "unexpected line: 'ipv4     2 tcp"),
        (MASQUERADED.replace("sport=9000 dport=40319", "sport=65536 dport=1"),
         "expected a port, got 65536"),
        (MASQUERADED.replace("dst=198.51.100.1 ", "dst=198.51.100.256 "), "'198.51.100.256' does"),
        (MASQUERADED.replace("dst=198.51.100.1 ", "dst=1::2::3 "), "'1::2::3'"),
        (MASQUERADED.replace("dst=198.51.100.1 ", f"dst={'1' * 46} "), "unexpected line"),
    ],
)  # fmt: skip
def test_nonsense(line: str, text: str) -> None:
    """A line about TCP that makes no sense is a SourceError; its reason stays short and safe."""
    found = reason(line)
    assert found.startswith(f"/proc/net/nf_conntrack: {text}")
    assert found.isprintable()
    assert len(found) < 130


def test_rows() -> None:
    """The rules say which pools have rows, as for a dump."""
    elsewhere = MASQUERADED.replace("198.51.100.10", "198.51.100.11")
    counted = count([MASQUERADED, MASQUERADED, elsewhere], NatRules(RowRules(max_rows=1)))
    assert list(counted.rows) == [POOL]
    assert counted.others == OtherPools(pools=1, most_used=1, ports=1)


def test_read(tmp_path: Path) -> None:
    """The file is that of the calling thread's namespace."""
    FakeProcfs(tmp_path).write(FILE, "".join(other_lines()) + MASQUERADED)
    assert counts(read_proc_conntrack(tmp_path, EVERY_POOL)) == {POOL: (1, 0, 0)}
    assert may_read_proc_conntrack(tmp_path)


def test_unreadable(tmp_path: Path) -> None:
    """A file that cannot be read is a SourceError; a lack of permission is known beforehand."""
    procfs = FakeProcfs(tmp_path)
    procfs.make_unreadable(FILE)
    assert not may_read_proc_conntrack(tmp_path)
    with pytest.raises(SourceError, match=r"^/proc/net/nf_conntrack: Is a directory$"):
        read_proc_conntrack(tmp_path, EVERY_POOL)


def test_absent(tmp_path: Path) -> None:
    """Without the file nothing is tracked and no permission is missing; reading it is an error."""
    FakeProcfs(tmp_path)
    assert may_read_proc_conntrack(tmp_path)
    with pytest.raises(SourceError, match=r"^/proc/net/nf_conntrack: No such file or directory$"):
        read_proc_conntrack(tmp_path, EVERY_POOL)


def test_not_ascii(tmp_path: Path) -> None:
    """Bytes that are not ASCII are a SourceError."""
    FakeProcfs(tmp_path).write(FILE, b"ipv4 2 tcp 6 \xff\n")
    with pytest.raises(SourceError, match=r"^/proc/net/nf_conntrack: .*can't decode"):
        read_proc_conntrack(tmp_path, EVERY_POOL)


ENDS = st.tuples(
    st.sampled_from(["192.0.2.2", "198.51.100.1", "198.51.100.10"]),
    st.sampled_from([1, 9000, 40_000, 65_535]),
)


@st.composite
def connections(draw: st.DrawFn) -> Connection:
    source = draw(ENDS)
    return Connection(
        source=source,
        destination=draw(ENDS),
        gateway=draw(st.none() | ENDS.filter(lambda end: end != source)),
        server=draw(st.none() | ENDS),
        state=draw(st.none() | st.integers(0, SYN_SENT2)),
        **draw(st.sampled_from([{}, {}, {"zone": 5}, {"zone_reply": 5}])),
    )


def line_of(connection: Connection) -> str:
    """Write a line as ct_seq_show does."""
    times = "" if connection.state is None else f"9 {STATES[connection.state]} "
    (remote, local), source, destination = (
        connection.reply,
        connection.source,
        connection.destination,
    )
    reply_zone = f" zone-reply={connection.zone_reply}" if connection.zone_reply else ""
    zone = "" if reply_zone else f" zone={connection.zone}"
    return (
        f"ipv4     2 tcp      6 {times}src={source[0]} dst={destination[0]} sport={source[1]}"
        f" dport={destination[1]} src={remote[0]} dst={local[0]} sport={remote[1]}"
        f" dport={local[1]}{reply_zone} [ASSURED] mark=0{zone} use=2\n"
    )


@given(st.lists(connections(), max_size=20), st.booleans(), st.booleans())
def test_same_as_the_dump(found: list[Connection], evicts: bool, translated: bool) -> None:  # noqa: FBT001 - drawn
    """The text counts like a dump of the same connections."""
    rules = NatRules(RowRules(watched=[POOL]), evicts=evicts, translated=translated)
    assert count(map(line_of, found), rules) == tally(found, rules)


@given(st.text(alphabet="ipv46 tcp src=dt:.09[]\n\x00ü", max_size=60))
def test_any_text(text: str) -> None:
    """Any text gives pools or a SourceError."""
    try:
        counted = count(text.splitlines())
    except SourceError:
        return
    assert counted.rows == {}
