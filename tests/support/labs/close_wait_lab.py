"""Sockets in CLOSE_WAIT, made by applications that leak them and by peers that vanish."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.labs.lab import SERVER_PORT, Lab, Pair

REMOTE = "127.0.0.9"
PROCESS_NAME = "leaky"
# Names itself, waits to be put into its cgroup, connects, and keeps what the peer has closed.
LEAKER = f"""
import pathlib, socket, sys
pathlib.Path("/proc/self/comm").write_text({PROCESS_NAME!r})
sys.stdin.readline()
sockets = [socket.create_connection((sys.argv[1], {SERVER_PORT})) for _ in range(int(sys.argv[2]))]
print("connected", flush=True)
sys.stdin.readline()
"""


def eof_unread(lab: Lab, client_address: str) -> Pair:
    """Let the peer send and close; the application never reads."""
    client, accepted = lab.connect(REMOTE, client_address)
    client.sendall(b"last words")
    client.close()
    return client, accepted


def not_closed(lab: Lab, client_address: str) -> Pair:
    """Let the peer close; the application reads to the end but does not close."""
    client, accepted = lab.connect(REMOTE, client_address)
    client.close()
    assert accepted.recv(1) == b""
    return client, accepted


def window_closed(lab: Lab, client_address: str) -> Pair:
    """Let the peer close its direction and read nothing; the application sends all it can."""
    client, accepted = peer_about_to_go(lab, client_address)
    accepted.settimeout(0)
    try:
        while accepted.send(bytes(65_536)):
            pass
    except BlockingIOError:
        return client, accepted
    raise AssertionError("the window did not close")


def peer_about_to_go(lab: Lab, client_address: str) -> Pair:
    """Let the peer close only its direction; the application has read to the end."""
    client, accepted = lab.connect(REMOTE, client_address)
    client.shutdown(socket.SHUT_WR)
    assert accepted.recv(1) == b""
    return client, accepted


def vanish(address: str, *, silently: bool) -> None:
    """Take a peer's address off the host: packets to it are dropped, or have no route at all."""
    ip("address", "del", f"{address}/32", "dev", "lo")
    if silently:
        ip("link", "add", "void", "type", "veth", "peer", "name", "nobody")
        ip("link", "set", "void", "up")
        ip("link", "set", "nobody", "up")
        ip("route", "add", f"{address}/32", "dev", "void")
        ip("neigh", "add", address, "lladdr", "02:00:00:00:00:01", "dev", "void")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def connected_process(lab: Lab, cgroup: Path, sockets: int) -> Iterator[list[socket.socket]]:
    """Run a process in a cgroup that opens so many connections; give the accepted sockets."""
    command = [sys.executable, "-c", LEAKER, REMOTE, str(sockets)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        (cgroup / "cgroup.procs").write_text(f"{process.pid}\n")
        process.stdin.write("\n")
        process.stdin.flush()
        accepted = [lab.keep(lab.server4.accept()[0]) for _ in range(sockets)]
        assert process.stdout.readline() == "connected\n"
        yield accepted


@contextmanager
def leaking_process(lab: Lab, cgroup: Path, sockets: int) -> Iterator[None]:
    """Run a process in a cgroup that keeps so many sockets although their peers have closed."""
    with connected_process(lab, cgroup, sockets) as accepted:
        for sock in accepted:
            sock.close()
        yield
