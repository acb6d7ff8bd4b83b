"""Processes that close real connections in every possible way, and what the kernel keeps."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.labs.lab import PATIENCE_SECONDS, SERVER_PORT, Lab, wait_for_fin
from tests.support.labs.network_namespace import set_sysctl

# Names itself, connects, and waits to be told to close; whatever it closes is in `socks`.
PROGRAM = f"""
import os, pathlib, socket, sys, threading
name, remote, number, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
pathlib.Path("/proc/self/comm").write_text(name)
sys.stdin.readline()
socks = [socket.create_connection((remote, {SERVER_PORT})) for _ in range(number)]
print("connected", flush=True)
sys.stdin.readline()
exec(how)
print("closed", flush=True)
sys.stdin.readline()
"""

TIME_WAIT = "06"  # TCP_TIME_WAIT of include/net/tcp_states.h, as /proc/net/tcp shows it

CLOSE = "for s in socks: s.close()"
EXIT = "os._exit(0)"
SHUTDOWN = "for s in socks: s.shutdown(socket.SHUT_WR)"
NON_BLOCKING = "for s in socks: s.setblocking(False); s.close()"
RESET = """
import struct
for s in socks:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
    s.close()
"""
# Each socket is closed by a thread with a name of its own.
THREADS = """
def close(sock):
    pathlib.Path("/proc/thread-self/comm").write_text("pool-thread")
    sock.close()
threads = [threading.Thread(target=close, args=(s,)) for s in socks]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
# The process left with the last descriptor is the one that closes the connection.
CHILD = """
child = os.fork()
if not child:
    pathlib.Path("/proc/self/comm").write_text("child")
    os.read(0, 1)
    os._exit(0)
for s in socks: s.close()
print("closed", flush=True)
os.waitpid(child, 0)
"""


class Closer:
    """A process with connections to the lab's server, which has accepted the other ends."""

    def __init__(  # noqa: PLR0913, PLR0917 - who closes what, and how
        self, lab: Lab, name: str, how: str, number: int, remote: str, cgroup: Path | None
    ) -> None:
        self._how = how
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, name, remote, str(number), how],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if cgroup:
            (cgroup / "cgroup.procs").write_text(f"{self.process.pid}\n")
        self.go_on()
        server = lab.server6 if ":" in remote and "::ffff:" not in remote else lab.server4
        self.accepted = [lab.keep(server.accept()[0]) for _ in range(number)]
        self._heard("connected")

    def go_on(self) -> None:
        """Let it do its next step."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """Let it close, and then close the other ends."""
        self.go_on()
        if self._how != EXIT:
            self._heard("closed")
        self.end_others()

    def let_child_exit(self) -> None:
        """Let it close its own descriptors, and then its child exit, which has them too."""
        self.go_on()
        self._heard("closed")
        assert self.process.stdin
        self.process.stdin.close()

    def kill(self) -> None:
        """Kill it with all its connections open, and then close the other ends."""
        self.process.kill()
        self.process.wait()
        self.end_others()

    def end_others(self) -> None:
        """Close the other ends once the FIN is there."""
        for accepted in self.accepted:
            with suppress(ConnectionResetError):
                wait_for_fin(accepted)
            accepted.close()

    def finish(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()

    def _heard(self, word: str) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == f"{word}\n"


@contextmanager
def closer(  # noqa: PLR0913, PLR0917 - as above
    lab: Lab, name: str, how: str, number: int, remote: str, cgroup: Path | None = None
) -> Iterator[Closer]:
    """Give a process with so many connections; it ends with the block."""
    process = Closer(lab, name, how, number, remote, cgroup)
    try:
        yield process
    finally:
        process.finish()


def keep_time_wait() -> None:
    """Let no reset end an entry in the namespace of the thread (RFC 1337).

    A late segment, after the other end has gone, is answered by a reset.
    """
    set_sysctl("tcp_rfc1337", 1)


def time_wait_entries() -> int:
    """Return how many the thread's namespace has by state: /proc/net/tcp and tcp6.

    The `tw` of /proc/net/sockstat counts those in FIN_WAIT2, too, whose other end's FIN is still
    on its way (tcp_time_wait() in net/ipv4/tcp_minisocks.c makes them when a process is killed).
    """
    return sum(
        line.split()[3] == TIME_WAIT
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/thread-self/net/{name}").read_text().splitlines()
    )


def settled(read: Callable[[], int], expected: int) -> int:
    """Return a number once it is as expected, else what it is after a while."""
    end = time.monotonic() + PATIENCE_SECONDS
    while read() != expected and time.monotonic() < end:
        time.sleep(0.01)
    return read()
