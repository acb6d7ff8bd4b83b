"""A /proc for one test, below a temporary folder."""

from pathlib import Path

FILES = {
    "sys/net/ipv4/ip_local_port_range": "40000\t40009\n",
    "sys/net/ipv4/ip_local_reserved_ports": "\n",
    "sys/net/ipv4/tcp_tw_reuse": "2\n",
    "sys/net/ipv4/tcp_tw_reuse_delay": "1000\n",
    "sys/net/ipv4/tcp_timestamps": "1\n",
    "sys/net/ipv4/tcp_max_tw_buckets": "262144\n",
    "sys/net/ipv4/tcp_ehash_entries": "524288\n",
    "sys/net/core/somaxconn": "4096\n",
    "thread-self/net/netstat": "TcpExt: TW PAWSTimewait ListenDrops\nTcpExt: 7 0 3\n",
    "thread-self/net/snmp": "Tcp: MaxConn ActiveOpens CurrEstab\nTcp: -1 12 5\n",
    "thread-self/net/sockstat": (
        "sockets: used 39\n"
        "TCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1\n"
        "UDP: inuse 1 mem 0\n"
        "UDPLITE: inuse 0\n"
        "RAW: inuse 0\n"
        "FRAG: inuse 0 memory 0\n"
    ),
}
IPV4 = "sys/net/ipv4"


class FakeProcfs:
    """The files above, each of which a test may change, remove or make unreadable."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file, whatever was there before."""
        self.remove(name)
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def remove(self, name: str) -> None:
        """Remove a file, as on a kernel that does not have it."""
        path = self.root / name
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)

    def make_unreadable(self, name: str) -> None:
        """Put a folder in the file's place: reading it fails, even as root."""
        self.remove(name)
        (self.root / name).mkdir(parents=True)
