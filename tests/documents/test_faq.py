"""What docs/faq.md says about the kernel is what this kernel does."""

import re
import socket
import struct
import subprocess
import time

import pytest

from tests.support.labs.lab import Lab, time_wait_here
from tests.support.labs.network_namespace import SYSCTLS, set_sysctl
from tests.support.places import DOCS

TEXT = " ".join((DOCS / "faq.md").read_text().split())
TIMER = re.compile(r"timer:\(timewait,(?:(\d+)min)?(?:([\d.]+)(ms|sec))?")


def waiting() -> list[float]:
    """Return how many seconds each socket in TIME_WAIT has left, as `ss` shows it."""
    command = ["ss", "-Htno", "state", "time-wait"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [
        60 * float(minutes or 0) + float(number or 0) / (1000 if unit == "ms" else 1)
        for minutes, number, unit in TIMER.findall(told)
    ]


@pytest.mark.usefixtures("netns")
def test_defaults() -> None:
    """A new namespace has the defaults that the page names."""
    settings = {
        name: (SYSCTLS / name).read_text().split()
        for name in ("tcp_tw_reuse", "tcp_fin_timeout", "ip_local_port_range")
    }
    assert settings["tcp_tw_reuse"] == ["2"]
    assert settings["tcp_fin_timeout"] == ["60"]
    low, high = map(int, settings["ip_local_port_range"])
    assert f"{high - low + 1:,} ports" in TEXT


def test_fin_timeout_does_not_shorten_time_wait(lab: Lab) -> None:
    """With tcp_fin_timeout at one second, TIME_WAIT still starts at sixty."""
    set_sysctl("tcp_fin_timeout", 1)
    time_wait_here(lab.connect("127.0.0.1"))
    # Until it handles the second FIN, the kernel has an entry for FIN_WAIT2, which lasts a second.
    deadline = time.monotonic() + 0.9
    while (seconds := waiting()[0]) <= 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert 50 < seconds <= 60


def test_linger_zero_resets(lab: Lab) -> None:
    """The peer reads an error instead of the end, and there is no TIME_WAIT."""
    client, accepted = lab.connect("127.0.0.1")
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert waiting() == []


def test_time_wait_is_where_the_close_began(lab: Lab) -> None:
    """The end that closes first keeps the connection in TIME_WAIT, the other keeps nothing."""
    client, accepted = lab.connect("127.0.0.1")
    first = accepted.getsockname()
    accepted.close()
    client.close()
    told = subprocess.run(
        ["ss", "-Htn", "state", "time-wait"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert told[2].endswith(f":{first[1]}")
