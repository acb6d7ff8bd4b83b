from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.settings import SYSCTLS, read_tcp_sysctls
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs

PROC = Path("/proc")
# Those that the fake has.
FAKE = {
    "tcp_tw_reuse": 2,
    "tcp_tw_reuse_delay": 1000,
    "tcp_timestamps": 1,
    "tcp_max_tw_buckets": 262144,
    "tcp_ehash_entries": 524288,
    "somaxconn": 4096,
}
# Values that no kernel has by default, for all those writable in a new namespace.
WRITTEN = {
    "net/ipv4/tcp_tw_reuse": 1,
    "net/ipv4/tcp_tw_reuse_delay": 1500,
    "net/ipv4/tcp_timestamps": 0,
    "net/ipv4/tcp_rfc1337": 1,
    "net/ipv4/tcp_max_tw_buckets": 4321,
    "net/ipv4/tcp_fin_timeout": 31,
    "net/ipv4/ip_autobind_reuse": 1,
    "net/core/somaxconn": 77,
    "net/ipv4/tcp_max_syn_backlog": 78,
    "net/ipv4/tcp_syncookies": 2,
    "net/ipv4/tcp_abort_on_overflow": 1,
    "net/ipv4/tcp_syn_retries": 3,
    "net/ipv4/tcp_synack_retries": 4,
    "net/ipv4/tcp_retries2": 9,
    "net/ipv4/tcp_orphan_retries": 5,
    "net/ipv4/tcp_keepalive_time": 601,
    "net/ipv4/tcp_keepalive_intvl": 61,
    "net/ipv4/tcp_keepalive_probes": 6,
    "net/netfilter/nf_conntrack_tcp_timeout_syn_sent": 101,
    "net/netfilter/nf_conntrack_tcp_timeout_established": 102,
    "net/netfilter/nf_conntrack_tcp_timeout_fin_wait": 103,
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait": 104,
    "net/netfilter/nf_conntrack_tcp_timeout_time_wait": 105,
}


@pytest.mark.usefixtures("netns")
def test_real_kernel() -> None:
    """Values written in a namespace are read back; sysctls the kernel lacks are absent."""
    paths = {name: PROC / "sys" / name for name in WRITTEN}
    expected = {path.name: WRITTEN[name] for name, path in paths.items() if path.exists()}
    for name, path in paths.items():
        if path.exists():
            path.write_text(f"{WRITTEN[name]}\n")
    settings = read_tcp_sysctls(PROC)
    assert {name: value for name, value in settings.items() if name in expected} == expected
    # Besides them, only those that cannot be written here.
    assert settings.keys() - expected.keys() <= {
        "tcp_ehash_entries",
        "nf_conntrack_buckets",
        "nf_conntrack_max",
    }


def test_short_names() -> None:
    """No two of them share the name under which they are shown."""
    assert len({name.rpartition(".")[2] for name in SYSCTLS}) == len(SYSCTLS)


def test_absent(tmp_path: Path) -> None:
    """Those that the kernel does not have are absent, the others are there."""
    procfs = FakeProcfs(tmp_path)
    assert read_tcp_sysctls(tmp_path) == FAKE
    procfs.remove(f"{IPV4}/tcp_tw_reuse_delay")
    assert read_tcp_sysctls(tmp_path) == {
        name: value for name, value in FAKE.items() if name != "tcp_tw_reuse_delay"
    }


def test_none_at_all(tmp_path: Path) -> None:
    """No kernel lacks them all: if none can be seen, nothing is known, and that is an error."""
    with pytest.raises(SourceError, match="/sys: absent: is /proc mounted with subset=pid"):
        read_tcp_sysctls(tmp_path)


def test_everything(tmp_path: Path) -> None:
    """Each setting is found in the file of its full name, negative ones too."""
    procfs = FakeProcfs(tmp_path)
    for number, name in enumerate(SYSCTLS):
        procfs.write(f"sys/{name.replace('.', '/')}", f"{-number}\n")
    assert list(read_tcp_sysctls(tmp_path).values()) == [-number for number in range(len(SYSCTLS))]


def test_unreadable(tmp_path: Path) -> None:
    """One that exists and cannot be read is a SourceError that names it."""
    FakeProcfs(tmp_path).make_unreadable(f"{IPV4}/tcp_fin_timeout")
    with pytest.raises(SourceError, match=r"^net\.ipv4\.tcp_fin_timeout: Is a directory$"):
        read_tcp_sysctls(tmp_path)


@pytest.mark.parametrize("text", ["", "\n", "60 60", "many", "1.5"])
def test_no_number(tmp_path: Path, text: str) -> None:
    """One that is not a number is a SourceError that names it."""
    FakeProcfs(tmp_path).write(f"{IPV4}/tcp_retries2", text)
    with pytest.raises(SourceError, match=r"^net\.ipv4\.tcp_retries2: expected a number"):
        read_tcp_sysctls(tmp_path)


@given(text=st.text(alphabet="-0123456789 \t\n٣x", max_size=30))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Any text is a number or a SourceError."""
    root = tmp_path_factory.mktemp("proc")
    FakeProcfs(root).write(f"{IPV4}/tcp_retries2", text)
    try:
        value = read_tcp_sysctls(root)["tcp_retries2"]
    except SourceError:
        return
    assert value == int(text)
