"""The exporter as systemd sees it: what it says from its start to its end."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.labs.exporter_process import COMMAND, run_exporter
from tests.support.labs.notify_socket import NotifySocket, notify_socket

FLAGS = ("--web.listen-address=127.0.0.1:0", "--sample.interval=10m")
WATCHDOG_USEC = "200000"


@contextmanager
def told_by(systemd: NotifySocket, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the exporter with systemd's socket and a watchdog of a fifth of a second."""
    environ = os.environ | {"NOTIFY_SOCKET": systemd.name, "WATCHDOG_USEC": WATCHDOG_USEC}
    with subprocess.Popen([COMMAND, *FLAGS, *flags], env=environ) as process:
        try:
            yield process
        finally:
            process.kill()


def handled(process: subprocess.Popen[bytes]) -> int:
    """Return the mask of the signals that the process handles; proc(5), SigCgt."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (mask,) = re.findall(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(mask, 16)


def test_from_start_to_end(tmp_path: Path) -> None:
    """It is ready after its first sample, gives signs of life, reloads, and says when it stops."""
    with notify_socket(tmp_path) as systemd, told_by(systemd) as process:
        (first,) = systemd.receive_until("READY")
        assert first["STATUS"]
        # Within one interval of ten minutes: the pause is bridged.
        assert systemd.receive() == systemd.receive() == {"WATCHDOG": "1"}
        process.send_signal(signal.SIGHUP)
        assert systemd.receive_until("RELOADING")[-1]["RELOADING"] == "1"
        assert systemd.receive_until("READY")[-1] == {"READY": "1"}
        process.send_signal(signal.SIGTERM)
        assert systemd.receive_until("STOPPING")[-1]["STOPPING"] == "1"
        assert process.wait(2) == 0


def test_signals_are_handled_when_ready(tmp_path: Path) -> None:
    """A request to reload as soon as it is ready does not end it: it handles SIGHUP."""
    with notify_socket(tmp_path) as systemd, told_by(systemd) as process:
        systemd.receive_until("READY")
        assert handled(process) >> (signal.SIGHUP - 1) & 1


def test_a_bad_reload_ends_as_well(tmp_path: Path) -> None:
    """Systemd does not wait for a reload that changed nothing."""
    config = tmp_path / "config.yml"
    config.write_text("pools: {top: 5}\n")
    flag = f"--config.file={config}"
    with notify_socket(tmp_path) as systemd, told_by(systemd, flag) as process:
        systemd.receive_until("READY")
        config.write_text("pools: {top: many}\n")
        process.send_signal(signal.SIGHUP)
        systemd.receive_until("RELOADING")
        assert systemd.receive_until("READY")[-1] == {"READY": "1"}


def test_one_sample_says_nothing(tmp_path: Path) -> None:
    """--once is not a service."""
    with notify_socket(tmp_path) as systemd:
        command = ("env", f"NOTIFY_SOCKET={systemd.name}", str(COMMAND))
        assert run_exporter("--once", command=command).returncode == 0
        assert systemd.is_silent()
