"""How each system is asked, and what it does not tell."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS, wanted_parts
from tcp_pressure_exporter.facts.bound import BoundRules
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.questions import Sources
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, same_length
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory, Reading
from tcp_pressure_exporter.sampling.sampler import make_parts
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.portable.sockets import PortableSocket
from tcp_pressure_exporter.sources.portable.source import (
    SETTINGS_SECONDS,
    PortableSockets,
    SystemSettings,
)
from tcp_pressure_exporter.sources.systems.portable import (
    foreign_sources,
    portable_sources,
    system_facts,
)
from tests.sources.counting.counting import key, rules
from tests.support.fakes.fake_clock import FakeClock
from tests.support.messages.datagrams import ESTABLISHED, LISTEN, TIME_WAIT
from tests.support.messages.socket_entries import sixteen_bytes

NOWHERE = Path("/nowhere")
CONNTRACK = ConntrackTable(NOWHERE, readable_parser(), by_netlink=False)


def missing(sources: Sources) -> dict[str, str]:
    """Return why the parts of some collectors cannot be made from the sources."""
    kit = Kit(sources, Memory(), Owners(Cgroups(), None), FakeClock())
    return make_parts(wanted_parts(COLLECTORS), kit)[1]


@pytest.mark.parametrize(
    ("platform", "name", "shows_time_wait"),
    [
        ("freebsd14", "bsd", False),
        ("dragonfly6", "bsd", False),
        ("openbsd7", "bsd", False),
        ("darwin", "macos", False),
        ("netbsd10", "netbsd10", False),
        ("aix", "aix", False),
    ],
)
def test_systems(platform: str, name: str, *, shows_time_wait: bool) -> None:
    """Each platform has a source of settings, under the name that findings know."""
    facts = system_facts(platform)
    assert (facts.name, facts.shows_time_wait) == (name, shows_time_wait)


def test_solaris() -> None:
    """Solaris is known by its platform; its version is what uname says."""
    assert system_facts("sunos5").name == "solaris"  # the tests' own uname is not Solaris 11.4
    assert system_facts("sunos5").shows_time_wait


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows is known by its platform; its version is what Python says."""
    version = type("Version", (), {"major": 10, "minor": 0})
    monkeypatch.setattr(sys, "getwindowsversion", version, raising=False)
    facts = system_facts("win32")
    assert (facts.name, facts.shows_time_wait) == ("windows", True)


def test_unknown_system() -> None:
    """If a system cannot be asked, the port range and TIME_WAIT are errors; it has no settings."""
    facts = system_facts("netbsd10")
    for ask in (facts.port_range, facts.time_wait_seconds):
        with pytest.raises(SourceError, match="not supported on netbsd10"):
            ask()
    assert facts.settings() == {}


def test_untold_on_linux() -> None:
    """On Linux without netlink, only what needs netlink or BPF is left out."""
    left_out = missing(portable_sources("linux", NOWHERE, CONNTRACK, "denied"))
    by_netlink, by_bpf = (
        {"close_wait", "listen_queues", "pool_owners"},
        {"failures", "active_closes"},
    )
    assert set(left_out) == by_netlink | by_bpf


def test_untold_elsewhere() -> None:
    """Elsewhere, what only Linux tells is left out too; these collectors remain."""
    sources = portable_sources("freebsd14", NOWHERE, CONNTRACK, "not there")
    told = set(COLLECTORS) - set(missing(sources))
    assert told == {"sockets", "local_ports", "pools", "sysctls", "findings"}
    assert sources.settings.system == "bsd"


class FakeFacts:
    """A system with ten ports and a TIME_WAIT of 30 s; counts how often it is asked."""

    name = "windows"

    def __init__(self, *, shows_time_wait: bool = True) -> None:
        self.shows_time_wait = shows_time_wait
        self.asked: list[str] = []

    def port_range(self) -> PortRange:
        self.asked.append("port_range")
        return PortRange(40000, 40009, 0, in_pairs=False)

    def time_wait_seconds(self) -> float:
        self.asked.append("time_wait_seconds")
        return 30.0

    def settings(self) -> Mapping[str, int]:
        self.asked.append("settings")
        return {"TcpTimedWaitDelay": 30}


