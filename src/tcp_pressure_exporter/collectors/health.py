"""How well the exporter itself samples.

Exposition:

    tcp_pressure_collector_success{netns="host",collector="pools"} 1.0
    tcp_pressure_collector_duration_seconds{netns="host",collector="pools"} 0.00013
    tcp_pressure_namespaces{state="sampled"} 5.0
    tcp_pressure_namespaces{state="not_looked_at"} 0.0
    tcp_pressure_sample_timestamp_seconds 1763722800.1
    tcp_pressure_sample_interval_seconds 5.0
    tcp_pressure_sample_interval_configured_seconds 5.0
    tcp_pressure_build_info{version="0.2.0",python="3.11.2",parser="compiled"} 1.0
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
        "1 if the collector's part of the newest sample is complete, 0 if a source failed or"
        " the sample is too old; the metrics that depend on it are then absent.",
        ("netns", "collector"),
        _success,
    ),
    Family(
        "tcp_pressure_collector_duration_seconds",
        "Wall-clock time that the collector took in the newest sample. The time of a source"
        " shared by several collectors counts for the first of them.",
        ("netns", "collector"),
        _duration,
    ),
)

SAMPLE_FAMILIES: tuple[Family[Sample], ...] = (
    Family(
        "tcp_pressure_namespaces",
        "Network namespaces of the host other than the exporter's own, by how they are"
        " treated. sampled: they have series of their own. unlisted: others have more sockets"
        " (--netns.max). excluded: not wanted (--netns.include, --netns.exclude). quiet: not"
        " requested by name, and fewer than 50 sockets, or none if BPF reads the sockets."
        " unreadable: the kernel denied access, and the log says why. not_looked_at: beyond the"
        " first 1,024; without --collector.netns, all except those known to have no TCP socket,"
        " counted from time to time, and absent if this user cannot see them all. Without"
        " --collector.netns the other states are absent.",
        ("state",),
        _namespaces,
    ),
    Family(
        "tcp_pressure_sample_timestamp_seconds",
        "Unix time at which the newest sample began. Samples are taken on a timer, not at"
        " scrapes, so every number on this page is as old as this.",
        (),
        lambda sample: [((), sample.timestamp)],
    ),
    Family(
        "tcp_pressure_sample_interval_seconds",
        "Seconds from one sample to the next. Longer than the configured interval if sampling"
        " would otherwise use more than its share of a CPU, or takes longer than that.",
        (),
        lambda sample: [((), sample.interval)],
    ),
    Family(
        "tcp_pressure_sample_interval_configured_seconds",
        "Seconds from one sample to the next, as configured (--sample.interval).",
        (),
        lambda sample: [((), sample.configured_interval)],
    ),
)

EXPORTER_FAMILIES: tuple[Family[ExporterState], ...] = (
    Family(
        "tcp_pressure_build_info",
        "Always 1; the labels say what is running. parser is what counts the sockets:"
        " compiled; readable, which is several times slower; or portable, which uses psutil"
        " where there is no netlink (docs/platforms.md).",
        ("version", "python", "parser"),
        lambda state: [((state.version, state.python, state.parser), 1)],
    ),
    Family(
        "tcp_pressure_sample_source_info",
        "Always 1; the label says where the sockets of the exporter's own namespace are read"
        " from: bpf, a walk of the kernel's table; netlink, the kernel's dump of it; or"
        " portable, psutil. The numbers are the same, except for what portable cannot show.",
        ("source",),
        lambda state: [((state.told_by.source,), 1)],
    ),
    Family(
        "tcp_pressure_sample_source_fallbacks_total",
        "How often, since the exporter's start, netlink replaced BPF because a walk failed or"
        " disagreed with a dump; the log has the reason. Netlink then stays in use until the"
        " next start. Absent if BPF was not used at the start.",
        (),
        _fallbacks,
        kind="counter",
    ),
    Family(
        "tcp_pressure_config_reloads_total",
        "Reloads of the configuration file (SIGHUP) since the exporter's start. A failed"
        " reload changes nothing.",
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
        "Reloads of the web configuration file since the exporter's start; it is reread when"
        " it or a certificate changes. A failed reload changes nothing.",
        ("result",),
        lambda counts: [
            (("success",), counts.web_reloads),
            (("failure",), counts.failed_web_reloads),
        ],
        kind="counter",
    ),
    # Without labels: the log names the collector and the reason, collector_success shows what fails
    # now.
    Family(
        "tcp_pressure_collector_failures_total",
        "Collector runs that failed since the exporter's start, over all collectors and"
        " namespaces. Shows failures that begin and end between two scrapes.",
        (),
        lambda counts: [((), counts.failed_parts)],
        kind="counter",
    ),
    Family(
        "tcp_pressure_sample_failures_total",
        "Whole samples lost to an unexpected error since the exporter's start. The log has the"
        " traceback; outdated numbers disappear.",
        (),
        lambda counts: [((), counts.failed_samples)],
        kind="counter",
    ),
    Family(
        "tcp_pressure_log_lines_lost_total",
        "Log lines that could not be written since the exporter's start, because a disk was"
        " full or the reader was gone.",
        (),
        lambda counts: [((), counts.lost_lines)],
        kind="counter",
    ),
    Family(
        "tcp_pressure_http_responses_total",
        "Responses of the exporter's HTTP server since its start, by class of status. 4xx: the"
        " request was invalid or not allowed, or exceeded the rate limit. 5xx: too many"
        " requests at once, not ready, or a page failed. A response counts even if its client"
        " is gone.",
        ("code",),
        lambda counts: [((code,), count) for code, count in counts.responses.items()],
        kind="counter",
    ),
    Family(
        "tcp_pressure_http_accept_failures_total",
        "Failed attempts to accept a connection since the exporter's start, for lack of"
        " descriptors or memory. The client waits or fails; the log has the reason.",
        (),
        lambda counts: [((), counts.failed_accepts)],
        kind="counter",
    ),
)
