"""The source of other namespaces leaves out the sockets that are bound only."""

from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.sampled import Namespace


def bound_ports(namespace: Namespace) -> set[tuple[int, bool]]:
    try:
        return {(sock.port, sock.listening) for sock in namespace.bound_sockets()}
    finally:
        namespace.close()


def test_bound_only(lab: Lab) -> None:
    """Listening sockets are there, one that is bound only is not; the usual one shows both."""
    lab.bind("127.0.0.1", 40000)
    listening = {(SERVER_PORT, True)}
    assert bound_ports(Namespace()) == {*listening, (40000, False)}
    assert bound_ports(Namespace(bound_only=False)) == listening
