"""Each finding about ports, turned on and off at its limits."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.ports import PortRange, port_range
from tcp_pressure_exporter.facts.sockets import Owner, SocketId
from tcp_pressure_exporter.findings import ports as findings
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.table import ListedPool
from tests.support.fakes.evidence import (
    ORDINARY,
    failed,
    heading,
    hidden,
    known,
    listener,
    outbound,
    pool,
    rises,
    with_sysctls,
)
from tests.support.fakes.tallies import bound_tally


def with_range(low: int, high: int, reserved: int = 0) -> Evidence:
    return replace(ORDINARY, settings=known(PortRange(low, high, reserved)))


def with_pools(*pools: ListedPool, **sysctls: int | None) -> Evidence:
    return with_sysctls(replace(ORDINARY, pools=outbound(*pools)), **sysctls)


def test_tw_recycle_enabled() -> None:
    """Any value other than 0 turns it on; Linux 4.12 and later do not have it."""
    found = findings.tw_recycle_enabled
    assert found(with_sysctls(tcp_tw_recycle=1)) == "net.ipv4.tcp_tw_recycle = 1"
    assert found(with_sysctls(tcp_tw_recycle=0)) is None
    assert found(with_sysctls(tcp_tw_recycle=None)) is None


@pytest.mark.parametrize(
    ("used", "to_come", "need"),
    [
        (500, 0.9, "needs 900"),
        (500, 1.7, "needs 1,700"),
        (900, 0.0, "900 are in use"),
        (900, None, "900 are in use"),  # nothing shows where it is heading
        (1001, 1.0, "1,001 are in use"),
    ],
)
def test_port_range_too_small(used: int, to_come: float | None, need: str) -> None:
    """A pool at 90 %, or at 50 % and on its way to 90 %, is too small."""
    small = pool(used) if to_come is None else heading(pool(used), to_come)
    detail = findings.port_range_too_small(with_pools(pool(499), small))
    assert detail == f"10.0.0.2 → 10.0.0.9:443 has 1,000 local ports; {need}"


@pytest.mark.parametrize(
    ("used", "to_come"), [(499, 5.0), (500, 0.899), (899, 0.899), (899, None), (0, 0.0)]
)
def test_port_range_large_enough(used: int, to_come: float | None) -> None:
    """A short burst into a pool with room, or a load below 90 %, is not a finding."""
    large = pool(used) if to_come is None else heading(pool(used), to_come)
    assert findings.port_range_too_small(with_pools(large)) is None


def test_ports_that_no_connection_needs() -> None:
    """A pool filled by bound sockets and listeners is not too small for its connections."""
    full = pool(1000)
    blocked = replace(full, usage=full.usage._replace(blocked=995))
    assert findings.port_range_too_small(with_pools(blocked)) is None
    few = replace(full, usage=full.usage._replace(blocked=500))
    assert findings.port_range_too_small(with_pools(few)) is not None


def test_ends_of_an_ipv6_pool() -> None:
    """An IPv6 address with a port is in brackets (RFC 3986, section 3.2.2)."""
    detail = findings.port_range_too_small(with_pools(pool(1000, remote="2001:db8::9")))
    assert detail is not None
    assert detail.startswith("10.0.0.2 → [2001:db8::9]:443 has 1,000 local ports; ")


@pytest.mark.parametrize("mode", [0, 2])
def test_tw_reuse_off_under_pressure(mode: int) -> None:
    """A half-full pool with more than half of that in TIME_WAIT could have its ports back."""
    evidence = with_pools(pool(900, 450), pool(500, 251), tcp_tw_reuse=mode)
    detail = findings.tw_reuse_off_under_pressure(evidence)
    assert detail == (
        f"10.0.0.2 → 10.0.0.9:443: 251 of 1,000 ports in TIME_WAIT, net.ipv4.tcp_tw_reuse = {mode}"
    )


@pytest.mark.parametrize(("used", "time_wait"), [(500, 250), (499, 499), (1000, 500)])
def test_tw_reuse_off_without_pressure(used: int, time_wait: int) -> None:
    """If ports are free, or live connections hold them, tcp_tw_reuse is no cure."""
    evidence = with_pools(pool(used, time_wait), tcp_tw_reuse=0)
    assert findings.tw_reuse_off_under_pressure(evidence) is None


@pytest.mark.parametrize(
    "sysctls",
    [
        {"tcp_tw_reuse": 1},
        {"tcp_tw_reuse": 0, "tcp_timestamps": 0},  # it would not help
        {"tcp_tw_reuse": None},
    ],
)
def test_tw_reuse_that_would_not_help(sysctls: dict[str, int | None]) -> None:
    """If tcp_tw_reuse is on, or would do nothing, turning it on is not advised."""
    assert findings.tw_reuse_off_under_pressure(with_pools(pool(900, 900), **sysctls)) is None


@pytest.mark.parametrize(
    ("hidden_ports", "expected"), [(None, True), (550.0, True), (551.0, False)]
)
def test_tw_reuse_of_bound_sockets(hidden_ports: float | None, *, expected: bool) -> None:
    """If more than half of what waits was bound, reuse is known to give nothing back.

    Of 1,000 held ports 100 do not wait here, so of 551 hidden ones at least 451 do: half of 900.
    """
    evidence = with_pools(pool(900, 900), tcp_tw_reuse=0)
    report = CanaryReport((), hidden_ports, held_ports=1000)
    evidence = replace(evidence, canary=known(report))
    assert (findings.tw_reuse_off_under_pressure(evidence) is not None) is expected


def test_tw_reuse_that_is_refused() -> None:
    """For a pool whose ports the kernel does not give back, reuse is already on."""
    refused = pool(900, 900)
    refused = replace(refused, usage=refused.usage._replace(refused=900))
    evidence = with_pools(refused, tcp_tw_reuse=2)
    assert findings.tw_reuse_off_under_pressure(evidence) is None


def test_tw_reuse_refused() -> None:
    """What the kernel refused is shown, along with the ports it did give back."""
    asked = pool(900, 800)
    asked = replace(asked, usage=asked.usage._replace(refused=760))
    evidence = with_pools(pool(500, 400), asked, tcp_tw_reuse=1)
    evidence = replace(evidence, rises=rises(0))
    only = findings.tw_reuse_refused(evidence)
    assert only is not None
    assert only.endswith(":443: about 760 of 800 ports in TIME_WAIT cannot be reused")
    told = findings.tw_reuse_refused(replace(evidence, rises=rises(60, TWRecycled=1_200)))
    assert told is not None
    assert told.endswith("in TIME_WAIT cannot be reused, TWRecycled rose by 1,200 in the last 60 s")
    unread = findings.tw_reuse_refused(replace(evidence, rises=failed("unreadable")))
    assert unread is not None
    assert unread.endswith("in TIME_WAIT cannot be reused")


def test_tw_reuse_that_works() -> None:
    """If the kernel was not asked, or refused none, nothing is found."""
    asked = pool(900, 800)
    given = replace(asked, usage=asked.usage._replace(refused=0))
    assert findings.tw_reuse_refused(with_pools(asked, given)) is None


def test_tw_reuse_on_loopback() -> None:
    """A pool of loopback addresses already has the reuse that 2 gives; the next may not."""
    loopback = pool(900, 900, reused=True)
    evidence = with_pools(loopback, tcp_tw_reuse=2)
    assert findings.tw_reuse_off_under_pressure(evidence) is None
    evidence = with_pools(loopback, pool(800, 800), tcp_tw_reuse=2)
    assert "800 of 1,000" in (findings.tw_reuse_off_under_pressure(evidence) or "")


@pytest.mark.parametrize(
    ("mode", "timestamps", "expected"),
    [(1, 0, True), (1, 1, False), (1, 2, False), (2, 0, False), (0, 0, False)],
)
def test_tw_reuse_without_timestamps(mode: int, timestamps: int, *, expected: bool) -> None:
    """tcp_tw_reuse was set to 1, and timestamps are off; 2 is only the default."""
    evidence = with_sysctls(tcp_tw_reuse=mode, tcp_timestamps=timestamps)
    assert (findings.tw_reuse_without_timestamps(evidence) is not None) is expected


@pytest.mark.parametrize(
    ("mode", "delay", "expected"),
    [
        (1, 999, True),
        (1, 1, True),
        (1, 1000, False),
        (2, 1, False),
        (0, 1, False),
        (1, None, False),
    ],
)
def test_tw_reuse_delay_lowered(mode: int, delay: int | None, *, expected: bool) -> None:
    """Less than the kernel's 1000 ms is found if reuse goes beyond loopback."""
    evidence = with_sysctls(tcp_tw_reuse=mode, tcp_tw_reuse_delay=delay)
    detail = findings.tw_reuse_delay_lowered(evidence)
    assert detail == (f"net.ipv4.tcp_tw_reuse_delay = {delay}" if expected else None)


