"""What to type for each action: the command, the file that keeps it, what it changes and risks."""

import re
from collections.abc import Iterable, Iterator, Mapping

from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import (
    BLOCKED_PORTS,
    CONNTRACK_ENTRIES,
    TIME_WAIT_BUCKETS,
)
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.near_limit.live_states import (
    FIN_UNANSWERED,
    FIN_WAIT2_ORPHAN,
    SYN_SENT,
)
from tcp_pressure_exporter.pools.remedies import TimeWaitTakeOver
from tcp_pressure_exporter.pools.table import ListedPool, end
from tcp_pressure_exporter.sample.sample import LIMITS, LOCAL_PORTS, SYSCTLS, NamespaceSample
from tcp_pressure_exporter.verdict.actions import actions, advice_on
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.details.application_settings import setting_of
from tcp_pressure_exporter.verdict.details.one_pool import pool_of
from tcp_pressure_exporter.verdict.details.sysctl_steps import (
    FIN_TIMEOUT,
    FINDING_STEPS,
    LIMIT_STEPS,
    NOTHING_KNOWN,
    ORPHAN_RETRIES,
    SHELL,
    SYN_RETRIES,
    TW_REUSE,
    Step,
    sysctl,
)
from tcp_pressure_exporter.verdict.details.what_if import obstacle_to
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal
from tcp_pressure_exporter.verdict.troubles import Part, troubles

# systemd.unit(5) allows more; names that a shell would not read as one word must not be copied.
UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,200}\.service")
WIDER_LOW, WIDER_HIGH, LOWEST = 16384, 60999, 1024


def steps_by_advice(
    sample: NamespaceSample, assessment: Assessment
) -> Mapping[str, tuple[Step, ...]]:
    """Return what to type for each piece of advice: Linux settings, or applications' own.

    Each setting appears once, under the first action that needs it.
    """
    steps: dict[str, list[Step]] = {}
    for trouble in troubles(assessment):
        for part in trouble.parts:
            advice = advice_on(trouble.teller(part))
            steps.setdefault(advice, []).extend(_for_part(sample, assessment, part))
    found: dict[str, list[Step]] = {}
    told: set[str] = set()
    for action in actions(assessment):
        for step in steps[action.advice]:
            if step.sets not in told:
                told.add(step.sets)
                found.setdefault(action.advice, []).append(step)
    return {advice: tuple(some) for advice, some in found.items()}


def _for_part(sample: NamespaceSample, assessment: Assessment, part: Part) -> Iterable[Step]:
    match part:
        case Refusal():
            return ()
        case Stuck():
            waiting = assessment.close_wait
            return _restart([one.owner.service for one in waiting.owners] if waiting else [])
        case FindingState():
            return _for_finding(sample, part.finding.name)
        case _:
            return steps_for(sample, part)


def _restart(services: Iterable[str]) -> Iterator[Step]:
    """Restart the service with the most stuck connections, if it is systemd's."""
    for service in services:
        if UNIT.fullmatch(service):
            yield Step(
                SHELL,
                (f"systemctl restart {service}",),
                "Frees its stuck connections.",
                "Its other connections end too, and the leak starts over.",
            )
        return


def steps_for(sample: NamespaceSample, pressure: Pressure) -> tuple[Step, ...]:
    """Return what to type about one resource."""
    known = is_linux(sample)
    if pressure.kind == OUTBOUND:
        return tuple(_for_pool(sample, pressure, known=known))
    if not known:
        return ()
    if pressure.kind == BLOCKED_PORTS:
        return tuple(_wider(sample))
    make = LIMIT_STEPS.get(pressure.kind)
    return (make(pressure.limit or 0),) if make else ()


def is_linux(sample: NamespaceSample) -> bool:
    """Tell whether the sample has Linux settings."""
    return "tcp_tw_reuse" in (sample.value(SYSCTLS) or {})


