"""/proc/net/nf_conntrack: conntrack's entries as text, where ctnetlink is not available.

Root may read it, and anyone with CAP_DAC_READ_SEARCH. The kernel writes all entries, of all
protocols, and only the difference between a line's two tuples reveals a translated source. Source:
net/netfilter/nf_conntrack_standalone.c, ct_seq_show.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, AF_INET6

from tcp_pressure_exporter.facts.addresses import normal_address
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, PoolTally
from tcp_pressure_exporter.sources.counting.pools import NatClients, Pools, nat_pools

NAME = "/proc/net/nf_conntrack"
# ipv4 2 tcp 6 431999 ESTABLISHED src=A dst=B sport=C dport=D [UNREPLIED] src=E dst=F sport=G ...
# An entry in a flow table has neither seconds nor a state.
ADDRESS, PORT = "([0-9a-f.:]{2,45})", "([0-9]{1,5})"
TUPLE = f"src={ADDRESS} dst={ADDRESS} sport={PORT} dport={PORT} "
DETAILS = r"(?:zone-orig=[0-9]+ )?(?:packets=[0-9]+ bytes=[0-9]+ )?(?:\[UNREPLIED\] )?"
ENTRY = re.compile(
    f"ipv[46] +[0-9]+ tcp +6 (?:[0-9]+ )?(?:([A-Z0-9_]+) )?{TUPLE}{DETAILS}{TUPLE}(.*)"
)
# ct_show_zone: "zone-reply" comes right after the tuple; "zone", for both directions, near the end.
ZONE = re.compile(r"(?:^|.* )zone(?:-reply)?=([0-9]{1,5})(?: .*)?")
TIME_WAIT = "TIME_WAIT"
OVER = frozenset({TIME_WAIT, "CLOSE", "SYN_SENT2"})  # as in sources/counting/translated.py


def read_proc_conntrack(procfs: Path, rules: NatRules) -> PoolTally:
    """Count the TCP connections into pools, as tally_nat does; raises SourceError."""
    try:
        with _path(procfs).open(encoding="ascii") as lines:
            return tally_proc_conntrack(lines, rules)
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(NAME, getattr(error, "strerror", None) or str(error)) from error


def may_read_proc_conntrack(procfs: Path) -> bool:
    """Tell whether this process may read the file, or whether it is missing as nothing is tracked.

    Only an attempt shows: access(2) checks the real user and ignores capabilities.
    """
    try:
        _path(procfs).open("rb").close()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _path(procfs: Path) -> Path:
    # /proc/net would show the namespace of the process's first thread, not of this one.
    return procfs / "thread-self" / "net" / "nf_conntrack"


def tally_proc_conntrack(lines: Iterable[str], rules: NatRules) -> PoolTally:
    """Count the lines of the file; raises SourceError on a TCP line that makes no sense."""
    pools, clients = nat_pools(rules), NatClients(rules.clients_of)
    for line in lines:
        if " tcp " not in line:
            continue
        match = ENTRY.fullmatch(line.rstrip("\n"))
        if match is None:
            raise SourceError(NAME, f"unexpected line: {line[:40]!r}")
        _add(pools, clients, match, rules)
    return replace(pools.result(rules.rows), clients=clients.result())


def _add(pools: Pools, clients: NatClients, match: re.Match[str], rules: NatRules) -> None:
    state, source, _destination, sport, _dport, remote, local, remote_port, local_port, rest = (
        match.groups()
    )
    translated = (source, sport) != (local, local_port)
    if translated == rules.translated:
        ends = (_address(local), _address(remote), _port(remote_port), _zone(rest))
        if clients.wants(ends):
            clients.add(ends, _address(source))
        pools.add_tracked(
            ends, time_wait=state == TIME_WAIT, reclaimable=rules.evicts and state in OVER
        )


def _zone(rest: str) -> int:
    """Return the conntrack zone of the replies, ignoring text in a security context."""
    found = ZONE.fullmatch(rest)
    return int(found[1]) if found else 0


def _address(text: str) -> bytes:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise SourceError(NAME, str(error)) from error
    return normal_address(AF_INET if address.version == 4 else AF_INET6, address.packed)  # noqa: PLR2004 - IPv4


def _port(text: str) -> bytes:
    try:
        return int(text).to_bytes(2)
    except OverflowError as error:
        raise SourceError(NAME, f"expected a port, got {text}") from error
