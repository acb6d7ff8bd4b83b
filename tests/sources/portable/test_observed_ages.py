"""TIME_WAIT entries dated by the samples that showed them."""

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.portable.sockets import (
    UNKNOWN_BEGINNING,
    ObservedAges,
    PortableSocket,
)
from tests.support.messages.datagrams import TIME_WAIT
from tests.support.messages.socket_entries import sixteen_bytes

LOCAL, REMOTE = sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9")


def entry(port: int) -> PortableSocket:
    return PortableSocket(LOCAL, port, REMOTE, 443, TIME_WAIT)


def entries(*ports: int) -> list[PortableSocket]:
    return [entry(port) for port in ports]


def test_first_sample() -> None:
    """When the entries of the first sample began is not known."""
    assert ObservedAges().seen(entries(1, 2), 1000) == {
        entry(1): UNKNOWN_BEGINNING,
        entry(2): UNKNOWN_BEGINNING,
    }


def test_new_entries() -> None:
    """New entries began at moments spread evenly between the two samples."""
    ages = ObservedAges()
    ages.seen(entries(1), 1000)
    dates = ages.seen(entries(1, 2, 3, 4), 5000)
    assert dates == {entry(1): UNKNOWN_BEGINNING, entry(2): 2000, entry(3): 3000, entry(4): 4000}


def test_entries_keep_their_dates() -> None:
    """An entry keeps its date while it is there; once gone and back, it is a new one."""
    ages = ObservedAges()
    ages.seen([], 0)
    assert ages.seen(entries(1), 1000) == {entry(1): 500}
    assert ages.seen(entries(1), 2000) == {entry(1): 500}
    assert ages.seen([], 3000) == {}
    assert ages.seen(entries(1), 4000) == {entry(1): 3500}


def test_complete() -> None:
    """All entries have a date once the samples go back as far as TIME_WAIT lasts."""
    ages = ObservedAges()
    assert not ages.complete(60.0)
    ages.seen(entries(1), 10_000)
    ages.seen(entries(1), 69_999)
    assert not ages.complete(60.0)
    ages.seen(entries(1), 70_000)
    assert ages.complete(60.0)


@given(st.lists(st.sets(st.integers(1, 40)), min_size=2))
def test_dates_lie_between_samples(samples: list[set[int]]) -> None:
    """Each new entry gets a different date between its sample and the previous one."""
    ages = ObservedAges()
    before: set[int] = set()
    for number, ports in enumerate(samples):
        dates = ages.seen(entries(*ports), 1000 * number)
        assert set(dates) == set(entries(*ports))
        new = [dates[entry(port)] for port in ports - before]
        if number:
            assert len(set(new)) == len(new)
            assert all(1000 * (number - 1) < date < 1000 * number for date in new)
        before = ports
