"""Incidents: what begins one, what belongs to it, when it is over, and why nothing floods them."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import NOBODY, Owner
from tcp_pressure_exporter.verdict.past.incidents import Incident, IncidentMemory
from tcp_pressure_exporter.verdict.past.minutes import Figures, States
from tcp_pressure_exporter.verdict.past.sightings import Involved, Look, NamespaceLook, Sighting
from tcp_pressure_exporter.verdict.troubles import Tie

EPOCH = 1_795_198_740.0  # at second 0 of the samples' clock
POOL: Tie = ("outbound", "10.0.0.2 → 10.0.0.9:443")
OTHER: Tie = ("outbound", "10.0.0.2 → 10.0.0.7:443")
SOURCE: Tie = ("source", "10.0.0.2")
NGINX, CURL = Owner("nginx.service", "nginx"), Owner("", "curl")
MINUTE = 60.0


def sighting(
    *parts: Tie, refused: int = 0, certain: bool = True, owner: Owner = NGINX, ratio: float = 0.95
) -> Sighting:
    """Return a critical trouble, of POOL by default."""
    parts = parts or (POOL,)
    return Sighting(
        parts=parts,
        title=" ".join(parts[0]),
        sentence=f"{ratio:.0%}, refused {refused}.",
        runbook="docs/runbooks/pools.md#tcppressurepoolhigh",
        certain=certain,
        resource=parts[0],
        ratio=ratio,
        refused=refused,
        owners=(Involved(owner, refused=refused), Involved(owner, closed=20, sockets=3)),
    )


def look(
    now: float,
    *critical: Sighting,
    used: int = 950,
    netns: str = "host",
    resources: Iterable[Tie] = (POOL,),
    holds: float = 15.0,
) -> Look:
    """Return a sample at so many seconds."""
    figures = Figures(used, 1000, used / 1000, used, 10.0, 30.0)
    states = States(20, 0, used, 0)
    seen = NamespaceLook(netns, critical, dict.fromkeys(resources, figures), states)
    return Look(now, EPOCH + now, holds, "host", (seen,))


def memory(*looks: Look) -> IncidentMemory:
    known = IncidentMemory()
    for one in looks:
        known = known.after(one)
    return known


def every(seconds: float, begin: float, end: float) -> Sequence[float]:
    """Return the times of samples, including the first and the last."""
    return [begin + seconds * n for n in range(int((end - begin) / seconds) + 1)]


def only(known: IncidentMemory) -> Incident:
    (one,) = known.listed
    return one


def test_calm() -> None:
    """If nothing is critical, nothing has happened, and it is known since when."""
    known = memory(*(look(now, used=100) for now in every(5, 0, 600)))
    assert known.listed == ()
    assert known.since == (0.0, EPOCH)


def test_from_begin_to_end() -> None:
    """It begins with the first critical sample, ends with the last, and has calls and owner."""
    known = memory(
        *(look(now, used=500) for now in every(5, 0, 595)),
        *(look(now, sighting(refused=7), used=1000) for now in every(5, 600, 695)),
        *(look(now, used=300) for now in every(5, 700, 1300)),
    )
    one = only(known)
    assert (one.began.now, one.last.now, one.over, one.goes_on) == (600.0, 695.0, True, False)
    assert (one.refused, one.first_refused) == (20 * 7, EPOCH + 600)
    assert one.peak
    assert (one.peak.figures.used, one.peak.timestamp) == (1000, EPOCH + 600)
    assert one.owners == (Involved(NGINX, refused=140, closed=20, sockets=3),)
    assert one.worst.sentence == "95%, refused 7."


def test_minutes() -> None:
    """It has the ten minutes before and after, each with the worst of its samples."""
    known = memory(
        *(look(now, used=100 + int(now // MINUTE)) for now in every(5, 0, 1195)),
        *(look(now, sighting(refused=1), used=900 + int(now) % 60) for now in every(5, 1200, 1315)),
        *(look(now, used=50) for now in every(5, 1320, 2400)),
    )
    minutes = only(known).minutes
    used = [minute.figures.used if minute.figures else None for minute in minutes]
    assert used[:10] == [110 + n for n in range(10)]
    assert used[10:12] == [955, 955]
    assert set(used[12:]) == {50}
    assert len(used[12:]) == 10
    assert [minute.refused for minute in minutes[9:13]] == [0, 12, 12, 0]
    assert [minute.critical for minute in minutes[9:13]] == [False, True, True, False]
    assert {minute.samples for minute in minutes[:-1]} == {12}
    assert minutes[0].timestamp == EPOCH + 600


def test_waves() -> None:
    """Waves within ten minutes are one incident, which also covers the time between them.

    A pause of a sample or two does not end a wave.
    """
    waves = [0.0, 240.0, 480.0]
    critical = {now for wave in waves for now in every(5, wave, wave + 60)} - {30.0, 35.0}
    looks = [
        look(now, *([sighting(refused=2)] if now in critical else [])) for now in every(5, 0, 1080)
    ]
    between = memory(*(one for one in looks if one.now <= 400))
    assert (only(between).waves, only(between).goes_on, only(between).over) == (2, False, False)
    known = memory(*looks)
    assert (only(known).waves, only(known).refused) == (3, 2 * len(critical))
    later = known.after(look(1145)).after(look(1150, sighting()))
    assert [one.number for one in later.listed] == [2, 1]


def test_two_causes() -> None:
    """Each cause has its own incident, in its network namespace."""
    one = look(0, sighting(POOL, SOURCE, refused=1), sighting(OTHER, refused=2))
    other = look(0, sighting(POOL, refused=4), netns="web").namespaces
    known = memory(one._replace(namespaces=(*one.namespaces, *other)))
    assert [(one.netns, one.refused) for one in known.listed] == [
        ("web", 4),
        ("host", 2),
        ("host", 1),
    ]


def test_a_cause_is_known_by_its_parts() -> None:
    """Two pools that were once one trouble stay one incident when they become two."""
    known = memory(
        look(0, sighting(POOL, OTHER, refused=1)),
        look(5, sighting(OTHER, refused=2), sighting(POOL, refused=4)),
    )
    assert (only(known).refused, only(known).number) == (7, 1)


def test_what_one_forecast_said_once() -> None:
    """What only a forecast makes critical, in a single sample, is no incident; in two it is."""
    once = memory(look(0, sighting(certain=False, ratio=0.4)), look(5))
    assert once.listed == ()
    twice = once.after(look(10, sighting(certain=False, ratio=0.5)))
    assert only(twice).worst.ratio == 0.5
    gone = memory(look(0, sighting(certain=False)), *(look(now) for now in every(5, 5, 600)))
    assert gone.incidents == ()


def test_a_gap_of_samples() -> None:
    """A gap is recognised: it has no minutes, and its length is known."""
    known = memory(
        *(look(now, sighting(refused=1)) for now in every(5, 0, 115)),
        *(look(now, sighting(refused=1)) for now in every(5, 420, 475)),
    )
    one = only(known)
    assert [minute.number for minute in one.minutes] == [0, 1, 7]
    assert (one.waves, one.refused, one.unseen) == (1, 36, 420 - 115 - 15)


def test_after_a_suspend() -> None:
    """After a night's sleep the incident of the evening is over, and the next one is a new one."""
    known = memory(look(0, sighting()), look(5, sighting()), look(30_000, sighting()))
    assert [(one.number, one.over) for one in known.listed] == [(2, False), (1, True)]


