"""Records two dumps and what `ss` shows at the same moment; README.md says how to run it."""

import socket
import struct
import subprocess
import time
from pathlib import Path

from tests.support.messages.datagrams import BOUND_INACTIVE, CLOSING, DONE, LISTEN, dump_request

HERE = Path(__file__).parent
NETLINK_SOCK_DIAG = 4
DONE_START = struct.pack("=IH", 20, DONE)  # length and type of the message that ends a dump
SETTLE_SECONDS = 0.5

V4 = (socket.AF_INET, "127.0.0.1")
V6 = (socket.AF_INET6, "::1")
MAPPED = (socket.AF_INET6, "::ffff:127.0.0.1")
Pair = tuple[socket.socket, socket.socket]


class Scene:
    """Sockets in many states; holds them open."""

    def __init__(self) -> None:
        self.kept: list[socket.socket] = []

    def bind(self, family: int, address: str, port: int, *, v6only: bool = False) -> socket.socket:
        sock = socket.socket(family)
        self.kept.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        sock.bind((address, port))
        return sock

    def connect(self, end: tuple[int, str], port: int) -> socket.socket:
        sock = socket.socket(end[0])
        self.kept.append(sock)
        sock.connect((end[1], port))
        return sock

    def pairs(self, end: tuple[int, str], listener: socket.socket, count: int) -> list[Pair]:
        """Return connected (client, server) sockets."""
        result = []
        for _ in range(count):
            client = self.connect(end, listener.getsockname()[1])
            server, _peer = listener.accept()
            self.kept.append(server)
            result.append((client, server))
        return result


def set_scene(scene: Scene) -> None:
    on_v4 = scene.bind(socket.AF_INET, "127.0.0.1", 8080)
    on_any_v4 = scene.bind(socket.AF_INET, "0.0.0.0", 8081)
    on_v6 = scene.bind(socket.AF_INET6, "::1", 8082)
    on_both = scene.bind(socket.AF_INET6, "::", 8083)
    on_any_v6 = scene.bind(socket.AF_INET6, "::", 8084, v6only=True)
    for listener in (on_v4, on_any_v4, on_v6, on_both, on_any_v6):
        listener.listen(16)
    scene.bind(socket.AF_INET, "127.0.0.1", 45000)
    scene.bind(socket.AF_INET6, "::1", 45001, v6only=True)
    scene.bind(socket.AF_INET6, "::", 45002)

    scene.pairs(V4, on_v4, 30)
    scene.pairs(V6, on_v6, 15)
    scene.pairs(V4, on_both, 12)  # the server's ends are v4-mapped
    scene.pairs(MAPPED, on_any_v4, 8)  # the clients' ends are
    for end, listener, count in [(V4, on_v4, 40), (V6, on_v6, 15), (MAPPED, on_any_v4, 10)]:
        for client, server in scene.pairs(end, listener, count):
            client.close()
            server.close()
    for end, listener in [(V4, on_both), (V6, on_any_v6)]:
        for client, server in scene.pairs(end, listener, 12):
            server.close()  # the side that closes first keeps the TIME_WAIT entry
            client.close()
    for client, _server in scene.pairs(V4, on_any_v4, 10):
        client.shutdown(socket.SHUT_WR)  # FIN_WAIT2 with an owner, and CLOSE_WAIT
    for client, _server in scene.pairs(V6, on_both, 6):
        client.close()  # FIN_WAIT2 without one
    for client, _server in scene.pairs(V4, on_v4, 2):
        fill(client)
        client.close()  # FIN_WAIT1: the window is closed
    for client, server in scene.pairs(V4, on_v4, 2):
        client.shutdown(socket.SHUT_WR)
        fill(server)
        server.close()  # LAST_ACK
    unfinished_handshakes(scene)


def unfinished_handshakes(scene: Scene) -> None:
    full = scene.bind(socket.AF_INET, "127.0.0.1", 8085)
    full.listen(0)
    for _ in range(4):  # the first fills the queue, the others stay in SYN_SENT
        client = socket.socket()
        scene.kept.append(client)
        client.settimeout(0)
        client.connect_ex(("127.0.0.1", 8085))
    deferring = scene.bind(socket.AF_INET, "127.0.0.1", 8086)
    deferring.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    deferring.listen(16)
    for _ in range(3):  # SYN_RECV until data come
        scene.connect(V4, 8086)


def fill(sock: socket.socket) -> None:
    """Write until neither the peer nor this socket takes any more."""
    sock.settimeout(0)
    for _ in range(10_000):
        try:
            sock.send(bytes(65536))
        except BlockingIOError:
            return


def record_dump(protocol: int, request: bytes) -> bytes:
    """Return the datagrams of one dump, each after its length in four bytes."""
    recorded = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as netlink:
        netlink.settimeout(5)
        netlink.send(request)
        for _ in range(1000):
            datagram = netlink.recv(32768)
            recorded += struct.pack("<I", len(datagram)) + datagram
            if datagram[-20:-14] == DONE_START:
                return recorded
    raise RuntimeError("the dump does not end")


def dump(states: int) -> bytes:
    return record_dump(NETLINK_SOCK_DIAG, dump_request(states))


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    scene = Scene()
    set_scene(scene)
    time.sleep(SETTLE_SECONDS)
    every_state = (1 << (CLOSING + 1)) - 2
    (HERE / "main.bin").write_bytes(dump(every_state & ~(1 << LISTEN)))
    shown = subprocess.run(["ss", "-tanH"], check=True, capture_output=True).stdout
    (HERE / "bound.bin").write_bytes(dump(1 << LISTEN | 1 << BOUND_INACTIVE))
    (HERE / "ss.txt").write_bytes(shown)


if __name__ == "__main__":
    main()
