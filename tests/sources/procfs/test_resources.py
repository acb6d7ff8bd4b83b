import os
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sources.procfs.resources import read_resources
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs
from tests.support.labs.lab import Lab, open_lab, time_wait_here
from tests.support.labs.network_namespace import network_namespace, set_sysctl

PROC = Path("/proc")
NETFILTER = "sys/net/netfilter"
PAGE = os.sysconf("SC_PAGESIZE")
PATIENCE_SECONDS = 10
BUCKETS = Resource("time_wait_buckets", 2, 262144)


def by_name() -> dict[str, Resource]:
    return {resource.name: resource for resource in read_resources(PROC, PAGE)}


def numbers(*names: str) -> list[int] | None:
    """Return the numbers of a real sysctl; None if this namespace does not show it."""
    path = PROC.joinpath("sys", "net", *names)
    return [int(number) for number in path.read_text().split()] if path.exists() else None


def limits() -> dict[str, int]:
    """Return the limits that the kernel shows here."""
    orphans, memory = numbers("ipv4", "tcp_max_orphans"), numbers("ipv4", "tcp_mem")
    conntrack = numbers("netfilter", "nf_conntrack_max")
    expected = {
        "time_wait_buckets": numbers("ipv4", "tcp_max_tw_buckets"),
        "orphans": orphans,
        "memory_bytes": memory and [memory[2] * PAGE],
        "conntrack_entries": conntrack,
    }
    return {name: shown[0] for name, shown in expected.items() if shown}


def full(root: Path) -> FakeProcfs:
    """Give the initial namespace of a host with conntrack."""
    procfs = FakeProcfs(root)
    procfs.write("thread-self/net/sockstat", "TCP: inuse 5 orphan 3 tw 2 alloc 7 mem 173\n")
    procfs.write(f"{IPV4}/tcp_max_orphans", "131072\n")
    procfs.write(f"{IPV4}/tcp_mem", "287901\t383868\t575802\n")
    procfs.write(f"{NETFILTER}/nf_conntrack_count", "4\n")
    procfs.write(f"{NETFILTER}/nf_conntrack_max", "262144\n")
    return procfs


def leave_orphan(lab: Lab) -> None:
    """Close a connection whose peer does not read what was sent."""
    client, _accepted = lab.connect("127.0.0.1")
    client.settimeout(0)
    for _ in range(10_000):
        try:
            client.send(bytes(65_536))
        except BlockingIOError:
            break
    client.close()


def test_all(tmp_path: Path) -> None:
    """The host's own namespace shows all four; memory counts pages on both sides."""
    full(tmp_path)
    assert read_resources(tmp_path, 4096) == (
        BUCKETS,
        Resource("orphans", 3, 131072),
        Resource("memory_bytes", 173 * 4096, 575802 * 4096),
        Resource("conntrack_entries", 4, 262144),
    )
    assert Resource("memory_bytes", 173 * 65536, 575802 * 65536) in read_resources(tmp_path, 65536)


def test_other_namespace(tmp_path: Path) -> None:
    """Without the host's limits and without conntrack only the TIME_WAIT entries are left."""
    FakeProcfs(tmp_path)
    assert read_resources(tmp_path, 4096) == (BUCKETS,)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"{IPV4}/tcp_max_orphans", "orphans"),
        (f"{IPV4}/tcp_mem", "memory_bytes"),
        (f"{NETFILTER}/nf_conntrack_count", "conntrack_entries"),
        (f"{NETFILTER}/nf_conntrack_max", "conntrack_entries"),
    ],
)
def test_absent(tmp_path: Path, file: str, name: str) -> None:
    """A resource whose limit or use is not shown is left out, the others are there."""
    full(tmp_path).remove(file)
    names = [resource.name for resource in read_resources(tmp_path, 4096)]
    assert name not in names
    assert len(names) == 3