def test_rare_samples() -> None:
    """With a sample every ten minutes, what lasts is one incident."""
    looks = [look(now, sighting(), holds=1800.0) for now in every(600, 0, 3600)]
    assert (only(memory(*looks)).looks, len(only(memory(*looks)).minutes)) == (7, 7)


def test_a_namespace_that_cannot_be_read() -> None:
    """If the pools could not be read, there is neither calm nor a minute."""
    begin = memory(look(0, sighting()), look(5, sighting()))
    blind = begin.after(Look(65.0, EPOCH + 65, 15.0, "host", ()))
    assert (only(blind).calm_since, only(blind).goes_on) == (None, False)
    assert len(only(blind).minutes) == 1


def test_a_day_long() -> None:
    """In a long incident the beginning stays as it was; the later minutes are merged."""
    known = memory(*(look(now, sighting(refused=1)) for now in every(20, 0, 86_400)))
    minutes = only(known).minutes
    assert len(minutes) <= 40
    assert {minute.span for minute in minutes[:30]} == {1}
    assert sum(minute.span for minute in minutes) == 1441
    assert sum(minute.refused for minute in minutes) == only(known).refused == 4321


def test_the_last_ones_stay() -> None:
    """If there are more than 32, the oldest go."""
    looks = [look(1000.0 * n, sighting(("outbound", str(n)))) for n in range(40)]
    assert [one.number for one in memory(*looks).listed] == list(range(40, 8, -1))


