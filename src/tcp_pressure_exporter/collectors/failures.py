"""The calls that the kernel refused for lack of a local port.

Exposition:

    tcp_pressure_connect_failures_total{netns="host",cause="no_port"} 1204.0
    tcp_pressure_connect_failures_total{netns="host",cause="port_taken"} 0.0
    tcp_pressure_bind_failures_total{netns="host",cause="no_port"} 3.0
    tcp_pressure_bind_failures_total{netns="host",cause="port_taken"} 0.0
    tcp_pressure_port_failure_owner_total{netns="host",call="connect",cause="no_port",
        service="proxy.service",process="envoy",local_address="10.0.0.2",
        remote_address="10.0.0.9",port="443"} 1200.0
    tcp_pressure_unlisted_port_failures_total{netns="host",call="connect",cause="no_port"} 4.0
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of
from tcp_pressure_exporter.facts.failures import BIND, CONNECT
from tcp_pressure_exporter.sample.counted.failures import PortFailures
from tcp_pressure_exporter.sample.sample import PORT_FAILURES, NamespaceSample


def _totals(found: PortFailures, call: str) -> Iterator[Row]:
    for kind, count in found.totals.items():
        if kind.call == call:
            yield (kind.cause,), count


def _connects(found: PortFailures) -> Iterator[Row]:
    yield from _totals(found, CONNECT)


def _binds(found: PortFailures) -> Iterator[Row]:
    yield from _totals(found, BIND)


def _owners(found: PortFailures) -> Iterator[Row]:
    for (kind, owner, local, remote, port), count in found.listed.items():
        yield (*kind, owner.service, owner.process, local, remote, port), count


def _unlisted(found: PortFailures) -> Iterator[Row]:
    yield from found.unlisted.items()


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_connect_failures_total",
        "TCP connect() calls that the kernel refused with EADDRNOTAVAIL since the exporter's"
        " start, or in another namespace since its first sample. no_port: the kernel's search"
        " found no local port. port_taken: the socket was bound, and a connection from its port"
        " to that remote end already exists. Exact; searches of the canary do not count. Needs"
        " CAP_BPF and CAP_PERFMON, or root.",
        ("netns", "cause"),
        rows_of(PORT_FAILURES, _connects),
        "counter",
    ),
    Family(
        "tcp_pressure_bind_failures_total",
        "TCP bind() and listen() calls that the kernel refused with EADDRINUSE since the"
        " exporter's start, or in another namespace since its first sample. no_port: any port"
        " would have done, but none was free. port_taken: the requested port is taken. Exact."
        " Absent where the kernel does not let the exporter count them.",
        ("netns", "cause"),
        rows_of(PORT_FAILURES, _binds),
        "counter",
    ),
    Family(
        "tcp_pressure_port_failure_owner_total",
        "These failures by systemd unit or container, process and ends, for the owners that"
        " fail most: since the totals began, or since the owner was listed. When an owner is"
        " dropped from the list, its count moves into"
        " tcp_pressure_unlisted_port_failures_total, and it restarts at 0 if it returns. Listed"
        " and unlisted failures add up to the totals.",
        (
            *("netns", "call", "cause", "service", "process"),
            *("local_address", "remote_address", "port"),
        ),
        rows_of(PORT_FAILURES, _owners),
        "counter",
    ),
    Family(
        "tcp_pressure_unlisted_port_failures_total",
        "These failures of owners that are not listed.",
        ("netns", "call", "cause"),
        rows_of(PORT_FAILURES, _unlisted),
        "counter",
    ),
)
