"""What surrounds the pool: refusals, the canary, owners, and the kernel's counters on its host."""

from grafana.source.colour import CLEAR, DANGER
from grafana.source.layout import Section, Shelf
from grafana.source.names import with_owner
from grafana.source.panel import TimeSeries
from grafana.source.query import NAMESPACE, POOL, Query, rate, select
from grafana.source.refused import BY_OWNER, CONNECT, PER_SECOND, UNCOUNTED
from grafana.source.threshold import steps

# Refused calls have the ends of an outbound pool, and no direction.
ENDS = (*NAMESPACE, "local_address", "remote_address", "port")
TOP = 5
EVENTS = ("ActiveOpens", "PassiveOpens", "TW", "TWRecycled", "PAWSTimewait", "TCPSynRetrans")
NOT_NEAR = "Asked only of outbound pools that are 70 % full."


def surroundings() -> Section:
    return Section(
        "Whose it is, and what the kernel says",
        [Shelf(9, [(6, _refused()), (6, _canary()), (6, _owners()), (6, _events())])],
    )


def _canary() -> TimeSeries:
    verdict = select("tcp_pressure_pool_canary_success", POOL)
    return TimeSeries(
        title="The kernel's own answer over time",
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


def _refused() -> TimeSeries:
    by_program = f"sum by (service, process, cause) ({rate(BY_OWNER, ENDS, CONNECT)})"
    return TimeSeries(
        title="Refused connections by program",
        meaning="Each connect() towards this end of the pool that the kernel refused for lack of a"
        " local port, exactly. no_port: none was free. port_taken: the program had bound a port"
        " that already has that connection.",
        normal="empty: nobody was refused.",
        action="no_port: this program is who suffers; who fills the pool is among those who close"
        " first.",
        queries=[Query(with_owner(f"topk({TOP}, {by_program})"), "{{owner}} {{cause}}")],
        unit=PER_SECOND,
        empty=f"No program was listed as refused; or else: {UNCOUNTED}",
        low=0,
        at_least=1,
    )


def _owners() -> TimeSeries:
    sockets = select("tcp_pressure_pool_owner_sockets", POOL)
    return TimeSeries(
        title="Open connections by program",
        meaning="Whose open connections are in the pool. TIME_WAIT has no owner: who has these"
        " most likely closed the others.",
        normal="nothing while the pool is far from full.",
        action="this is the service whose connections to keep open, or to limit.",
        queries=[
            Query(with_owner(f"topk({TOP}, sum by (service, process) ({sockets}))"), "{{owner}}")
        ],
        unit="locale",
        empty="Asked only of outbound pools that are filling up.",
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
        unit="suffix:/s",
        empty="no sample",
        low=0,
    )