def test_a_flood_at_once() -> None:
    """A namespace has room for eight at a time: a crowd does not drive out what is going on."""
    crowd = [sighting(("outbound", f"crowd {n}")) for n in range(200)]
    known = memory(look(0, sighting(refused=1)), look(5, *crowd, sighting(refused=1)))
    assert (len(known.listed), known.left_out) == (8, 193)
    assert known.listed[-1].refused == 2


def test_owners() -> None:
    """Four are named, those with the most refused calls first; an unknown owner is not one."""
    names = [NOBODY, *(Owner("", f"p{n}") for n in range(9))]
    known = memory(
        *(look(5.0 * n, sighting(refused=n + 1, owner=who)) for n, who in enumerate(names))
    )
    assert [who.owner.process for who in only(known).owners] == ["p8", "p7", "p6", "p5"]


TIES = st.sampled_from([("outbound", str(n)) for n in range(12)])
SIGHTINGS = st.builds(
    lambda parts, refused, certain: sighting(
        *dict.fromkeys(parts), refused=refused, certain=certain
    ),
    st.lists(TIES, min_size=1, max_size=3),
    st.integers(0, 5),
    st.booleans(),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([1.0, 5.0, 45.0, 400.0, 700.0]),
        st.lists(SIGHTINGS, max_size=6),
        st.integers(0, 1000),
        st.booleans(),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens(steps: list[tuple[float, list[Sighting], int, bool]]) -> None:
    """Numbers, times and minutes stay in order and within bounds; no refused call counts twice."""
    known, now, told = IncidentMemory(), 0.0, 0
    for seconds, critical, used, read in steps:
        now += seconds
        seen = look(now, *critical, used=used, resources=[("outbound", str(n)) for n in range(12)])
        before = known
        known = known.after(seen if read else seen._replace(namespaces=()))
        told += sum(one.refused for one in critical) if read else 0
        assert len(known.incidents) <= 32
        assert len(known.recent) <= 64
        numbers = [one.number for one in known.incidents]
        assert numbers == sorted(set(numbers))
        assert known.next_number >= before.next_number
        for one in known.incidents:
            assert one.began.now <= one.last.now <= now
            assert len(one.minutes) <= 40
            assert len(one.parts) <= 16
            ends = pairwise(one.minutes)
            assert all(first.number + first.span <= second.number for first, second in ends)
            assert sum(minute.refused for minute in one.minutes) == one.refused
            assert 1 <= one.waves <= one.looks
    counted = sum(one.refused for one in known.incidents)
    assert counted <= told
    if known.left_out == 0 and known.next_number <= 32 + 1:
        lost = known.next_number - 1 - len(known.incidents)
        assert counted == told or lost


@pytest.mark.parametrize("resources", [1, 64, 500])
def test_resources_that_may_become_one(resources: int) -> None:
    """The minutes of the 64 fullest resources are kept."""
    names = [("outbound", str(n)) for n in range(resources)]
    known = memory(*(look(now, resources=names) for now in every(5, 0, 1200)))
    assert len(known.recent) == min(resources, 64)
    assert {len(minutes) for minutes in known.recent.values()} == {11}
