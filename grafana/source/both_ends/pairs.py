"""Pairs: an outbound pool of one host and an inbound pool of another with the same addresses.

The two are joined by these addresses. So there is no pair if something translates them on the way,
if the server's configuration groups its remotes, or if an application chooses its own local ports,
which are then appended to the address.

Thousands of hosts have tens of thousands of pools. Renaming the labels of all would take minutes,
so the fullest at either end are found first, and only theirs are renamed.
"""

from grafana.source.names import label_replace
from grafana.source.pool_table import LIMIT, USED
from grafana.source.query import FLEET, HOST, select
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND

# The addresses are as the server has them: its own is the local one.
PAIR = "cluster, local_address, remote_address, port"
# On loopback every host has the same addresses.
ELSEWHERE = 'local_address!~"127[.].*|::1"'
# Many of the clients' pools lead to servers without an exporter; these are dropped afterwards.
CANDIDATES = 50
FULLEST = 3  # at the clients, and as many at the servers
UNPAIRED = (
    "No connection here is seen from both ends: it takes an exporter on both hosts, addresses that"
    " nothing translates on the way, and a server that does not group its remotes."
)


def outbound(metric: str) -> str:
    """Return a selector of the chosen clients' outbound pools."""
    return select(metric, HOST, f'direction="{OUTBOUND}"', ELSEWHERE)


def server(metric: str, *matchers: str) -> str:
    """Return a selector of the chosen servers' metrics."""
    return select(metric, FLEET, 'instance=~"$server"', *matchers)


def inbound(metric: str) -> str:
    """Return a selector of the chosen servers' inbound pools."""
    return server(metric, f'direction="{INBOUND}"', ELSEWHERE)


CLIENT_SHARE = f"{outbound(USED)} / {outbound(LIMIT)}"
SERVER_SHARE = f"{inbound(USED)} / {inbound(LIMIT)}"


def _swapped(expression: str) -> str:
    """Swap the two addresses: what is local to one end is remote to the other."""
    for new, old in {
        "other": "local_address",
        "local_address": "remote_address",
        "remote_address": "other",
    }.items():
        expression = label_replace(expression, new, "$1", old, "(.+)")
    return expression


# The fullest outbound pools that a server also has; and the fullest at either end.
SEEN_TWICE = f"({_swapped(f'topk({CANDIDATES}, {CLIENT_SHARE})')} and on ({PAIR}) {SERVER_SHARE})"
_FULLEST = (
    f"(max by ({PAIR}) (topk({FULLEST}, {SEEN_TWICE}))"
    f" or max by ({PAIR}) (topk({FULLEST}, {SERVER_SHARE})))"
)


def at_client(value: str) -> str:
    """Return the value of the fullest pairs at the client, which the label `client` names."""
    chosen = f"{value} and on ({PAIR}) {_swapped(_FULLEST)}"
    named = label_replace(_swapped(f"({chosen})"), "client", "$1", "instance", "(.+)")
    return _one(f"max by ({PAIR}, client) ({named})")


def at_server(value: str) -> str:
    """Return the value of the fullest pairs at the server, which the label `instance` names."""
    return _one(f"max by ({PAIR}, instance) ({value} and on ({PAIR}) {_FULLEST})")


def _one(expression: str) -> str:
    """Return one series per pair: two network namespaces may have the same addresses."""
    return f"topk by ({PAIR}) (1, {expression})"
