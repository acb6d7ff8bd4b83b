import errno
import socket

import pytest

from tcp_pressure_exporter.web.listen import ListenError, open_listeners
from tests.web.harness import open_descriptors


def _open_one(address: str) -> socket.socket:
    [listener] = open_listeners([address], systemd=False)
    return listener


def test_all_addresses() -> None:
    """':port' is reachable over IPv4 and IPv6."""
    with _open_one(":0") as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), 5):
                pass


@pytest.mark.parametrize(
    ("address", "family", "host"),
    [
        ("127.0.0.1:0", socket.AF_INET, "127.0.0.1"),
        ("[::1]:0", socket.AF_INET6, "::1"),
        ("localhost:0", socket.AF_INET, "127.0.0.1"),
    ],
)
def test_one_address(address: str, family: int, host: str) -> None:
    """A host opens one socket on that address; a name prefers IPv4."""
    with _open_one(address) as listener:
        assert listener.family == family
        assert listener.getsockname()[0] == host
        assert listener.gettimeout() == 0.0


def test_ipv4_and_ipv6_wildcards_share_a_port() -> None:
    """'0.0.0.0:p' and '[::]:p' can be given together."""
    with _open_one("0.0.0.0:0") as first, _open_one(f"[::]:{first.getsockname()[1]}") as second:
        assert second.getsockname()[1] == first.getsockname()[1]


def test_port_in_use() -> None:
    """A port that another socket listens on is named, and sockets already opened are closed."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        before = open_descriptors()
        with pytest.raises(ListenError) as caught:
            open_listeners(["127.0.0.1:0", taken], systemd=False)
        assert open_descriptors() == before
    assert (
        str(caught.value) == f"cannot listen on {taken}: another socket is listening on this port"
    )


def test_permission_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that needs a capability is refused in one line that names the capability."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ListenError, match="CAP_NET_BIND_SERVICE"):
        open_listeners(["127.0.0.1:80"], systemd=False)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("name.invalid:80", "does not resolve"),  # RFC 6761 section 6.4: never resolves
        ("192.0.2.1:80", "no such address"),  # RFC 5737: documentation only
        (f"a.{'b' * 64}.c:80", "not a valid name"),  # RFC 1035: labels have at most 63 octets
    ],
)
def test_unusable_host(address: str, reason: str) -> None:
    """A host that does not resolve or is not ours is refused with the reason."""
    with pytest.raises(ListenError, match=reason):
        open_listeners([address], systemd=False)


def test_bad_syntax() -> None:
    """An address that cannot be parsed is a ListenError, too."""
    with pytest.raises(ListenError, match="host:port"):
        open_listeners(["nonsense"], systemd=False)
