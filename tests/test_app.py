"""Which collectors this process has the rights for."""

import errno

from tcp_pressure_exporter.app import usable_collectors
from tests.captured_log import captured_log
from tests.fake_tcp_socket import FakeKernel


def test_canary_with_its_rights() -> None:
    """Where the canary can be kept silent it is on, and nothing is logged."""
    log, logged = captured_log()
    wanted = ["pools", "canary"]
    assert usable_collectors(wanted, FakeKernel().canary, log) == wanted
    assert logged.entries == []


def test_canary_without_its_rights() -> None:
    """Where it lacks a capability it is off, not broken, and one line says which."""
    log, logged = captured_log()
    kernel = FakeKernel()
    kernel.refused = {(6, 19): errno.EPERM, (6, 30): errno.EOPNOTSUPP}  # repair, fast open
    assert usable_collectors(["pools", "canary"], kernel.canary, log) == ["pools"]
    [entry] = logged.entries
    assert (entry["event"], entry["collector"]) == ("collector is off", "canary")
    assert "CAP_NET_ADMIN" in entry["reason"]


def test_canary_not_wanted() -> None:
    """A canary that is not wanted is not tried."""
    log, logged = captured_log()
    kernel = FakeKernel()
    assert usable_collectors(["pools"], kernel.canary, log) == ["pools"]
    assert (kernel.opened, logged.entries) == ([], [])
