"""Rows as psutil.net_connections returns them."""

from types import SimpleNamespace
from typing import Any

from tests.support.messages.datagrams import Entry

# psutil's names of the states (psutil._common), by the kernel's numbers.
STATUS = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}

End = tuple[str, int] | tuple[()]


def row(status: str, laddr: End, raddr: End = ()) -> Any:
    """Return a row; laddr and raddr are (address, port) or empty."""
    return SimpleNamespace(fd=-1, laddr=laddr, raddr=raddr, status=status, pid=None)


def row_of(entry: Entry) -> Any:
    """Return the row of a socket that has a peer."""
    ends = (entry.local, entry.local_port), (entry.remote, entry.remote_port)
    return row(STATUS[entry.state], *ends)
