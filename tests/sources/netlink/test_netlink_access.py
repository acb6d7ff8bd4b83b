"""Whether netlink answers, found out by one small dump."""

import errno
import socket

import pytest

from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket, why_no_netlink
from tests.support.fakes.fake_netlink_socket import FakeKernel


def refusing(number: int) -> DiagSocket:
    """Return a diag socket that cannot be opened."""

    def refuse() -> socket.socket:
        raise OSError(number, "refused")

    return DiagSocket(refuse)


def test_netlink_answers() -> None:
    """If netlink answers, nothing is missing, and the socket that asked is closed."""
    kernel = FakeKernel([], [])
    assert why_no_netlink("linux", DiagSocket(kernel.open)) is None
    assert all(opened.closed for opened in kernel.opened)


@pytest.mark.parametrize(
    "number", [errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT]
)
def test_netlink_denied(number: int) -> None:
    """The reason names a sandbox that denies netlink, or a kernel without it."""
    assert why_no_netlink("linux", refusing(number)) == "sock_diag dump: refused"


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.EMFILE, errno.EINTR])
def test_netlink_fails_for_now(number: int) -> None:
    """A failure that may pass does not rule out netlink: the samples try again."""
    assert why_no_netlink("linux", refusing(number)) is None


def test_no_netlink_elsewhere() -> None:
    """Another system has no netlink, and is not asked for it."""
    assert why_no_netlink("freebsd14", refusing(errno.EIO)) == "freebsd14 has no netlink"