def socket(state: int, port: int = 40000) -> PortableSocket:
    ends = sixteen_bytes("10.0.0.2"), port, sixteen_bytes("10.0.0.9"), 443
    return PortableSocket(*ends, state)


LISTENER = PortableSocket(sixteen_bytes("0.0.0.0"), 80, bytes(16), 0, LISTEN)
POOL = key("10.0.0.2", "10.0.0.9", 443)
THIRTY_SECONDS = TimeWaitReuse(
    everywhere=False, on_loopback=False, lengths=same_length(30_000), tick=0.0, told=False
)
FOR_30_SECONDS = replace(rules(), reuse=THIRTY_SECONDS)


class Lab:
    """A foreign system whose sockets a test sets."""

    def __init__(self, facts: FakeFacts) -> None:
        self.clock = FakeClock()
        self.reads = 0
        self.sockets: list[PortableSocket] = [LISTENER]
        self.error: SourceError | None = None
        self.settings = SystemSettings(facts, self.clock)
        self.source = PortableSockets(self._read, self.clock, shows_time_wait=facts.shows_time_wait)

    def _read(self) -> list[PortableSocket]:
        self.reads += 1
        if self.error:
            raise self.error
        return self.sockets


def test_settings_are_remembered() -> None:
    """Settings are asked for once a minute, however often a sample is taken."""
    facts = FakeFacts()
    lab = Lab(facts)
    for _ in range(3):
        assert lab.settings.port_range().low == 40000
        assert lab.settings.sysctls() == {"TcpTimedWaitDelay": 30}
        assert lab.settings.time_wait_reuse() == THIRTY_SECONDS
    assert sorted(facts.asked) == ["port_range", "settings", "time_wait_seconds"]
    lab.clock.advance(SETTINGS_SECONDS)
    lab.settings.sysctls()
    assert facts.asked.count("settings") == 2


def test_sockets_are_read_once_a_sample() -> None:
    """Listeners and the tally come from one reading, the next sample from another."""
    lab = Lab(FakeFacts())
    for reads in (1, 2):
        lab.sockets = [LISTENER, socket(ESTABLISHED, 40000 + reads)]
        assert [bound.port for bound in lab.source.bound_sockets(BoundRules()).kept] == [80]
        tally = lab.source.tally(rules())
        assert tally.held == 1 << 40000 + reads
        assert lab.reads == reads


def test_failed_reading() -> None:
    """After a reading that failed nothing old is counted: the tally asks again."""
    lab = Lab(FakeFacts())
    lab.source.bound_sockets(BoundRules())
    lab.error = SourceError("psutil.net_connections", "this system shows connections only to root")
    with pytest.raises(SourceError):
        lab.source.bound_sockets(BoundRules())
    lab.error = None
    lab.sockets = [socket(ESTABLISHED)]
    assert lab.source.tally(rules()).held == 1 << 40000


def test_ages_after_one_time_wait() -> None:
    """Ages are known from the sample one length of TIME_WAIT after the first."""
    lab = Lab(FakeFacts())
    lab.sockets = [socket(TIME_WAIT)]
    sizes = []
    for _ in range(8):
        sizes.append(len(lab.source.tally(FOR_30_SECONDS).outbound.rows[POOL].ages) // 4)
        lab.clock.advance(5)
    assert sizes == [0] * 6 + [31] * 2


def test_hidden_time_wait() -> None:
    """A system that hides TIME_WAIT hides it in the tally too."""
    for shown in (True, False):
        tally = Lab(FakeFacts(shows_time_wait=shown)).source.tally(FOR_30_SECONDS)
        assert ((True, TIME_WAIT) in tally.states) == shown


def test_untold_numbers() -> None:
    """Asking for what only Linux tells is an error, never an empty answer."""
    sources = foreign_sources(FakeFacts(), "not there")
    reading = Reading(sources, Memory(), FakeClock(), Config())
    for asked in (reading.resources, reading.statistics):
        assert str(asked.error) == "kernel's numbers: only known on Linux"
