"""History: pools, forecasts and rates over time."""

from grafana.source.colour import CLEAR
from grafana.source.forecast import HORIZON, LEAST_MINUTES, MINUTES, minutes_left
from grafana.source.layout import Section, Shelf
from grafana.source.names import POOL_NAME, with_ends
from grafana.source.panel import TimeSeries
from grafana.source.pool_table import ENTERED, LIMIT, PROJECTED, SECONDS, SUSTAINABLE, USED
from grafana.source.query import DIRECTION, Query, rate, ratio, select
from grafana.source.threshold import MINUTES_LEFT_AREA, STEADY, ratio_steps, steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

TOP = 10
NO_POOL = "No outbound or inbound pool is fuller than 1 % (pools.min_ratio)."


def history() -> Section:
    return Section(
        "History of the pools",
        [
            Shelf(10, [(12, _fullest()), (12, _minutes())]),
            Shelf(10, [(12, _closes()), (12, _projected())]),
        ],
    )


def _fullest() -> TimeSeries:
    return TimeSeries(
        title="Fullest pools over time",
        meaning="The share of its ports that each of the fullest pools has in use. Orange and red:"
        " the thresholds of outbound pools. Lines begin and end as pools enter the list.",
        normal="below 70 %.",
        action="a steady rise: more load, or connections that are no longer kept open. Waves of a"
        " minute: TIME_WAIT; the pool is at its ceiling.",
        queries=[Query(with_ends(f"topk({TOP}, {ratio(USED, LIMIT, DIRECTION)})"), POOL_NAME)],
        unit="percentunit",
        empty="No pool is fuller than 1 % (pools.min_ratio).",
        low=0,
        high=1,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
    )


def _minutes() -> TimeSeries:
    first = f"bottomk({TOP}, {minutes_left(select(SECONDS, DIRECTION))})"
    return TimeSeries(
        title="Minutes until each pool is full",
        meaning=f"The forecast at each moment. {HORIZON // 60} min stands for more, and"
        f" {LEAST_MINUTES:g} min for less. The scale is logarithmic, so that the last minutes have"
        " room.",
        normal=f"{HORIZON // 60} min.",
        action="below 1 min (red) an alert fires, if the pool is outbound: relieve it now, or route"
        " traffic away.",
        queries=[Query(with_ends(first), POOL_NAME)],
        unit=MINUTES,
        empty=NO_POOL,
        low=LEAST_MINUTES,
        high=HORIZON / 60,
        thresholds=MINUTES_LEFT_AREA,
        calcs=("lastNotNull", "min"),
        powers_of_two=True,
        stepped=True,
    )


def _closes() -> TimeSeries:
    # A pool filled by open connections can sustain no closes at all.
    share = f"{rate(ENTERED, DIRECTION)} / ({select(SUSTAINABLE, DIRECTION)} > 0)"
    return TimeSeries(
        title="Closes, as a share of what each pool can sustain",
        meaning="Connections that entered TIME_WAIT here per second, each of which holds its port"
        " for a minute, against the sustainable rate: what the pool can sustain beside its open"
        " connections. The dashed line is that rate.",
        normal="below 80 % (orange). A peak above 100 % is harmless: the pool is a buffer.",
        action="let the program with the highest line keep its connections open.",
        queries=[
            Query(with_ends(f"topk({TOP}, {share})"), POOL_NAME),
            Query("vector(1)", "sustainable rate"),
        ],
        unit="percentunit",
        empty=NO_POOL,
        low=0,
        thresholds=steps(*STEADY, base=CLEAR),
        colours={"sustainable rate": "red"},
        dashed=["sustainable rate"],
    )


def _projected() -> TimeSeries:
    return TimeSeries(
        title="Projected share of each pool",
        meaning="The share of its ports that each pool would settle at, if it went on closing as in"
        " the last 10 s.",
        normal="below 80 % (orange). Above 100 % (red) the pool runs out within a minute or so.",
        action="keep connections open, or add a local or a remote address.",
        queries=[Query(with_ends(f"topk({TOP}, {select(PROJECTED, DIRECTION)})"), POOL_NAME)],
        unit="percentunit",
        empty=NO_POOL,
        low=0,
        thresholds=steps(*STEADY, base=CLEAR),
    )
