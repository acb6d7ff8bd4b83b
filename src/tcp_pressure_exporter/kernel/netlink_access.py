"""Whether netlink answers: on Linux, unless the kernel lacks sock_diag or a sandbox denies it."""

import errno

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.kernel.bound_sockets import parse_bound_sockets
from tcp_pressure_exporter.kernel.diag_socket import DiagSocket
from tcp_pressure_exporter.kernel.inet_diag import LISTENING

# What a kernel without sock_diag answers, and what a sandbox that denies it does.
DENIALS = frozenset(
    {
        *("EPERM", "EACCES", "ENOSYS", "ENOENT"),
        *("EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP"),
    }
)


def why_no_netlink(platform: str, diag: DiagSocket) -> str | None:
    """Return why sockets cannot be read by netlink, None where they can.

    Also None where it failed for a reason that may pass: the next sample is to try again.
    """
    if platform != LINUX:
        return f"{platform} has no netlink"
    try:
        diag.ask(LISTENING, lambda dump: parse_bound_sockets(dump.contents(), dump.sequence))
    except SourceError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        name = errno.errorcode.get(number or 0) or error.reason.partition(":")[0]
        return str(error) if name in DENIALS else None
    finally:
        diag.close()
    return None
