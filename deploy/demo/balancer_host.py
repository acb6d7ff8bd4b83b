"""A second host for the demonstration: a load balancer in its own network namespace.

It has a link to the first host, where the backend is, and its own exporter, so that both ends of
its connections are seen. It does what its standard input says, and ends when that ends.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.demo import stories
from deploy.demo.exporter import LISTEN_FD, started

BACKEND = ("192.0.2.2", 8443)
PORTS = "32768 34767"  # in Linux's default range, from which the backend takes their number
LINK = """
link add to-balancer type veth peer name eth0 netns {pid}
address add 192.0.2.2/24 dev to-balancer
link set to-balancer up
"""
OWN_END = """
link set lo up
address add 192.0.2.1/24 dev eth0
link set eth0 up
"""


class BalancerHost:
    """The host as the first host sees it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def connect(self, rate: float, seconds: float, *, closes_first: bool) -> None:
        """Open connections to the backend, as stories.clients does, and wait until that is done."""
        assert self._process.stdin is not None
        print(rate, seconds, int(closes_first), file=self._process.stdin, flush=True)
        self.wait()

    def wait(self) -> None:
        """Wait until the host says it is done."""
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise ChildProcessError("the balancer's host has ended")


@contextmanager
def balancer_host(listening: int) -> Iterator[BalancerHost]:
    """Make the host and the link; its exporter takes over a listening socket."""
    leashed = ["setpriv", "--pdeathsig", "TERM", "unshare", "--net"]  # it ends with this process
    command = [*leashed, sys.executable, "-m", "deploy.demo.balancer_host"]
    with subprocess.Popen(
        [*command, str(listening)],
        pass_fds=(listening,),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        host = BalancerHost(process)
        assert process.stdin is not None
        try:
            host.wait()  # now it is in its namespace
            _ip(LINK.format(pid=process.pid))
            print("linked", file=process.stdin, flush=True)
            host.wait()
            yield host
        finally:
            process.stdin.close()


def main() -> None:
    """Be the host, until the demonstration ends it."""
    with suppress(KeyboardInterrupt):  # Ctrl-C reaches every process of the demonstration
        _be_the_host()


def _be_the_host() -> None:
    os.dup2(int(sys.argv[1]), LISTEN_FD)
    _done()
    sys.stdin.readline()
    _ip(OWN_END)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(PORTS)
    Path("/proc/sys/net/ipv4/tcp_tw_reuse").write_text("0")
    with started(1) as exporter:
        try:
            _done()
            for order in sys.stdin:
                rate, seconds, first = map(float, order.split())
                stories.clients(BACKEND, rate, seconds, closes_first=bool(first))
                _done()
        finally:
            exporter.terminate()


def _done() -> None:
    print("done", flush=True)


def _ip(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


if __name__ == "__main__":
    main()
