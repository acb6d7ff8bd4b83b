"""The pool over time."""

from grafana.source.colour import ATTENTION, CLEAR, PORTS
from grafana.source.forecast import HORIZON, LEAST_MINUTES, MINUTES, minutes_left
from grafana.source.layout import Section, Shelf
from grafana.source.names import with_owner
from grafana.source.panel import TimeSeries
from grafana.source.pool_table import ENTERED, LIMIT, PROJECTED, SECONDS, SUSTAINABLE, USED
from grafana.source.query import POOL, Query, rate, ratio, select
from grafana.source.refused import CLOSES, CLOSES_PER_SECOND
from grafana.source.threshold import MINUTES_LEFT_AREA, ratio_steps, steps
from tcp_pressure_exporter.pools.directions import OUTBOUND

UNLISTED = "Not listed in this time: below 1 % (pools.min_ratio), or not among the fullest."
UNDATED = "Source and nat pools have no rates: what they share cannot be dated."
NOT_NEAR = "Not asked: below 70 %, or not an outbound pool."
TOP = 5


def history() -> Section:
    return Section(
        "History of the pool",
        [
            Shelf(10, [(12, _ports()), (12, _rates())]),
            Shelf(9, [(8, _share()), (8, _minutes()), (8, _price())]),
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
    by_program = f"sum by (service, process) ({rate(CLOSES, POOL)})"
    return TimeSeries(
        title="Closes, who makes them, and the sustainable rate",
        meaning="Connections that enter TIME_WAIT here per second; by program, those that it closed"
        " first (where the exporter can count them); their peak within a second; and the rate that"
        " the pool can sustain, (limit − open) ÷ the hold of TIME_WAIT.",
        normal="closes below the sustainable rate. A peak above it is harmless: the pool is a"
        " buffer.",
        action="at the sustainable rate, whatever comes above it fails: let the program with the"
        " highest line keep its connections open.",
        queries=[
            Query(f"max({select(SUSTAINABLE, POOL)})", "sustainable"),
            Query(f"max({rate(ENTERED, POOL)})", "all closes"),
            Query(f"max({peak})", "peak of a second"),
            Query(with_owner(f"topk({TOP}, {by_program})"), "by {{owner}}"),
        ],
        unit=CLOSES_PER_SECOND,
        empty=UNDATED,
        low=0,
        colours={"sustainable": "red", "all closes": "blue", "peak of a second": "light-blue"},
        dashed=["sustainable"],
    )


def _share() -> TimeSeries:
    return TimeSeries(
        title="Share in use, and projected",
        meaning="The share of ports in use, and the one that the closes of the last 10 s lead to."
        " The dashed line is where the closes reach the sustainable rate.",
        normal="both below 70 %.",
        action="projected above in use: it rises. Above 100 %: it runs out within a minute or so.",
        queries=[
            Query(f"max({ratio(USED, LIMIT, POOL)})", "in use"),
            Query(f"max({select(PROJECTED, POOL)})", "projected"),
            Query("vector(1)", "sustainable rate"),
        ],
        unit="percentunit",
        empty=UNLISTED,
        low=0,
        thresholds=ratio_steps(OUTBOUND, base=CLEAR),
        colours={"in use": "blue", "projected": "purple", "sustainable rate": "red"},
        dashed=["sustainable rate"],
    )


def _minutes() -> TimeSeries:
    return TimeSeries(
        title="Minutes until it is full",
        meaning=f"The forecast at each moment. {HORIZON // 60} min stands for more, and"
        f" {LEAST_MINUTES:g} min for less. The scale is logarithmic, so that the last minutes have"
        " room.",
        normal=f"{HORIZON // 60} min.",
        action="below 1 min (red) an alert fires, if the pool is outbound.",
        queries=[Query(minutes_left(f"min({select(SECONDS, POOL)})"), "full in")],
        unit=MINUTES,
        empty=UNDATED,
        low=LEAST_MINUTES,
        high=HORIZON / 60,
        thresholds=MINUTES_LEFT_AREA,
        colours={"full in": "blue"},
        calcs=("lastNotNull", "min"),
        powers_of_two=True,
        stepped=True,
    )


def _price() -> TimeSeries:
    seconds = select("tcp_pressure_pool_canary_seconds", POOL)
    return TimeSeries(
        title="What connect() costs as the pool fills",
        meaning="The share in use, and how long the kernel searches for a port (right): what each"
        " connect() of the pool takes in addition. Linux looks at every second port first: up to"
        " one half it finds one at once, beyond it (orange) it searches ever longer. The search is"
        " timed from 70 % on.",
        normal="below one half; a search of microseconds.",
        action="milliseconds at some hundred connections a second are CPU that the host loses:"
        " relieve the pool, or let its clients bind with IP_BIND_ADDRESS_NO_PORT.",
        queries=[
            Query(f"max({ratio(USED, LIMIT, POOL)})", "in use"),
            Query(f"max({seconds})", "search"),
        ],
        unit="percentunit",
        empty=UNLISTED,
        low=0,
        thresholds=steps((0.5, ATTENTION), base=CLEAR),
        colours={"in use": "blue", "search": "purple"},
        right={"search": "s"},
    )
