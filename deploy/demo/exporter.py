"""The exporter on sockets opened elsewhere: it is queried from outside its namespace."""

import os
import subprocess
import sys
from pathlib import Path

EXPORTER = Path(sys.executable).with_name("tcp-pressure-exporter")
LISTEN_FD = 3  # SD_LISTEN_FDS_START
# LISTEN_PID must be the process that takes over the sockets: sd_listen_fds(3).
TAKE_SOCKETS = 'LISTEN_PID=$$ exec "$0" --web.systemd-socket "$@"'


def started(sockets: int, *flags: str) -> "subprocess.Popen[bytes]":
    """Start the exporter on so many listening sockets; their descriptors begin at LISTEN_FD.

    It ends with the calling process.
    """
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "sh", "-c", TAKE_SOCKETS, str(EXPORTER), *flags],
        pass_fds=range(LISTEN_FD, LISTEN_FD + sockets),
        stdin=subprocess.DEVNULL,
        env=os.environ | {"LISTEN_FDS": str(sockets)},
    )