def _for_pool(sample: NamespaceSample, pressure: Pressure, *, known: bool) -> Iterator[Step]:
    pool = pool_of(sample, pressure)
    if pool is None:
        return
    if known and not pool.key.ports:
        yield from _settings_for_pool(sample, pressure, pool)
    for owner in pressure.owners[:1]:
        yield _application(pool, owner.owner.process or owner.owner.service)


def _settings_for_pool(
    sample: NamespaceSample, pressure: Pressure, pool: ListedPool
) -> Iterator[Step]:
    state = {
        SYN_SENT: SYN_RETRIES,
        FIN_WAIT2_ORPHAN: FIN_TIMEOUT,
        FIN_UNANSWERED: ORPHAN_RETRIES,
    }.get(pressure.filling)
    if state:
        yield state
    if pressure.mostly_time_wait and obstacle_to(sample, pool, TimeWaitTakeOver()) is None:
        yield TW_REUSE
    if pool.usage.mostly_blocked or pressure.mostly_time_wait:
        yield from _wider(sample)


def _application(pool: ListedPool, process: str) -> Step:
    setting = setting_of(process.removesuffix(".service"))
    remote = end(pool.remote_address, pool.port)
    local = f"[{pool.local_address}]" if ":" in pool.local_address else pool.local_address
    lines = (line.replace("{remote}", remote).replace("{local}", local) for line in setting.lines)
    return Step(setting.where, tuple(lines), setting.changes, setting.risks)


def _wider(sample: NamespaceSample) -> Iterator[Step]:
    """Widen the local port range if possible, with one end even and the other odd."""
    ports = sample.value(LOCAL_PORTS)
    if ports is not None and (wider := wider_range(ports.low, ports.high)):
        low, high = wider
        found = sysctl(
            "net.ipv4.ip_local_port_range",
            f"{low} {high}",
            f"{high - low + 1:,} ports to choose from instead of"
            f" {ports.high - ports.low + 1:,}, not counting reserved ones.",
            "A service that listens there may find its port taken when it restarts: first"
            " reserve each such port in net.ipv4.ip_local_reserved_ports.",
        )
        yield found._replace(lines=(listening_in(low, high), *found.lines))


def listening_in(low: int, high: int) -> str:
    """Return the command that lists what listens on ports in a range."""
    return f"ss -Htln 'sport >= :{low} and sport <= :{high}'"


def wider_range(low: int, high: int) -> tuple[int, int] | None:
    """Return a range wider than today's, None if there is hardly any."""
    if low > WIDER_LOW:
        return WIDER_LOW, max(high | 1, WIDER_HIGH)
    return (LOWEST, max(high | 1, WIDER_HIGH)) if low > LOWEST else None


def _for_finding(sample: NamespaceSample, name: str) -> Iterator[Step]:
    if not is_linux(sample):
        return
    if name == "tw_reuse_off_under_pressure":
        yield TW_REUSE
    elif name in {"port_range_too_small", "mptcp_subflows_bind"}:
        yield from _wider(sample)
    elif name in {"time_wait_overflows", "conntrack_drops"}:
        yield from _raised(sample, name)
    elif name == "odd_port_range":
        yield from _even(sample)
    elif name in FINDING_STEPS:
        yield FINDING_STEPS[name]


def _raised(sample: NamespaceSample, finding: str) -> Iterator[Step]:
    """Yield the step that doubles the limit that overflowed."""
    kind = TIME_WAIT_BUCKETS if finding == "time_wait_overflows" else CONNTRACK_ENTRIES
    for name, _used, limit in sample.value(LIMITS) or ():
        if name == kind:
            yield LIMIT_STEPS[kind](limit)


def _even(sample: NamespaceSample) -> Iterator[Step]:
    ports = sample.value(LOCAL_PORTS)
    if ports is not None and (ports.high - ports.low) % 2 == 0:
        yield sysctl(
            "net.ipv4.ip_local_port_range",
            f"{ports.low} {ports.high - 1}",
            "One port fewer, but the kernel now finds every one of them.",
            NOTHING_KNOWN,
        )
