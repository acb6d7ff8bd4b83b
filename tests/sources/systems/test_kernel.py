"""The probes of the kernel take nothing, send nothing, and say None where they cannot know."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.systems.kernel import (
    ask_kernel,
    frees_bound_ports,
    shows_bound_only,
)
from tests.support.labs.canary_lab import counters
from tests.support.labs.lab import Lab
from tests.support.labs.network_namespace import set_sysctl

PROC = Path("/proc")


class SilentDiag(DiagSocket):
    """A kernel that shows no socket, or fails."""

    def __init__(self, error: SourceError | None = None) -> None:
        super().__init__()
        self._error = error

    def ask(self, states: int, read: Callable[[Any], Any], *_: Any, **__: Any) -> Any:  # noqa: ARG002
        if self._error:
            raise self._error
        return []


@pytest.mark.usefixtures("netns")
def test_nothing_is_sent() -> None:
    """No TCP counter moves, and no packet is sent."""
    before = counters()
    diag = DiagSocket()
    ask_kernel(PROC, diag)
    diag.close()
    assert counters() == before


@pytest.mark.usefixtures("netns")
def test_not_shown() -> None:
    """A dump without the bound socket shows that such sockets are not shown."""
    assert shows_bound_only(PROC, SilentDiag()) is False


@pytest.mark.usefixtures("netns")
def test_failing_dump() -> None:
    """A dump that fails says nothing."""
    assert shows_bound_only(PROC, SilentDiag(SourceError("sock_diag dump", "EPERM"))) is None


@pytest.mark.usefixtures("netns")
def test_no_port_outside_the_range() -> None:
    """If every port is in the range, none is taken from others for the probe."""
    set_sysctl("ip_local_port_range", "1024 65535")
    assert shows_bound_only(PROC, SilentDiag()) is None


def test_full_range(lab: Lab) -> None:
    """If no port is left, nothing is known about bound ports."""
    set_sysctl("ip_local_port_range", "40000 40000")
    lab.bind("127.0.0.3", 40000)
    assert frees_bound_ports(PROC) is None


@pytest.mark.usefixtures("netns")
def test_one_port() -> None:
    """One port is enough to find out, and it is free again."""
    set_sysctl("ip_local_port_range", "40000 40000")
    known = frees_bound_ports(PROC)
    set_sysctl("ip_local_port_range", "40001 40001")
    assert frees_bound_ports(PROC) == known
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 40000))


def test_no_settings(tmp_path: Path) -> None:
    """What /proc does not tell is None, or for the release the oldest."""
    model = ask_kernel(tmp_path, SilentDiag())
    assert (model.release, model.reuse_delay_ms, model.step_width, model.own_table) == (
        *("", None),
        *(None, None),
    )
    assert model.time_wait_ms == 60_000
    assert model.ends_closed_flows is False
