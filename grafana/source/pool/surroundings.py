"""What belongs to the pool: the canary, the owners, and the kernel's counters of its host."""

from grafana.source.colour import CLEAR, DANGER
from grafana.source.layout import Section, Shelf
from grafana.source.panel import TimeSeries
from grafana.source.query import NAMESPACE, POOL, Query, rate, select
from grafana.source.threshold import steps

EVENTS = ("ActiveOpens", "PassiveOpens", "TW", "TWRecycled", "PAWSTimewait", "TCPSynRetrans")
NOT_NEAR = "Asked only of outbound pools that are 70 % full."


def surroundings() -> Section:
    return Section(
        "Whose it is, and what the kernel says",
        [Shelf(9, [(6, _refusals()), (6, _search()), (6, _owners()), (6, _events())])],
    )


def _refusals() -> TimeSeries:
    verdict = select("tcp_pressure_pool_canary_success", POOL)
    return TimeSeries(
        title="Canary: refused",
        meaning="1 where the kernel had no port for one more connection of the pool.",
        normal="0, or nothing while the pool is below 70 %.",
        action="1: connect() fails with EADDRNOTAVAIL now. With ports left in the pool, sockets"
        " that were bound before they connected hold them.",
        queries=[Query(f"1 - min({verdict})", "refused")],
        unit="none",
        empty=NOT_NEAR,
        low=0,
        high=1,
        thresholds=steps((0.5, DANGER), base=CLEAR),
        colours={"refused": "red"},
    )


def _search() -> TimeSeries:
    seconds = select("tcp_pressure_pool_canary_seconds", POOL)
    return TimeSeries(
        title="Canary: search for a port",
        meaning="How long the kernel searched for a port: what each connect() of the pool now takes"
        " in addition.",
        normal="microseconds; milliseconds above one half.",
        action="milliseconds at some hundred connections a second are CPU that the host loses.",
        queries=[Query(f"max({seconds})", "search")],
        unit="s",
        empty=NOT_NEAR,
        low=0,
        colours={"search": "blue"},
    )


def _owners() -> TimeSeries:
    sockets = select("tcp_pressure_pool_owner_sockets", POOL)
    return TimeSeries(
        title="Owners of open connections",
        meaning="Whose open connections are in the pool. TIME_WAIT has no owner: who has these"
        " most likely closed the others.",
        normal="nothing while the pool is below 70 %.",
        action="this is the service whose connections to keep open, or to limit.",
        queries=[
            Query(f"topk(5, sum by (service, process) ({sockets}))", "{{service}} {{process}}")
        ],
        unit="locale",
        empty=NOT_NEAR,
        low=0,
    )


def _events() -> TimeSeries:
    matcher = f'event=~"{"|".join(EVENTS)}"'
    events = rate("tcp_pressure_kernel_events_total", NAMESPACE, matcher)
    return TimeSeries(
        title="Kernel events of the host",
        meaning="What the kernel counted in the namespace of the pool. No counter moves when"
        " connect() finds no port.",
        normal="TWRecycled shows that tcp_tw_reuse works.",
        action="PAWSTimewait on a backend: a load balancer is refused. TCPSynRetrans on a client: a"
        " destination drops its SYNs.",
        queries=[Query(f"sum by (event) ({events})", "{{event}}")],
        unit="cps",
        empty="no sample",
        low=0,
    )
