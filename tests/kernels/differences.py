"""Tests of the real kernel that must fail on some kernels, and why.

Each line is a kernel difference that the exporter can do nothing about. tests/kernels/test_model.py
tests what holds there instead, and docs/metrics.md says which way the numbers err. A test that
passes all the same is as wrong as one that fails without a line here.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple


class Difference(NamedTuple):
    """Why some tests (patterns of names) fail on some kernels (names of the matrix)."""

    why: str
    kernels: tuple[str, ...]
    tests: tuple[str, ...]


BOUND_ONLY = Difference(
    "sock_diag does not show sockets that are bound only (from 6.8 on)",
    ("5.10", "6.1"),
    (
        "test_blocked_ports.py::test_bound_only",
        "test_blocked_ports.py::test_bound_beside_live",
        "test_blocked_ports.py::test_some_bound",
        "test_blocked_ports.py::test_any_mixture*",
        "test_bound_ports.py::test_owner_of_bound_only",
        "test_outbound.py::test_bound_only_sockets",
    ),
)
NO_DELAY = Difference(
    "there is no tcp_tw_reuse_delay to lower (from 6.14 on)",
    ("5.10", "6.1", "6.12", "6.12-arm64"),
    ("test_findings.py::test_tw_reuse_delay_lowered",),
)
NO_TABLE_SIZE = Difference(
    "without tcp_ehash_entries nothing tells what tcp_max_tw_buckets was (from 6.1 on)",
    ("5.10",),
    ("test_findings.py::test_max_tw_buckets_lowered",),
)
NO_SINGLE_PORTS = Difference(
    "IP_LOCAL_PORT_RANGE is not there: single ports cannot be asked about (from 6.3 on)",
    ("5.10",),
    (
        "test_binding.py::test_crawler",
        "test_binding.py::test_applications_that_bind",
        "test_canary.py::test_single_ports_leave_time_wait*",
        "test_canary.py::test_hidden_ports",
        "test_canary.py::test_port_outside_the_range",
        "test_canary_silence.py::test_no_packet*",
        "test_findings.py::test_bind_before_connect",
        "test_hidden_ports.py::test_estimate",
        "test_hidden_ports.py::test_none_hidden",
        "test_hidden_ports.py::test_full_of_hidden_ports",
        "test_hidden_ports.py::test_narrow_loopback*",
        "test_hidden_ports.py::test_hidden_ports_on_a_narrow_loopback",
        "test_hidden_ports.py::test_loopback_down",
        "test_hidden_ports.py::test_many_destinations",
        "test_outlook.py::test_few_entries_are_taken_over",
        "test_take_over.py::test_bound_sockets",
        "test_take_over.py::test_peer_without_timestamps",
        "test_take_over.py::test_given_back",
        "test_take_over.py::test_mixed",
        "test_take_over.py::test_without_the_canary",
        "test_take_over.py::test_default_listing",
    ),
)
NO_MPTCP = Difference(
    "MPTCP is not built into Debian's 5.10",
    ("5.10",),
    ("test_advice.py::test_mptcp",),
)
DIFFERENCES = (BOUND_ONLY, NO_DELAY, NO_TABLE_SIZE, NO_SINGLE_PORTS, NO_MPTCP)

# What the tests record about each kernel, unless it is a matter of chance. If a backport changes
# it, only the line here changes.
OLD = ("5.10", "6.1", "6.12", "6.12-arm64")
NEW = ("newest",)
ALL = OLD + NEW
FACTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("sockets that are bound only are shown", ("5.10", "6.1"), "no"),
    ("sockets that are bound only are shown", ("6.12", "6.12-arm64", "newest"), "yes"),
    ("ports of 10 that stay hidden when their binder has closed", OLD, "10"),
    ("ports of 10 that stay hidden when their binder has closed", NEW, "0"),
    ("tcp_tw_reuse gives back", OLD, "in the next second"),
    ("tcp_tw_reuse gives back", NEW, "after 1000 ms"),
    ("single ports can be asked about", ("5.10",), "no"),
    ("single ports can be asked about", ALL[1:], "yes"),
    ("a port is free when its binder closes", ("5.10",), "not known"),
    ("a port is free when its binder closes", OLD[1:], "no"),
    ("a port is free when its binder closes", NEW, "yes"),
    ("HZ", ALL, "250"),
    ("ip_local_port_step_width", OLD, "absent"),
    ("ip_local_port_step_width", NEW, "0"),
    ("a namespace can have a table of its own", ("5.10",), "no"),
    ("a namespace can have a table of its own", ALL[1:], "yes"),
    ("conntrack's TIME_WAIT gives way", ("5.10", "6.1"), "no"),
    ("conntrack's TIME_WAIT gives way", ("6.12", "6.12-arm64", "newest"), "yes"),
    ("VRF", ALL, "yes"),
    ("BPF reads the table of bound ports", ("5.10",), "no (E2BIG)"),
    ("BPF reads the table of bound ports", ALL[1:], "yes"),
    ("BPF counts failing connects, at a tracepoint", ("5.10",), "no (E2BIG)"),
    ("BPF counts failing connects, at a tracepoint", ALL[1:], "yes"),
    ("BPF counts failing binds, at the end of a function", ("5.10",), "no (E2BIG)"),
    ("BPF counts failing binds, at the end of a function", ALL[1:], "yes"),
)


def unexpected_facts(kernel: str, facts: Mapping[str, str]) -> list[str]:
    """Return what a test recorded about a kernel that differs from FACTS."""
    return [
        f"{name}: {facts[name]}, expected {value}"
        for name, kernels, value in FACTS
        if kernel in kernels and facts.get(name, value) != value
    ]


def expected_failure(
    kernel: str, test: str, differences: Sequence[Difference] = DIFFERENCES
) -> Difference | None:
    """Return the difference that makes a test fail on a kernel, None if it must pass.

    A pattern without parameters matches the test with any.
    """
    names = [name.replace("[", "(") for name in (test, test.partition("[")[0])]
    for difference in differences:
        if kernel in difference.kernels:
            for pattern in difference.tests:
                if any(fnmatchcase(name, f"*{pattern}".replace("[", "(")) for name in names):
                    return difference
    return None
