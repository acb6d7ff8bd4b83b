"""Connections that the kernel refused for lack of a port, and who leaves TIME_WAIT behind."""

from grafana.source.layout import Section, Shelf
from grafana.source.names import (
    HOST_NAME,
    OWNER_NAME,
    POOL_NAME,
    as_outbound,
    with_ends,
    with_owner,
)
from grafana.source.panel import Stat, TimeSeries
from grafana.source.query import DIRECTION, HOST, NAMESPACE, Query, now, rate, select
from grafana.source.refused import (
    BIND,
    BIND_UNCOUNTED,
    BINDS,
    BY_OWNER,
    CLOSES,
    CLOSES_PER_SECOND,
    CONNECT,
    CONNECTS,
    PER_SECOND,
    RIGHTS,
    UNCOUNTED,
)
from grafana.source.threshold import CALM

TOP = 10


def refusals() -> Section:
    return Section(
        "Refused for lack of a port, and who closes first",
        [
            Shelf(9, [(12, _connects()), (9, _binds()), (3, _counted())]),
            Shelf(9, [(12, _closers()), (12, _waiting())]),
        ],
    )


def _connects() -> TimeSeries:
    labels = "cluster, instance, service, process, local_address, remote_address, port, cause"
    owners = f"sum by ({labels}) ({rate(BY_OWNER, NAMESPACE, CONNECT)})"
    outbound = as_outbound(f"topk({TOP}, {owners})")
    return TimeSeries(
        title="Refused connections by host, program and destination",
        meaning="Each connect() that the kernel refused for lack of a local port, exactly: by who"
        " called and towards whom, and the total of each host. no_port: none was free. port_taken:"
        " the program had bound a port that already has that connection. A new caller gets a line"
        " from its second refusal on; the first one is in the total.",
        normal="0.",
        action="no_port: relieve the pool of that destination; where it is far from full, see the"
        " finding refused_below_limit. port_taken: let the program choose another port.",
        queries=[
            Query(with_ends(with_owner(outbound)), f"{OWNER_NAME} {{{{cause}}}}"),
            Query(rate(CONNECTS, NAMESPACE), f"{HOST_NAME} {{{{netns}}}} in all: {{{{cause}}}}"),
        ],
        unit=PER_SECOND,
        empty=UNCOUNTED,
        low=0,
        at_least=1,
    )


def _binds() -> TimeSeries:
    labels = "cluster, instance, service, process, local_address, port, cause"
    owners = f"sum by ({labels}) ({rate(BY_OWNER, NAMESPACE, BIND)})"
    return TimeSeries(
        title="Refused bind() by host and program",
        meaning="Each bind() that the kernel refused: by who called and for which address and port,"
        " and the total of each host. no_port: any port would have done, and none was free."
        " port_taken: another socket has the port that was asked for.",
        normal="0; port_taken when a service restarts.",
        action="no_port: as for connections. port_taken: find the holder with"
        " tcp-pressure-exporter report --port N.",
        queries=[
            Query(
                with_owner(f"topk({TOP}, {owners})"),
                f"{HOST_NAME} {{{{owner}}}}: {{{{local_address}}}} {{{{port}}}} {{{{cause}}}}",
            ),
            Query(rate(BINDS, NAMESPACE), f"{HOST_NAME} {{{{netns}}}} in all: {{{{cause}}}}"),
        ],
        unit=PER_SECOND,
        empty=BIND_UNCOUNTED,
        low=0,
        at_least=1,
    )


def _counted() -> Stat:
    def hosts(expression: str) -> str:
        return f"count(count by (cluster, instance) ({expression})) or vector(0)"

    return Stat(
        title="Hosts that count them",
        meaning="On how many of the chosen hosts refused connect() and bind() are counted.",
        normal="connect on all. bind() cannot be counted on every kernel.",
        action=f"fewer: {RIGHTS}; bind() also takes a kernel that lets BPF programs attach to its"
        " functions. The exporter's log has the reason.",
        queries=[
            now(hosts(rate(CONNECTS, HOST)), "connect"),
            now(hosts(rate(BINDS, HOST)), "bind"),
            now(hosts(select("tcp_pressure_build_info", HOST)), "of"),
        ],
        unit="locale",
        empty="none",
        thresholds=CALM,
    )


def _closers() -> TimeSeries:
    return TimeSeries(
        title="Who closes first, by host, program and pool",
        meaning="Active closes: connections that this program closed first, which leaves their"
        " TIME_WAIT on this host. Exact, also for programs that were killed.",
        normal="as the load.",
        action="TIME_WAIT that fills a pool (right) is made by the program with the highest line:"
        " let it keep its connections open, or let the other end close.",
        queries=[
            Query(with_ends(with_owner(f"topk({TOP}, {rate(CLOSES, DIRECTION)})")), OWNER_NAME)
        ],
        unit=CLOSES_PER_SECOND,
        empty=UNCOUNTED,
        low=0,
    )


def _waiting() -> TimeSeries:
    waiting = select("tcp_pressure_pool_time_wait", DIRECTION)
    return TimeSeries(
        title="Ports in TIME_WAIT, by pool",
        meaning="Ports that TIME_WAIT alone holds, of the pools with the most.",
        normal="some 62 times the closes per second of the pool.",
        action="a pool that is mostly TIME_WAIT: who closes first is on the left. Little TIME_WAIT"
        " in a full pool: the open connections are too many.",
        queries=[Query(with_ends(f"topk({TOP}, {waiting})"), POOL_NAME)],
        unit="locale",
        empty="No pool is fuller than 1 % (pools.min_ratio).",
        low=0,
    )
