import socket
import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import RemoteEnd
from tcp_pressure_exporter.sources.netlink.inet_diag import filter_attribute
from tests.support.fakes.filter_program import accepts, audit, program_of
from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.messages.socket_entries import MAPPED, V4, V6, sixteen_bytes
from tests.support.sampled import Namespace

OTHER_PORT = 9001
PORTS = (80, 443, 65535)


def end(address: str | None, port: int) -> RemoteEnd:
    return RemoteEnd(sixteen_bytes(address) if address else None, port.to_bytes(2, "big"))


def test_worked_example() -> None:
    """Two ends are two conditions, each before a jump to where the kernel accepts: the end."""
    assert filter_attribute([end("10.0.0.9", 443), end(None, 80)]) == b"".join(
        [
            struct.pack("=HH", 4 + 36, 1),  # struct rtattr: INET_DIAG_REQ_BYTECODE
            # struct inet_diag_bc_op: if D_COND holds, move on 16 bytes, to the jump, else past it
            struct.pack("=BBH", 8, 16, 20),
            struct.pack("=BBHi", socket.AF_INET, 32, 0, 443),  # struct inet_diag_hostcond
            bytes([10, 0, 0, 9]),
            struct.pack("=BBH", 1, 4, 20),  # JMP, always `no`: over the other 16 bytes
            struct.pack("=BBH", 8, 12, 20),  # `no` is 4 bytes beyond the end: refused
            struct.pack("=BBHi", socket.AF_UNSPEC, 0, 0, 80),
            struct.pack("=BBH", 1, 4, 4),
        ]
    )


def test_ipv6_end() -> None:
    """An IPv6 address is compared in all of its 128 bits."""
    assert filter_attribute([end("2001:db8::9", 443)]) == b"".join(
        [
            struct.pack("=HH", 4 + 32, 1),
            struct.pack("=BBH", 8, 28, 36),
            struct.pack("=BBHi", socket.AF_INET6, 128, 0, 443),
            ip_address("2001:db8::9").packed,
            struct.pack("=BBH", 1, 4, 4),
        ]
    )


@pytest.mark.parametrize("number", [0, 65])
def test_number_of_ends(number: int) -> None:
    """Without an end, or with more than 64, there is no filter: it would leave everything."""
    with pytest.raises(ValueError, match=f"^{number} remote ends$"):
        filter_attribute([end(None, port) for port in range(number)])


ENDS = st.builds(end, st.sampled_from([None, *V4, *MAPPED, *V6]), st.sampled_from(PORTS))
REMOTES = st.tuples(st.sampled_from([*V4, *MAPPED, *V6]), st.sampled_from(PORTS))


@given(st.lists(ENDS, min_size=1, max_size=64), st.lists(REMOTES))
def test_accepts_the_ends(ends: list[RemoteEnd], remotes: list[tuple[str, int]]) -> None:
    """The kernel takes the program, which accepts only sockets connected to one of the ends."""
    program = program_of(filter_attribute(ends))
    audit(program)
    for text, port in remotes:
        address = ip_address(text)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        wanted = end(text, port) in ends or end(None, port) in ends
        assert accepts(program, family, address.packed, port) == wanted


def far_away(number: int) -> RemoteEnd:
    """Return an end that no socket of a test has."""
    return end(f"192.0.2.{number}" if number % 2 else f"2001:db8::{number}", SERVER_PORT)


MANY = [far_away(number) for number in range(62)]
V4_END, V6_END = end("127.0.0.9", SERVER_PORT), end("::1", SERVER_PORT)


def ends_of(client: socket.socket) -> tuple[int, bytes | None, bytes]:
    """Return the local port, and the remote address and port as the kernel compares them."""
    remote, port = client.getpeername()[:2]
    return client.getsockname()[1], *end(remote, port)


@pytest.mark.parametrize(
    ("ends", "selected"),
    [
        ([V4_END], {"v4", "mapped"}),
        ([V6_END], {"v6"}),
        ([end("127.0.0.8", SERVER_PORT)], {"neighbour"}),
        ([end("127.0.0.9", OTHER_PORT)], {"other port"}),
        ([end(None, SERVER_PORT)], {"v4", "mapped", "neighbour", "v6"}),
        ([end(None, OTHER_PORT)], {"other port"}),
        ([end("127.0.0.9", 9002)], set()),
        ([end(None, OTHER_PORT), V6_END], {"other port", "v6"}),
        ([V4_END, *MANY, V6_END], {"v4", "mapped", "v6"}),
        ([*MANY, far_away(62), V6_END], {"v6"}),
        ([V4_END, *MANY, far_away(63)], {"v4", "mapped"}),
        ([*MANY, far_away(62), far_away(63)], set()),
    ],
)
def test_real_kernel(lab: Lab, ends: list[RemoteEnd], selected: set[str]) -> None:
    """The kernel sends the sockets connected to the ends: IPv4, IPv6 and v4-mapped alike."""
    lab.listen("127.0.0.9", OTHER_PORT)
    other = lab.keep(socket.create_connection(("127.0.0.9", OTHER_PORT)))
    clients = {
        "v4": lab.connect("127.0.0.9")[0],
        "mapped": lab.connect("127.0.0.9", mapped=True)[0],
        "neighbour": lab.connect("127.0.0.8")[0],
        "v6": lab.connect("::1")[0],
        "other port": other,
    }
    names = {ends_of(client): name for name, client in clients.items()}
    namespace = Namespace()
    found = namespace.pool_sockets(ends)
    namespace.close()
    told = [names[s.local_port, s.key.remote_address, s.key.port] for s in found]
    assert sorted(told) == sorted(selected)
