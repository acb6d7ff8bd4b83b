"""What remedies would make of the pools, in words."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.pools.remedies import (
    KeepAlive,
    LocalRange,
    MoreAddresses,
    TimeWaitTakeOver,
)
from tcp_pressure_exporter.sample.sample import POOLS, SYSCTLS, NamespaceSample
from tcp_pressure_exporter.verdict.details.what_if import best_remedies, what_if
from tests.pages.report.observations import CALM, CLIENTS, UPSTREAM, pool_sample

REMEDIES = (TimeWaitTakeOver(), LocalRange(16_384, 60_999))


def test_words() -> None:
    """What is now, what would be, and where it leads.

    1,322 ports are live or bound. With one second of 418 closes that is 6 % of 28,232 ports; with
    62 such seconds, 25,916 closes, it is 61 % of 44,616; and with one, 3 % of these.
    """
    reuse, wider, both = what_if(pool_sample(), [UPSTREAM, CLIENTS], REMEDIES)
    assert reuse.words == "full in 41 s → never at this rate; projected 6 %"
    assert wider.words == "full in 41 s → never at this rate; projected 61 %"
    assert both.words.endswith("projected 3 %")
    assert both.text == "tw_reuse=1 range=16384-60999"
    assert reuse.name == UPSTREAM.name


def test_peaks() -> None:
    """A peak in the last minute is shown if it is clearly higher."""
    pool = pool_sample().pool_tables()["outbound"].listed[0]
    ages = bytes(4 * 20) + (10_000).to_bytes(4, "little") + bytes(4 * 40)
    burst = replace(pool, usage=pool.usage._replace(ages=ages))
    table = replace(pool_sample().pool_tables()["outbound"], listed=(burst,))
    sample = with_part(POOLS, {"outbound": table})
    (found,) = what_if(sample, [UPSTREAM], [TimeWaitTakeOver()])
    assert found.words.endswith("up to 95 % at the peaks of the last minute")


def with_part(key: object, value: object) -> NamespaceSample:
    sample = pool_sample()
    parts = dict(sample.parts)
    parts[key] = Outcome(0.0, value)  # type: ignore[index]  # one of the sample's keys
    return NamespaceSample("host", parts)


def test_no_help() -> None:
    """A remedy that does not help says why, and is not among the best."""
    sample = with_part(SYSCTLS, {"tcp_timestamps": 0})
    (found,) = what_if(sample, [UPSTREAM], [TimeWaitTakeOver()])
    assert found.words == "does not help: tcp_timestamps is off"
    assert "tw_reuse=1" not in {one.text for one in best_remedies(sample, UPSTREAM)}


def test_the_best_two() -> None:
    """Without a question, pools that are not calm show the two remedies that lead lowest."""
    found = what_if(pool_sample(), [UPSTREAM, CLIENTS], ())
    assert [one.short for one in found] == [
        "tw_reuse=1: projected 6 %",
        "keepalive=0.9: projected 13 %",
    ]
    assert what_if(pool_sample(), [UPSTREAM._replace(severity=CALM)], ()) == ()


def test_calm_pool() -> None:
    """If all is calm, the question is answered for the fullest pool."""
    calm = UPSTREAM._replace(severity=CALM)
    assert [one.name for one in what_if(pool_sample(), [CLIENTS, calm], [KeepAlive(0.5)])] == [
        UPSTREAM.name
    ]


@pytest.mark.parametrize("pressures", [[], [CLIENTS]])
def test_no_pool(pressures: list[object]) -> None:
    """Without an outbound pool, or without a sample of it, there is nothing to say."""
    assert what_if(pool_sample(), pressures, [MoreAddresses(1)]) == ()  # type: ignore[arg-type]
    assert what_if(NamespaceSample("host"), [UPSTREAM], [MoreAddresses(1)]) == ()
