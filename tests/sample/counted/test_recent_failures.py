"""The failures of the last five minutes: none is lost, none is counted for longer."""

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.failures import CONNECT_FAILURES, FailureCounts, PortFailure
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.sample.counted.failures import (
    NAMED,
    FailureMemory,
    FailureOwner,
    FailureWindow,
    RecentCount,
    RecentFailures,
    failure_owner,
)
from tests.support.messages.socket_entries import sixteen_bytes

NO_PORTS, PORTS_TAKEN = CONNECT_FAILURES
FIVE_MINUTES = 300.0
STEP = 10.0  # seconds: what the samples of one step span at most


def owner(process: str) -> FailureOwner:
    return FailureOwner(NO_PORTS, Owner("", process), "10.0.0.2", "10.0.0.9", "443")


def told(found: RecentFailures) -> dict[str, RecentCount]:
    return {one.owner.process: count for one, count in found.owners.items()}


def test_before_the_first_sample() -> None:
    """Nothing is known, for no time."""
    assert FailureWindow().recent() == RecentFailures(0.0, {}, {})


def test_one_look() -> None:
    """A look that started counting two seconds ago says so."""
    found = FailureWindow(since=100.0).after({owner("a"): 7}, {}, 102.0).recent()
    counted = {owner("a"): RecentCount(7, 0.0)}
    assert found == RecentFailures(2.0, counted, {}, new={owner("a"): 7})


def test_added_up() -> None:
    """Failures in several samples are added up; the last one dates them."""
    window = FailureWindow(0.0).after({owner("a"): 3, owner("b"): 1}, {}, 5.0)
    window = window.after({}, {}, 10.0).after({owner("a"): 4}, {NO_PORTS: 2}, 15.0)
    found = window.after({}, {}, 20.0).recent()
    assert told(found) == {"a": (7, 5.0), "b": (1, 15.0)}
    assert found.others == {NO_PORTS: RecentCount(2, 5.0)}
    assert found.seconds == 20.0


def test_five_minutes() -> None:
    """After five minutes, and not before, it is forgotten, and the reported time stops growing."""
    window = FailureWindow(0.0).after({owner("a"): 3}, {}, 10.0)
    assert told(window.after({}, {}, 309.0).recent()) == {"a": (3, 299.0)}
    later = window.after({}, {}, 310.0).recent()
    assert later == RecentFailures(FIVE_MINUTES, {}, {})


def test_crowd_of_owners() -> None:
    """If there are too many owners, the worst are named; all the others count together."""
    crowd = {owner(f"p{number}"): number + 1 for number in range(NAMED + 10)}
    found = FailureWindow(0.0).after(crowd, {NO_PORTS: 5}, 5.0).recent()
    assert len(found.owners) == NAMED
    assert "p10" in told(found)
    assert "p9" not in told(found)
    assert found.others == {NO_PORTS: RecentCount(sum(range(1, 11)) + 5, 0.0)}


def test_many_samples_a_second() -> None:
    """However often it is sampled, few steps are kept, and no failure is lost."""
    window = FailureWindow(0.0)
    for tenth in range(1, 2001):
        window = window.after({owner("a"): 1}, {}, tenth / 10)
    assert told(window.recent()) == {"a": (2000, 0.0)}
    assert len(window.steps) <= 60


def test_what_the_kernel_could_not_keep() -> None:
    """Failures without an owner count by the rise of their number."""
    memory = FailureMemory(window=FailureWindow(0.0))
    for unnamed in (4, 4, 9):
        counts = FailureCounts({}, {NO_PORTS: unnamed})
        now = (memory.window.now or 0.0) + 5.0
        memory = memory.after(counts, lambda row: failure_owner(row, "", RemoteGroups()), 10, now)
    found = memory.published(counts).recent
    assert found.others == {NO_PORTS: RecentCount(9, 0.0)}


STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.integers(1, 9)),
        st.sampled_from([1.0, 5.0, 70.0]),
    ),
    max_size=40,
)


@given(STEPS)
@example([({"a": 1}, 1.0), ({"a": 1}, 8.0), *[({}, 70.0)] * 4, ({}, 17.0)])
def test_exact(steps: list[tuple[dict[str, int], float]]) -> None:
    """Listed or not, each owner has what the kernel counted in the samples of five minutes.

    Samples that share a step leave together, when the last of them does.
    """
    far = sixteen_bytes("10.0.0.9")
    memory, now = FailureMemory(window=FailureWindow(0.0)), 0.0
    counted: Counter[PortFailure] = Counter()
    history: list[tuple[float, str, int]] = []
    for failed, seconds in steps:
        now += seconds
        for process, number in failed.items():
            counted[PortFailure(NO_PORTS, 1, process, far, far, 443)] += number
            history.append((now, process, number))
        counts = FailureCounts(dict(counted), {})
        memory = memory.after(counts, lambda row: failure_owner(row, "", RemoteGroups()), 1, now)
        found = told(memory.published(counts).recent)
        certain = Counter[str]()
        possible = Counter[str]()
        for at, process, number in history:
            certain[process] += number if now - at < FIVE_MINUTES else 0
            possible[process] += number if now - at < FIVE_MINUTES + STEP else 0
        assert found.keys() >= (+certain).keys()
        for process, count in found.items():
            assert certain[process] <= count.failures <= possible[process]


def test_by_kind() -> None:
    """All failures are there by kind, named or not."""
    found = FailureWindow(0.0).after({owner("a"): 3}, {PORTS_TAKEN: 2}, 5.0).recent()
    assert dict(found.counts()) == {NO_PORTS: RecentCount(3, 0.0), PORTS_TAKEN: RecentCount(2, 0.0)}


def test_what_the_newest_sample_counted() -> None:
    """What the newest sample counted is known within the last five minutes, named or not."""
    window = FailureWindow(0.0).after({owner("a"): 7}, {NO_PORTS: 1}, 5.0)
    window = window.after({owner("a"): 2, owner("b"): 3}, {NO_PORTS: 4}, 10.0)
    found = window.recent()
    assert (found.new, found.new_others) == ({owner("a"): 2, owner("b"): 3}, {NO_PORTS: 4})
    later = window.after({}, {}, 15.0).recent()
    assert (later.new, later.new_others) == ({}, {})
    crowd = {owner(f"p{number}"): number + 1 for number in range(NAMED + 10)}
    many = FailureWindow(0.0).after(crowd, {}, 5.0).recent()
    assert len(many.new) == NAMED
    assert many.new_others == {NO_PORTS: sum(range(1, 11))}