@pytest.mark.parametrize(("ports", "expected"), [(5.0, True), (4.99, False), (0.0, False)])
def test_bind_before_connect(ports: float, *, expected: bool) -> None:
    """Hidden ports matter from a twentieth of the usable ports up."""
    evidence = replace(with_range(40000, 40104, port_range(40100, 40104)), canary=hidden(ports))
    detail = findings.bind_before_connect(evidence)
    assert detail == ("about 5 of 100 local ports" if expected else None)


def test_no_ports_to_hide() -> None:
    """If every port is reserved, none is hidden."""
    evidence = replace(with_range(40000, 40001, port_range(40000, 40001)), canary=hidden(0.0))
    assert findings.bind_before_connect(evidence) is None


def test_listener_in_port_range() -> None:
    """Listeners inside the range are named by port and owner, each once, ordered by port."""
    nginx, unit, nobody = SocketId(1, 7), SocketId(2, 8), SocketId(3, None)
    evidence = replace(
        with_range(40000, 40009),
        bound=known(
            bound_tally(
                [
                    listener(40007, owner_id=nginx),
                    listener(40007, owner_id=nginx),
                    listener(40001, owner_id=unit),
                    listener(40003, owner_id=nobody),
                    listener(40004),
                    listener(443),
                ]
            )
        ),
        owners={nginx: Owner("nginx.service", "nginx"), unit: Owner("a.service"), nobody: Owner()},
    )
    assert findings.listener_in_port_range(evidence) == (
        "port 40001 (a.service), port 40003, port 40004, port 40007 (nginx.service, nginx)"
    )


