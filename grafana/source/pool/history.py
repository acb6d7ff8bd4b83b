"""The pool over time."""

from grafana.source.colour import CLEAR, PORTS
from grafana.source.forecast import HORIZON, seconds_left
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.pool_table import BEARS, ENTERED, LIMIT, SECONDS, STEADY_STATE, USED
from grafana.source.query import POOL, Query, rate, ratio, select
from grafana.source.threshold import (
    SECONDS_LEFT_AREA,
    ratio_steps,
)
from tcp_pressure_exporter.pools.directions import OUTBOUND

UNLISTED = "Not listed in this time: below 1 % (pools.min_ratio), or not among the fullest."
UNDATED = "Source and nat pools have no rates: what they share cannot be dated."


def history() -> Section:
    return Section(
        "How it came to be",
        [
            Shelf(10, [(12, _ports()), (12, _rates())]),
            Shelf(9, [(12, _share()), (12, _seconds())]),
        ],
    )


def _ports() -> TimeSeries:
    return TimeSeries(
        title="Ports of the pool",
        meaning="Ports in use, of which TIME_WAIT alone holds some; ports that could be had back;"
        " and the limit.",
        normal="used well below limit.",
        action="TIME_WAIT close to used: keep connections open, or tcp_tw_reuse = 1 (if the"
        " peer sends timestamps and the client does not bind). Far below it:"
        " the open connections are too many.",
        queries=[
            Query(f"max({select(LIMIT, POOL)})", "limit"),
            Query(f"max({select('tcp_pressure_pool_time_wait', POOL)})", "TIME_WAIT"),
            Query(f"max({select(USED, POOL)})", "used"),
            Query(f"max({select('tcp_pressure_pool_reclaimable', POOL)})", "reclaimable"),
        ],
        unit="locale",
        empty=UNLISTED,
        low=0,
        colours=PORTS,
        dashed=["limit"],
        filled=["TIME_WAIT"],
    )


def _rates() -> TimeSeries:
    peak = select("tcp_pressure_pool_closes_per_second_max_1m", POOL)
    return TimeSeries(
        title="Rate of closes against the ceiling",
        meaning="Connections that enter TIME_WAIT per second, their peak within a second, and the"
        " ceiling: what the pool bears for good, (limit − open) ÷ the hold of TIME_WAIT.",
        normal="closes below the ceiling. A peak above it is harmless: the pool is a buffer.",
        action="closes at the ceiling: whatever comes above it fails.",
        queries=[
            Query(f"max({select(BEARS, POOL)})", "ceiling"),
            Query(f"max({rate(ENTERED, POOL)})", "closes"),
            Query(f"max({peak})", "peak of a second"),
        ],
        unit="cps",
        empty=UNDATED,
        low=0,
        colours={"ceiling": "red", "closes": "blue", "peak of a second": "super-light-blue"},
        dashed=["ceiling"],
    )


def _share() -> TimeSeries:
    return TimeSeries(
        title="Share in use, and where it heads for",
        meaning="The share of ports in use, and the one that the closes of the last 10 s lead to.",
        normal="both below 70 %.",
        action="heads for above in use: it rises. Above 100 %: it runs out within a minute or so.",
        queries=[
            Query(f"max({ratio(USED, LIMIT, POOL)})", "in use"),
            Query(f"max({select(STEADY_STATE, POOL)})", "heads for"),
        ],
        unit="percentunit",
        empty=UNLISTED,
        low=0,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
        colours={"in use": "blue", "heads for": "purple"},
    )


def _seconds() -> TimeSeries:
    return TimeSeries(
        title="Forecast",
        meaning="Seconds until the pool is full, as forecast at each moment. 600 s stands for more;"
        " 0: full.",
        normal="600 s.",
        action="below 60 s (red) an alert fires, if the pool is outbound.",
        queries=[Query(seconds_left(f"min({select(SECONDS, POOL)})"), "full in")],
        unit="s",
        empty=UNDATED,
        low=0,
        high=HORIZON,
        thresholds=SECONDS_LEFT_AREA,
        colours={"full in": "blue"},
        calcs=("lastNotNull", "min"),
    )
