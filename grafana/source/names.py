"""Names for people to read, made of labels: the two ends of a pool, and the owner of sockets."""

from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE

# The host comes first, then its owner, then where it leads.
HOST_NAME = "{{cluster}} {{instance}}"
POOL_NAME = f"{HOST_NAME} {{{{netns}}}} {{{{direction}}}} {{{{ends}}}}"
OWNER_NAME = f"{HOST_NAME} {{{{owner}}}}: {{{{ends}}}}"

_JOINED = ("direction", "local_address", "remote_address", "port")
# By direction: the end that opened the connections comes first. Only the labels show which.
_ENDS = {
    f"(?:{OUTBOUND}|{NAT})[|](.*)[|](.*)[|](.*)": "$1 → $2:$3",
    f"{INBOUND}[|](.*)[|](.*)[|](.*)": "$2 → $1:$3",
    f"{SOURCE}[|](.*)[|][|]": "$1 → any",
    "[|]+": "none",
}
UNKNOWN = "unknown owner"


def with_ends(expression: str) -> str:
    """Give series of pools the label `ends`: the client's address, an arrow, the server's."""
    named = label_join(expression, "ends", "|", *_JOINED)
    for pattern, words in _ENDS.items():
        named = label_replace(named, "ends", words, "ends", pattern)
    return named


def as_outbound(expression: str) -> str:
    """Give refused calls of connect() the direction of the pool they wanted a port from."""
    return label_replace(expression, "direction", OUTBOUND, "", "")


def with_owner(expression: str) -> str:
    """Give series of owners the label `owner`: service and process, or one of them."""
    joined = label_join(expression, "owner", " ", "service", "process")
    known = label_replace(joined, "owner", "$1", "owner", " *(.*?) *")
    return label_replace(known, "owner", UNKNOWN, "owner", "")


def label_join(expression: str, new: str, separator: str, *labels: str) -> str:
    names = ", ".join(f'"{label}"' for label in labels)
    return f'label_join({expression}, "{new}", "{separator}", {names})'


def label_replace(expression: str, new: str, value: str, old: str, pattern: str) -> str:
    return f'label_replace({expression}, "{new}", "{value}", "{old}", "{pattern}")'
