"""A client, a NAT gateway and a server, each in its own network namespace, joined by veth.

The calling thread is in the gateway's namespace. It all goes with the test: nothing has a name.
"""

import ctypes
import os
import resource
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.labs.conntrack_listing import conntrack_counter
from tests.support.labs.lab import SERVER_PORT, Pair, family_of
from tests.support.labs.network_namespace import CLONE_NEWNET, network_namespace

CLIENT, CLIENT6 = "192.0.2.2", "2001:db8:1::2"
OUTSIDE, OUTSIDE6 = "198.51.100.1", "2001:db8:2::1"  # the gateway's, towards the server
SECOND_OUTSIDE = "198.51.100.2"
SERVER, SERVER6 = "198.51.100.10", "2001:db8:2::10"
OTHER_SERVER = "198.51.100.11"
KNOWN_SERVER = "198.51.100.12"  # knows the way back to the client: needs no translation
SILENT = "203.0.113.9"  # routed to the server, which forwards nothing
VIRTUAL = "203.0.113.100"  # nobody's: for DNAT

PATIENCE_SECONDS = 10.0
OPEN_FILES = 4096

INSIDE_LINK = """
address add 192.0.2.1/24 dev inside
address add 2001:db8:1::1/64 dev inside nodad
link set inside up
"""
OUTSIDE_LINK = """
address add 198.51.100.1/24 dev outside
address add 198.51.100.2/24 dev outside
address add 2001:db8:2::1/64 dev outside nodad
link set outside up
route add 203.0.113.0/24 via 198.51.100.10
"""
CLIENT_LINK = """
address add 192.0.2.2/24 dev eth0
address add 2001:db8:1::2/64 dev eth0 nodad
link set eth0 up
route add default via 192.0.2.1
route add default via 2001:db8:1::1
"""
SERVER_LINK = """
address add 198.51.100.10/24 dev eth0
address add 198.51.100.11/24 dev eth0
address add 198.51.100.12/24 dev eth0
address add 2001:db8:2::10/64 dev eth0 nodad
link set eth0 up
route add 192.0.2.0/24 via 198.51.100.1
"""


class GatewayLab:
    """Connections from the client through the gateway; all are closed at the end."""

    def __init__(self, client: int, server: int, sockets: ExitStack) -> None:
        self._client = client
        self.server = server
        self._sockets = sockets
        with inside(server):
            self._listeners = [self._listen(address) for address in ("0.0.0.0", "::")]

    def _listen(self, address: str) -> socket.socket:
        listener = self._sockets.enter_context(
            socket.create_server((address, SERVER_PORT), family=family_of(address), backlog=4096)
        )
        listener.settimeout(PATIENCE_SECONDS)
        return listener

    def connect(self, remote: str = SERVER) -> Pair:
        """Connect through the gateway; return the client's and the server's end."""
        pair = self.attempt(remote)
        assert pair is not None, f"the gateway dropped a connection to {remote}"
        return pair

    def attempt(self, remote: str = SERVER) -> Pair | None:
        """Connect as above; None if the gateway found no port and dropped the SYN."""
        failed = conntrack_counter("insert_failed")
        client = self.start(remote)
        answer = select.poll()  # select() takes no descriptor from 1024 up
        answer.register(client, select.POLLOUT)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answer.poll(10):
            if conntrack_counter("insert_failed") > failed:
                client.close()
                return None
            assert time.monotonic() < deadline, f"{remote} does not answer"
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        accepted, _peer = self._listeners[":" in remote].accept()
        return client, self._sockets.enter_context(accepted)

    def connect_from_gateway(self, remote: str, port: int | None = None) -> Pair:
        """Connect from a port of the gateway itself; None: the kernel chooses it."""
        source = None if port is None else ("", port)
        client = self._sockets.enter_context(
            socket.create_connection((remote, SERVER_PORT), source_address=source)
        )
        accepted, _peer = self._listeners[":" in remote].accept()
        return client, self._sockets.enter_context(accepted)

    def start(self, remote: str) -> socket.socket:
        """Send a SYN and do not wait for the answer."""
        with inside(self._client):
            client = self._sockets.enter_context(socket.socket(family_of(remote)))
        client.settimeout(0)
        client.connect_ex((remote, SERVER_PORT))
        return client

    def send_datagram(self, remote: str = SERVER) -> None:
        """Send a UDP datagram."""
        with inside(self._client), socket.socket(family_of(remote), socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (remote, SERVER_PORT))

    def send_raw(self, remote: str, protocol: int, packet: bytes) -> None:
        """Send what follows the IP header."""
        with inside(self._client):
            sock = socket.socket(family_of(remote), socket.SOCK_RAW, protocol)
        with sock:
            sock.sendto(packet, (remote, 0))


def translate(ruleset: str) -> None:
    """Load rules into the gateway, in nft(8) syntax."""
    subprocess.run(["nft", "-f", "-"], input=ruleset, text=True, check=True)


def snat(action: str, family: str = "ip") -> None:
    """Translate the source of TCP and UDP to the outside, except to KNOWN_SERVER."""
    towards = f"ip daddr != {KNOWN_SERVER}" if family == "ip" else ""
    translate(f"""
        add table {family} sources
        add chain {family} sources out {{ type nat hook postrouting priority srcnat; }}
        add rule {family} sources out oifname outside {towards} meta l4proto {{ tcp, udp }} {action}
    """)


def dnat(action: str) -> None:
    """Translate the destination of what comes from the inside to VIRTUAL."""
    translate(f"""
        add table ip destinations
        add chain ip destinations in {{ type nat hook prerouting priority dstnat; }}
        add rule ip destinations in ip daddr {VIRTUAL} {action}
    """)


@contextmanager
def open_gateway_lab() -> Iterator[GatewayLab]:
    """Make the three namespaces, and move the thread into the gateway's until the end."""
    with ExitStack() as stack:
        stack.enter_context(_many_files())
        client, server = (stack.enter_context(kept_namespace()) for _ in range(2))
        stack.enter_context(network_namespace())
        for link, namespace in (("inside", client), ("outside", server)):
            path = f"/proc/{os.getpid()}/fd/{namespace}"
            ip(f"link add {link} type veth peer name eth0 netns {path}")
        ip(INSIDE_LINK + OUTSIDE_LINK)
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            Path("/proc/sys/net", name).write_text("1\n")
        with inside(client):
            ip(CLIENT_LINK)
        with inside(server):
            ip(SERVER_LINK)
        yield GatewayLab(client, server, stack)


def ip(commands: str) -> None:
    """Run `ip` on commands, one a line."""
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


@contextmanager
def kept_namespace() -> Iterator[int]:
    """Give a descriptor of a new namespace, which lasts as long as something holds it."""
    with network_namespace():
        namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        yield namespace
    finally:
        os.close(namespace)


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Move the calling thread into a namespace, and back."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _enter(namespace)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


@contextmanager
def _many_files() -> Iterator[None]:
    """Let the process have some thousand sockets open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, OPEN_FILES)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
