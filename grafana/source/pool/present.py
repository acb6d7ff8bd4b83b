"""The numbers of the pool now."""

from grafana.source.colour import ATTENTION, DANGER, OK
from grafana.source.forecast import FULL_OR_FAR, seconds_left
from grafana.source.layout import Section, Shelf
from grafana.source.panel import Stat, texts
from grafana.source.pool.surroundings import ENDS
from grafana.source.pool_table import (
    ENTERED,
    LIMIT,
    PROJECTED,
    SECONDS,
    SUSTAINABLE,
    USED,
)
from grafana.source.query import POOL, increase_shown, now, rate, ratio, select
from grafana.source.refused import BY_OWNER, CONNECT
from grafana.source.threshold import (
    CALM,
    SECONDS_LEFT,
    STEADY,
    any_is,
    ratio_steps,
    steps,
)
from tcp_pressure_exporter.pools.directions import OUTBOUND

UNDATED = "source and nat pools have none"


def present() -> Section:
    tiles = [
        (3, _share()),
        (3, _seconds()),
        (4, _rates()),
        (3, _projected()),
        (4, _refused()),
        (3, _canary()),
        (4, _ports()),
    ]
    return Section("", [Shelf(4, tiles)])


def _share() -> Stat:
    return Stat(
        title="Share of ports in use",
        meaning="Ports that no new connection can take now, of all that the choosing side has.",
        normal="below 70 %.",
        action="mostly TIME_WAIT: keep connections open. Otherwise there are too many open ones.",
        queries=[now(f"max({ratio(USED, LIMIT, POOL)})", "in use")],
        unit="percentunit",
        empty="not listed: below 1 % or not among the fullest",
        decimals=1,
        thresholds=ratio_steps(OUTBOUND),
    )


def _seconds() -> Stat:
    return Stat(
        title="Full in",
        meaning="The time until the pool is full, at today's rate.",
        normal="> 10 min, which is as far as the forecast looks.",
        action="below 60 seconds: relieve the pool now, or route traffic away.",
        queries=[now(seconds_left(f"min({select(SECONDS, POOL)})"), "full in")],
        unit="s",
        empty=UNDATED,
        decimals=0,
        thresholds=SECONDS_LEFT,
        mappings=[FULL_OR_FAR],
    )


def _rates() -> Stat:
    return Stat(
        title="Closes per second",
        meaning="Connections that enter TIME_WAIT here, against what the pool can sustain beside"
        " its open connections: (limit − open) ÷ the hold of TIME_WAIT.",
        normal="the first well below the second.",
        action="keep connections open, or add an address: each is a pool of its own.",
        queries=[
            now(f"max({rate(ENTERED, POOL)})", "now"),
            now(f"max({select(SUSTAINABLE, POOL)})", "sustainable"),
        ],
        unit="none",
        empty=UNDATED,
        decimals=1,
        thresholds=CALM,
    )


def _projected() -> Stat:
    return Stat(
        title="Projected share",
        meaning="The share of ports that the closes of the last 10 s lead to.",
        normal="below 80 %. Above 100 % the pool runs out within a minute or so.",
        action="compare with the share now: higher means that it is rising.",
        queries=[now(f"max({select(PROJECTED, POOL)})", "projected")],
        unit="percentunit",
        empty=UNDATED,
        decimals=0,
        thresholds=steps(*STEADY),
    )


def _refused() -> Stat:
    refused = increase_shown(BY_OWNER, ENDS, CONNECT)
    return Stat(
        title="Refused in this time",
        meaning="How many connect() calls towards this end of the pool the kernel refused in the"
        " time shown: of the programs that are listed.",
        normal="empty: nobody was refused.",
        action="no_port: relieve the pool. port_taken: let the program choose another port.",
        queries=[now(f"sum by (cause) ({refused})", "{{cause}}")],
        unit="locale",
        empty="none listed, or not counted",
        decimals=0,
        thresholds=any_is(ATTENTION),
        by_series={"no_port": any_is(DANGER)},
    )


def _canary() -> Stat:
    verdict = select("tcp_pressure_pool_canary_success", POOL)
    words = {"0": "refused", "1": "a port was found"}
    return Stat(
        title="The kernel's own verdict",
        meaning="Whether the kernel found a port for one more connection just now, without a packet"
        " being sent.",
        normal="empty below 70 %; a port was found.",
        action="refused: connect() fails with EADDRNOTAVAIL now.",
        queries=[now(f"min({verdict})", "canary")],
        unit="none",
        empty="not asked: below 70 %",
        thresholds=steps((1, OK), base=DANGER),
        mappings=[texts(words, {"0": DANGER, "1": OK})],
    )


def _ports() -> Stat:
    return Stat(
        title="Ports left",
        meaning="How many more connections fit in now, and how many ports tcp_tw_reuse (or, on a"
        " gateway, the end of closed connections) gives back besides.",
        normal="thousands.",
        action="few left and none reclaimable: tcp_tw_reuse = 1 helps where TIME_WAIT holds them,"
        " the peer sends timestamps and the client does not bind.",
        queries=[
            now(f"min({select(LIMIT, POOL)} - {select(USED, POOL)})", "left"),
            now(f"max({select('tcp_pressure_pool_reclaimable', POOL)})", "reclaimable"),
        ],
        unit="locale",
        empty="not listed",
        thresholds=steps((1, ATTENTION), (1000, OK), base=DANGER),
        by_series={"reclaimable": CALM},
    )
