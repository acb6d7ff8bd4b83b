"""Pairs: an outbound pool of one host and an inbound pool of another with the same addresses.

The two are joined by these addresses. So there is no pair where something translates them on the
way, where the server's configuration puts its remotes into a group, or where an application chooses
its own local ports, which then stand behind the address.

Among thousands of hosts there are ten thousands of pools. To rename the labels of all would take
minutes, so the fullest of either end are found first, and only theirs are renamed.
"""

from grafana.source.names import label_replace
from grafana.source.pool_table import LIMIT, USED
from grafana.source.query import FLEET, HOST, select
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND

# The addresses stand as the server has them: its own is the local one.
PAIR = "cluster, local_address, remote_address, port"
# On loopback every host has the same addresses.
ELSEWHERE = 'local_address!~"127[.].*|::1"'
# Many of the clients' pools lead to servers without an exporter: these are left out afterwards.
CANDIDATES = 50
FULLEST = 3  # of the clients, and as many of the servers
UNPAIRED = (
    "No connection here is seen from both ends: it takes an exporter on both hosts, addresses that"
    " nothing translates on the way, and a server that does not group its remotes."
)


def outbound(metric: str) -> str:
    """Return a selector of the outbound pools of the chosen clients."""
    return select(metric, HOST, f'direction="{OUTBOUND}"', ELSEWHERE)


def server(metric: str, *matchers: str) -> str:
    """Return a selector of metrics of the chosen servers."""
    return select(metric, FLEET, 'instance=~"$server"', *matchers)


def inbound(metric: str) -> str:
    """Return a selector of the inbound pools of the chosen servers."""
    return server(metric, f'direction="{INBOUND}"', ELSEWHERE)


CLIENT_SHARE = f"{outbound(USED)} / {outbound(LIMIT)}"
SERVER_SHARE = f"{inbound(USED)} / {inbound(LIMIT)}"


def _swapped(expression: str) -> str:
    """Exchange the two addresses: what is local to one end is remote to the other."""
    for new, old in {
        "other": "local_address",
        "local_address": "remote_address",
        "remote_address": "other",
    }.items():
        expression = label_replace(expression, new, "$1", old, "(.+)")
    return expression


# The fullest outbound pools that a server has, too; and the fullest of either end.
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
    """Return one series for each pair: two network namespaces may have the same addresses."""
    return f"topk by ({PAIR}) (1, {expression})"
