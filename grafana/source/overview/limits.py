"""What else is finite: local ports, accept queues, and the limits of the kernel."""

from grafana.source.colour import CLEAR, NEUTRAL
from grafana.source.layout import Section, Shelf
from grafana.source.panel import Stat, TimeSeries
from grafana.source.query import NAMESPACE, Query, now, ratio, select
from grafana.source.threshold import ratio_steps, steps
from tcp_pressure_exporter.findings.kinds import LISTEN_QUEUE

USED, LIMIT = "tcp_pressure_resource_used", "tcp_pressure_resource_limit"
TOP = 10
HOST_ONLY = "The kernel shows it only in the host's own network namespace."


def limits() -> Section:
    return Section(
        "Limits",
        [
            Shelf(8, [(8, _local_ports()), (4, _listeners()), (12, _accept_queues())]),
            Shelf(8, [(6, panel) for panel in _resources()]),
        ],
    )


def _local_ports() -> TimeSeries:
    exact = select("tcp_pressure_local_ports_hidden", NAMESPACE)
    estimate = select("tcp_pressure_local_ports_hidden_estimate", NAMESPACE)
    return TimeSeries(
        title="Local ports",
        meaning="Distinct local ports that any socket holds, against those the kernel may choose,"
        " on the host with the most and on the one with the fewest. hidden: those held by sockets"
        " that were bound before they connected; an estimate where BPF does not count them.",
        normal="used may be high without harm: connections to different destinations share ports.",
        action="what runs out is a pool. hidden above some hundred: see the finding"
        " bind_before_connect.",
        queries=[
            Query(f"max({select('tcp_pressure_local_ports_used', NAMESPACE)})", "used"),
            Query(f"min({select('tcp_pressure_local_ports_usable', NAMESPACE)})", "usable"),
            Query(f"max({exact} or {estimate})", "hidden"),
        ],
        unit="locale",
        empty="no sample",
        low=0,
        colours={"used": "blue", "usable": "red", "hidden": "purple"},
        dashed=["usable"],
    )


def _listeners() -> Stat:
    listeners = select("tcp_pressure_listeners_in_local_port_range", NAMESPACE)
    return Stat(
        title="Listeners in port range",
        meaning="Ports inside the local port range that services listen on, and that are not"
        " reserved; the host with the most.",
        normal="0.",
        action="add them to net.ipv4.ip_local_reserved_ports: an outgoing connection may hold one"
        " when its service restarts.",
        queries=[now(f"max({listeners})", "ports")],
        unit="none",
        empty="no sample",
        thresholds=steps((1, NEUTRAL)),
    )


def _accept_queues() -> TimeSeries:
    queues = ratio("tcp_pressure_listen_queue_used", "tcp_pressure_listen_queue_limit", NAMESPACE)
    fullest = select("tcp_pressure_listen_queue_ratio_max", NAMESPACE)
    return TimeSeries(
        title="Accept queues",
        meaning="The share of each accept queue that is full of connections nobody has accepted"
        " yet; of all queues the highest, and those from 1 % on by name.",
        normal="near 0; from 80 % on (orange) the next burst is dropped.",
        action="look at the load and the workers of the service. A longer backlog only bridges"
        " bursts.",
        queries=[
            Query(f"max({fullest})", "fullest of all"),
            Query(
                f"topk({TOP}, {queues})",
                "{{cluster}} {{instance}} {{netns}} {{local_address}} {{port}}",
            ),
        ],
        unit="percentunit",
        empty="no sample",
        low=0,
        thresholds=ratio_steps(LISTEN_QUEUE, base=CLEAR),
    )


def _resources() -> list[TimeSeries]:
    return [
        _resource(
            "TIME_WAIT table and its limit",
            "time_wait_buckets",
            "Entries in TIME_WAIT against net.ipv4.tcp_max_tw_buckets.",
            "below 80 %.",
            "close fewer connections, or raise tcp_max_tw_buckets: never lower it. At 100 %"
            " connections close without the protection of TIME_WAIT.",
        ),
        _resource(
            "Orphans",
            "orphans",
            "Closed connections whose peers do not answer, against net.ipv4.tcp_max_orphans.",
            "below 25 %; the kernel resets the first from there on.",
            "look for a network fault or an attack; a shorter tcp_orphan_retries ends them sooner.",
            empty=HOST_ONLY,
        ),
        _resource(
            "TCP memory",
            "memory_bytes",
            "Buffers of all TCP sockets against the third number of net.ipv4.tcp_mem.",
            "below 80 %; windows shrink before that already.",
            "look for slow readers (ss -tm), or raise tcp_mem.",
            empty=HOST_ONLY,
        ),
        _resource(
            "Tracked connections",
            "conntrack_entries",
            "Tracked connections of all protocols against net.netfilter.nf_conntrack_max.",
            "below 75 %.",
            "raise nf_conntrack_max, or exempt traffic from tracking. At 100 % new connections are"
            " dropped.",
            empty="No host chosen tracks connections.",
        ),
    ]


def _resource(  # noqa: PLR0913 - the words of a panel
    title: str, resource: str, meaning: str, normal: str, action: str, *, empty: str = "no sample"
) -> TimeSeries:
    matcher = f'resource="{resource}"'
    share = ratio(USED, LIMIT, NAMESPACE, matcher)
    return TimeSeries(
        title=title,
        meaning=f"{meaning} The fullest hosts.",
        normal=normal,
        action=action,
        queries=[Query(f"topk({TOP}, {share})", "{{cluster}} {{instance}} {{netns}}")],
        unit="percentunit",
        empty=empty,
        low=0,
        high=1,
        thresholds=ratio_steps(resource, base=CLEAR),
    )
