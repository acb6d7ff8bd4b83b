"""How well the exporter itself samples.

Exposition:

    tcp_pressure_collector_success{netns="host",collector="pools"} 1.0
    tcp_pressure_collector_duration_seconds{netns="host",collector="pools"} 0.00013
    tcp_pressure_namespaces{state="sampled"} 5.0
    tcp_pressure_namespaces{state="not_looked_at"} 0.0
    tcp_pressure_sample_timestamp_seconds 1763722800.1
    tcp_pressure_sample_interval_seconds 5.0
    tcp_pressure_sample_interval_configured_seconds 5.0
    tcp_pressure_build_info{version="0.1.0",python="3.11.2",parser="compiled"} 1.0
    tcp_pressure_sample_source_info{source="bpf"} 1.0
    tcp_pressure_sample_source_fallbacks_total 0.0
    tcp_pressure_config_reloads_total{result="success"} 0.0
    tcp_pressure_web_config_reloads_total{result="success"} 0.0
    tcp_pressure_collector_failures_total 0.0
    tcp_pressure_sample_failures_total 0.0
    tcp_pressure_log_lines_lost_total 0.0
    tcp_pressure_http_responses_total{code="2xx"} 8120.0
    tcp_pressure_http_responses_total{code="5xx"} 0.0
    tcp_pressure_http_accept_failures_total 0.0
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample


def _success(sample: NamespaceSample) -> Iterator[Row]:
    for collector, outcome in sample.outcomes():
        yield (collector,), float(outcome.error is None)


def _duration(sample: NamespaceSample) -> Iterator[Row]:
    for collector, outcome in sample.outcomes():
        yield (collector,), outcome.seconds


def _namespaces(sample: Sample) -> Iterator[Row]:
    for state, count in sample.other_namespaces().items():
        yield (state,), count


def _fallbacks(state: ExporterState) -> Iterator[Row]:
    if state.told_by.fallbacks is not None:
        yield (), state.told_by.fallbacks


NAMESPACE_FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_collector_success",
        "1 where the collector's part of the newest sample is complete, 0 where a source failed or"
        " the sample is too old: then the metrics that need it are absent.",
        ("netns", "collector"),
        _success,
    ),
    Family(
        "tcp_pressure_collector_duration_seconds",
        "Wall time of the collector in the newest sample. A source that several collectors read"
        " counts for the first of them.",
        ("netns", "collector"),
        _duration,
    ),
)

SAMPLE_FAMILIES: tuple[Family[Sample], ...] = (
    Family(
        "tcp_pressure_namespaces",
        "Network namespaces of the host beside the exporter's own, by what comes of them. sampled:"
        " they have series of their own. unlisted: others have more sockets (--netns.max)."
        " excluded: not wanted (--netns.include, --netns.exclude). quiet: fewer than 50 sockets,"
        " and not asked for by name. unreadable: refused by the kernel, the log says why."
        " not_looked_at: beyond the first 1,024, or, without --collector.netns, all that are not"
        " known to have no TCP socket, counted now and then; absent where this user may not see"
        " them all. The other states are absent without --collector.netns.",
        ("state",),
        _namespaces,
    ),
    Family(
        "tcp_pressure_sample_timestamp_seconds",
        "Unix time at which the newest sample began. Sampling goes by its own timer, not by"
        " scrapes: every number on this page is as old as this.",
        (),
        lambda sample: [((), sample.timestamp)],
    ),
    Family(
        "tcp_pressure_sample_interval_seconds",
        "Seconds from one sample to the next; above the configured interval where sampling would"
        " else use more than its share of a CPU, or takes longer than that.",
        (),
        lambda sample: [((), sample.interval)],
    ),
    Family(
        "tcp_pressure_sample_interval_configured_seconds",
        "Seconds from one sample to the next as configured (--sample.interval).",
        (),
        lambda sample: [((), sample.configured_interval)],
    ),
)

EXPORTER_FAMILIES: tuple[Family[ExporterState], ...] = (
    Family(
        "tcp_pressure_build_info",
        "Always 1; the labels tell what runs. parser is what counts the sockets: compiled;"
        " readable, which costs several times as much; or portable, through psutil, where there is"
        " no netlink (docs/platforms.md).",
        ("version", "python", "parser"),
        lambda state: [((state.version, state.python, state.parser), 1)],
    ),
    Family(
        "tcp_pressure_sample_source_info",
        "Always 1; the label tells who tells of the sockets of the exporter's own namespace: bpf, a"
        " walk of the kernel's table; netlink, the kernel's dump of it; or portable, through"
        " psutil. All numbers are the same, but for what portable cannot tell.",
        ("source",),
        lambda state: [((state.told_by.source,), 1)],
    ),
    Family(
        "tcp_pressure_sample_source_fallbacks_total",
        "Times since the start that netlink took the place of BPF, because a walk failed or told"
        " something else than a dump; the log has the reason. It stays so until the next start."
        " Absent where BPF was not used at the start.",
        (),
        _fallbacks,
        kind="counter",
    ),
    Family(
        "tcp_pressure_config_reloads_total",
        "Reloads of the configuration file (SIGHUP) since the start. A failure changed nothing.",
        ("result",),
        lambda state: [
            (("success",), state.reloads),
            (("failure",), state.failed_reloads),
        ],
        kind="counter",
    ),
)

COUNTS_FAMILIES: tuple[Family[ExporterCounts], ...] = (
    Family(
        "tcp_pressure_web_config_reloads_total",
        "Reloads of the web configuration file, which is read when it or a certificate changes,"
        " since the start. A failure changed nothing.",
        ("result",),
        lambda counts: [
            (("success",), counts.web_reloads),
            (("failure",), counts.failed_web_reloads),
        ],
        kind="counter",
    ),
    # Without labels: the log names the collector and the reason, collector_success what fails now.
    Family(
        "tcp_pressure_collector_failures_total",
        "Collectors' parts of samples that failed since the start, over all collectors and"
        " namespaces. Shows failures that begin and end between two scrapes.",
        (),
        lambda counts: [((), counts.failed_parts)],
        kind="counter",
    ),
    Family(
        "tcp_pressure_sample_failures_total",
        "Whole samples that were lost since the start, to an unexpected error. The log has the"
        " traceback; numbers that are too old vanish.",
        (),
        lambda counts: [((), counts.failed_samples)],
        kind="counter",
    ),
    Family(
        "tcp_pressure_log_lines_lost_total",
        "Lines of the exporter's log that could not be written since the start: a full disk, or a"
        " reader that has gone.",
        (),
        lambda counts: [((), counts.lost_lines)],
        kind="counter",
    ),
    Family(
        "tcp_pressure_http_responses_total",
        "Answers of the exporter's HTTP server since the start, by class of status. 4xx: the"
        " request was not understood or not allowed, the rate limit included. 5xx: too many at"
        " once, not ready, or a page that failed. An answer counts where its client has gone, too.",
        ("code",),
        lambda counts: [((code,), count) for code, count in counts.responses.items()],
        kind="counter",
    ),
    Family(
        "tcp_pressure_http_accept_failures_total",
        "Attempts to accept a connection that failed since the start, for lack of descriptors or"
        " memory. The client waits or fails; the log has the reason.",
        (),
        lambda counts: [((), counts.failed_accepts)],
        kind="counter",
    ),
)
