"""The protocol of sd_notify(3) and sd_watchdog_enabled(3)."""

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.systemd import ServiceManager, heartbeat_seconds, notify_address
from tests.support.labs.notify_socket import NotifySocket, notify_socket

PID = 77


@pytest.fixture(params=[False, True], ids=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NotifySocket]:
    with notify_socket(tmp_path, abstract=request.param) as sock:
        yield sock


def manager(systemd: NotifySocket) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": systemd.name}, PID)


def test_the_first_sample_makes_it_ready(systemd: NotifySocket) -> None:
    """READY=1 comes once, with the first status; later a status is sent if it has changed."""
    told = manager(systemd)
    told.sampled("calm")
    assert systemd.receive() == {"READY": "1", "STATUS": "calm"}
    told.sampled("calm")
    assert systemd.is_silent()
    told.sampled("72 % full → soon")
    assert systemd.receive() == {"STATUS": "72 % full → soon"}


def test_a_name_cannot_forge_a_second_message(systemd: NotifySocket) -> None:
    """A line break in a status, as in the name of a namespace, is escaped and breaks no line."""
    told = manager(systemd)
    told.sampled("outbound in web\nSTOPPING=1 is 50 % full")
    assert systemd.receive() == {
        "READY": "1",
        "STATUS": r"outbound in web\nSTOPPING=1 is 50 % full",
    }


def test_signs_of_life(systemd: NotifySocket) -> None:
    """A sign of life is WATCHDOG=1."""
    manager(systemd).alive()
    assert systemd.receive() == {"WATCHDOG": "1"}


def test_reload(systemd: NotifySocket) -> None:
    """A reload begins with the time of CLOCK_MONOTONIC in microseconds, and ends with READY=1."""
    told = manager(systemd)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    told.reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    message = systemd.receive()
    assert message["RELOADING"] == "1"
    assert before <= int(message["MONOTONIC_USEC"]) <= after
    told.reloaded()
    assert systemd.receive() == {"READY": "1"}


def test_stop(systemd: NotifySocket) -> None:
    """The stop is announced."""
    manager(systemd).stopping()
    assert systemd.receive()["STOPPING"] == "1"


def test_without_systemd() -> None:
    """Without NOTIFY_SOCKET nothing is sent, and no heartbeat is wanted."""
    told = ServiceManager({"WATCHDOG_USEC": "1000000"}, PID)
    assert told.heartbeat_seconds == math.inf
    told.sampled("calm")
    told.alive()
    told.stopping()


def test_nobody_listens(tmp_path: Path) -> None:
    """A missing socket costs the message and nothing else."""
    told = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, PID)
    told.sampled("calm")
    told.alive()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("/run/systemd/notify", "/run/systemd/notify"),
        ("@abstract@name", "\0abstract@name"),
        ("vsock:2:1234", ""),
        ("relative", ""),
        ("", ""),
    ],
)
def test_addresses(name: str, address: str) -> None:
    """A path and an abstract name are understood; other families are ignored."""
    assert notify_address({"NOTIFY_SOCKET": name}) == address


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 15.0),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, math.inf),
        ({"WATCHDOG_USEC": "0"}, math.inf),
        ({"WATCHDOG_USEC": "-5"}, math.inf),
        ({"WATCHDOG_USEC": "soon"}, math.inf),
        ({"WATCHDOG_USEC": "²"}, math.inf),
        ({}, math.inf),
    ],
)
def test_heartbeat(environ: Mapping[str, str], seconds: float) -> None:
    """They come twice in the time that systemd waits, if the watchdog is for this process."""
    assert heartbeat_seconds(environ, PID) == seconds
