import os
import socket
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.web.listen import ListenError, passed_listeners

# As systemd does: the socket becomes descriptor 3, and exec keeps the process id.
_LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS=sys.argv[2], LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, "-c", sys.argv[3]])
"""
_OPEN = """
from tcp_pressure_exporter.web.listen import ListenError, open_listeners
try:
    [listener] = open_listeners([":10190"], systemd=True)
except ListenError as error:
    print(error)
else:
    with listener:
        print(listener.fileno(), listener.get_inheritable(), listener.gettimeout())
        print(listener.getsockname()[1])
"""


def _launch(fd: int, count: str = "1") -> list[str]:
    command = [sys.executable, "-c", _LAUNCH, str(fd), count, _OPEN]
    done = subprocess.run(
        command, pass_fds=[fd], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.splitlines()


def test_passed_socket() -> None:
    """A socket passed by systemd's protocol is used instead of the addresses, and not inherited."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert _launch(listener.fileno()) == ["3 False 0.0", str(listener.getsockname()[1])]


def test_passed_file() -> None:
    """A passed descriptor that is not a socket is refused, with its number."""
    with open(os.devnull) as file:  # noqa: PTH123 - a descriptor is what is wanted
        assert _launch(file.fileno()) == [
            "cannot listen on systemd socket: descriptor 3 is not an open socket"
        ]


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_passed_socket_that_does_not_listen(kind: int) -> None:
    """A datagram socket, or a stream socket that does not listen, is refused."""
    with socket.socket(socket.AF_INET, kind) as sock:
        assert _launch(sock.fileno()) == [
            "cannot listen on systemd socket: descriptor 3 is not a listening stream socket"
        ]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "41"},
        {"LISTEN_FDS": "0", "LISTEN_PID": "42"},
        {"LISTEN_FDS": "-1", "LISTEN_PID": "42"},
        {"LISTEN_FDS": "one", "LISTEN_PID": "42"},
    ],
)
def test_nothing_passed(environ: Mapping[str, str]) -> None:
    """Without sockets for this very process, the flag is an error, not a silent fallback."""
    with pytest.raises(ListenError, match="LISTEN_PID"):
        passed_listeners(environ, 42)
