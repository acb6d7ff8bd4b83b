"""Runs programs; a failure is an error with everything that the program printed."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

LONGEST_SECONDS = 600
# Where this machine's certificates and proxies are; whatever is installed in another root needs
# them just as much.
PASSED_ON = (
    "PIP_CERT",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "https_proxy",
    "http_proxy",
    "no_proxy",
)
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def output(
    *command: str | Path, environ: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Return what the program prints on both streams; AssertionError if it fails."""
    done = subprocess.run(
        command,
        env=None if environ is None else {**os.environ, **environ},
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def network_environment() -> dict[str, str]:
    """Return the variables with which this machine reaches the package index."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Check repeatedly until the condition holds; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.1)