def test_conntrack_without_limit(tmp_path: Path) -> None:
    """If nf_conntrack_max is 0, there is no limit to approach."""
    full(tmp_path).write(f"{NETFILTER}/nf_conntrack_max", "0\n")
    assert "conntrack_entries" not in [found.name for found in read_resources(tmp_path, 4096)]


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        (f"{IPV4}/tcp_max_tw_buckets", "many", "net.ipv4.tcp_max_tw_buckets: expected a number"),
        (f"{IPV4}/tcp_max_orphans", "", "net.ipv4.tcp_max_orphans: expected a number"),
        (f"{IPV4}/tcp_mem", "1 2 x", "net.ipv4.tcp_mem: expected a number"),
        (f"{IPV4}/tcp_mem", "1 2", "net.ipv4.tcp_mem: expected three numbers, got '1 2'"),
        (f"{IPV4}/tcp_mem", "", "net.ipv4.tcp_mem: expected three numbers, got ''"),
        (f"{NETFILTER}/nf_conntrack_count", "x", "net.netfilter.nf_conntrack_count: expected"),
        (f"{NETFILTER}/nf_conntrack_max", "1 2", "net.netfilter.nf_conntrack_max: expected"),
        ("thread-self/net/sockstat", "UDP: inuse 1", "/proc/net/sockstat: no line TCP"),
        (
            "thread-self/net/sockstat",
            "TCP: inuse 1 orphan 0 mem 1",
            "/proc/net/sockstat: the line TCP has no field tw",
        ),
        (
            "thread-self/net/sockstat",
            "TCP: inuse 1 tw 0 mem 1",
            "/proc/net/sockstat: the line TCP has no field orphan",
        ),
    ],
)
def test_bad(tmp_path: Path, file: str, text: str, reason: str) -> None:
    """A source that exists and makes no sense is a SourceError that names it."""
    full(tmp_path).write(file, text)
    with pytest.raises(SourceError) as caught:
        read_resources(tmp_path, 4096)
    assert str(caught.value).startswith(reason)


def test_unreadable(tmp_path: Path) -> None:
    """A limit that exists and cannot be read is a SourceError; so is one that every kernel has."""
    procfs = full(tmp_path)
    procfs.make_unreadable(f"{IPV4}/tcp_mem")
    with pytest.raises(SourceError, match=r"^net\.ipv4\.tcp_mem: Is a directory$"):
        read_resources(tmp_path, 4096)
    procfs.remove(f"{IPV4}/tcp_max_tw_buckets")
    with pytest.raises(SourceError, match=r"^net\.ipv4\.tcp_max_tw_buckets: absent$"):
        read_resources(tmp_path, 4096)


@given(text=st.text(alphabet="-0123456789 \t\n٣x", max_size=30))
def test_any_memory_limit(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Any text in tcp_mem gives its third number as the limit, 0 at least, or a SourceError."""
    root = tmp_path_factory.mktemp("proc")
    full(root).write(f"{IPV4}/tcp_mem", text)
    try:
        memory = read_resources(root, 4096)[2]
    except SourceError:
        return
    assert memory.limit == max(int(text.split()[2]), 0) * 4096


def test_time_wait_buckets(lab: Lab) -> None:
    """If the namespace may have five entries, twelve closes leave five."""
    set_sysctl("tcp_max_tw_buckets", 5)
    assert by_name()["time_wait_buckets"] == ("time_wait_buckets", 0, 5)
    for _ in range(12):
        time_wait_here(lab.connect("127.0.0.1"))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while by_name()["time_wait_buckets"] != ("time_wait_buckets", 5, 5):
        assert time.monotonic() < deadline, by_name()


@pytest.mark.usefixtures("netns")
def test_limits_of_a_namespace() -> None:
    """Any namespace but the initial one shows no limit of the whole host."""
    assert not {"orphans", "memory_bytes"} & by_name().keys()
    assert {name: found.limit for name, found in by_name().items()} == limits()
    assert by_name().get("conntrack_entries", (None, 0))[1] == 0  # no rule asks to track


def test_limits_here() -> None:
    """Each limit that the namespace of the tests shows is the kernel's."""
    assert {name: found.limit for name, found in by_name().items()} == limits()


def test_orphans_of_the_host() -> None:
    """An orphan counts where the host's limit is shown, whichever namespace it is in."""
    with ExitStack() as sockets:
        with network_namespace():
            leave_orphan(sockets.enter_context(open_lab()))
        found = by_name()
    assert found.get("orphans", Resource("not shown here", 1, 1)).used >= 1


def test_negative_numbers(tmp_path: Path) -> None:
    """A negative limit, which sysctl(8) accepts, allows none; a negative count is none."""
    procfs = FakeProcfs(tmp_path)
    procfs.write("sys/net/ipv4/tcp_max_tw_buckets", "-1\n")
    procfs.write("thread-self/net/sockstat", "TCP: inuse 5 orphan 0 tw -3 alloc 7 mem 1\n")
    buckets, *_others = read_resources(procfs.root, 4096)
    assert buckets == Resource("time_wait_buckets", 0, 0)