@pytest.mark.parametrize(("count", "rest"), [(5, ""), (6, " and 1 more"), (7, " and 2 more")])
def test_many_listeners_in_port_range(count: int, rest: str) -> None:
    """Of many listeners five are named and the rest counted."""
    bound = known(bound_tally(listener(40000 + number) for number in range(count)))
    detail = findings.listener_in_port_range(replace(with_range(40000, 40009), bound=bound))
    named = "port 40000, port 40001, port 40002, port 40003, port 40004"
    assert detail == named + rest


def test_no_listener_in_port_range() -> None:
    """A listener outside the range, or on a reserved port, keeps its port."""
    bound = known(bound_tally([listener(39999), listener(40005), listener(40010)]))
    evidence = replace(with_range(40000, 40009, port_range(40005, 40005)), bound=bound)
    assert findings.listener_in_port_range(evidence) is None


@pytest.mark.parametrize(
    ("low", "high", "ports"),
    [
        (1024, 65000, 63977),  # as many guides advise
        (40000, 40002, 3),
        (32768, 60999, None),  # the default
        (1024, 65535, None),
        (40000, 40000, None),  # the kernel does not miss the only port
    ],
)
def test_odd_port_range(low: int, high: int, ports: int | None) -> None:
    """Both ends even, or both odd, make the kernel's warning "prefer different parity"."""
    expected = f"net.ipv4.ip_local_port_range = {low} {high}: {ports:,} ports" if ports else None
    assert findings.odd_port_range(with_range(low, high)) == expected


@pytest.mark.parametrize("entries", [262144, -262144])
@pytest.mark.parametrize(("limit", "expected"), [(131071, True), (131072, False), (500000, False)])
def test_max_tw_buckets_lowered(entries: int, limit: int, *, expected: bool) -> None:
    """The default is half the hash table, the namespace's own or (negative) the first one's."""
    evidence = with_sysctls(tcp_max_tw_buckets=limit, tcp_ehash_entries=entries)
    detail = findings.max_tw_buckets_lowered(evidence)
    assert detail == (
        f"net.ipv4.tcp_max_tw_buckets = {limit}; the kernel's default here is 131072"
        if expected
        else None
    )


def test_max_tw_buckets_of_unknown_default() -> None:
    """Before Linux 6.1 the default is unknown; that of tcp_max_orphans may have been changed."""
    evidence = with_sysctls(tcp_max_tw_buckets=5000, tcp_ehash_entries=None, tcp_max_orphans=131072)
    assert findings.max_tw_buckets_lowered(evidence) is None


@pytest.mark.parametrize(
    ("seconds", "detail"),
    [(59, "net.ipv4.tcp_fin_timeout = 59"), (60, None), (120, None), (None, None)],
)
def test_fin_timeout_lowered(seconds: int | None, detail: str | None) -> None:
    """Less than the kernel's 60 s is found."""
    assert findings.fin_timeout_lowered(with_sysctls(tcp_fin_timeout=seconds)) == detail
