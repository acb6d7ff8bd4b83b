"""Remote groups: addresses with one role, such as load balancers, under one name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from itertools import pairwise
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import ADDRESS_BYTES, V4_MAPPED
from tcp_pressure_exporter.facts.ports import DEFAULT_RANGE
from tcp_pressure_exporter.facts.tally import GroupedKey, GroupNetwork, PoolKey
from tcp_pressure_exporter.pools.usage import Usage

Network = IPv4Network | IPv6Network
# For one address family: how far to shift an address right, then the prefixes that remain.
Tables = dict[int, dict[int, "RemoteGroup"]]

DEFAULT_PORTS = 64512  # 1024-65535: every port that is not reserved for privileged services
LINUX_PORTS = len(DEFAULT_RANGE)
V4_MAPPED_NETWORK = IPv6Network("::ffff:0:0/96")  # RFC 4291, section 2.5.5.2


class OverlapError(ValueError):
    """Two networks of the groups share addresses.

    group and network are the indices of the later one: `groups[group].networks[network]`.
    """

    def __init__(self, reason: str, group: int, network: int) -> None:
        super().__init__(reason)
        self.group = group
        self.network = network


@dataclass(frozen=True, slots=True)
class RemoteGroup:
    """Networks that count as one remote, and how many ports each of their addresses can use.

    A v4-mapped IPv6 network is kept as the IPv4 network.
    """

    name: str
    networks: tuple[Network, ...]
    ports: int = DEFAULT_PORTS

    def __post_init__(self) -> None:
        networks = tuple(_without_mapping(network) for network in self.networks)
        object.__setattr__(self, "networks", networks)  # how a frozen dataclass sets a field


@dataclass(frozen=True, slots=True)
class RemoteGroups:
    """All remote groups of a host, for look-ups by address.

    Raises OverlapError if two networks, in the same group or not, share addresses.
    """

    groups: Sequence[RemoteGroup] = ()
    networks: Sequence[GroupNetwork] = field(init=False, repr=False, compare=False, default=())
    _v4: Tables = field(init=False, repr=False, compare=False, default_factory=dict)
    _v6: Tables = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))
        _refuse_overlaps(self.groups)
        for group in self.groups:
            for network in group.networks:
                tables = self._v4 if network.version == 4 else self._v6  # noqa: PLR2004  # IPv4
                shift = network.max_prefixlen - network.prefixlen
                prefix = int(network.network_address) >> shift
                tables.setdefault(shift, {})[prefix] = group
        object.__setattr__(self, "networks", tuple(sorted(_numbered(self.groups))))

    def __bool__(self) -> bool:
        return bool(self.groups)

    def __iter__(self) -> Iterator[RemoteGroup]:
        return iter(self.groups)

    @property
    def fewest_ports(self) -> int:
        """The fewest ports that any remote has, in a group or not."""
        return min((LINUX_PORTS, *(group.ports for group in self.groups)))

    def find(self, address: bytes) -> RemoteGroup | None:
        """Return the group of an address of 16 bytes (IPv4 in its v4-mapped form), if any."""
        mapped = address.startswith(V4_MAPPED)
        number = int.from_bytes(address[12:] if mapped else address, "big")
        for shift, prefixes in (self._v4 if mapped else self._v6).items():
            group = prefixes.get(number >> shift)
            if group is not None:
                return group
        return None


def _numbered(groups: Sequence[RemoteGroup]) -> Iterator[GroupNetwork]:
    for number, group in enumerate(groups):
        for network in group.networks:
            packed = network.network_address.packed
            mapping = V4_MAPPED[: ADDRESS_BYTES - len(packed)]
            yield GroupNetwork(mapping + packed, network.prefixlen + 8 * len(mapping), number)


def _without_mapping(network: Network) -> Network:
    if isinstance(network, IPv4Network) or not network.subnet_of(V4_MAPPED_NETWORK):
        return network
    address = network.network_address.packed[len(V4_MAPPED) :]
    return IPv4Network((address, network.prefixlen - V4_MAPPED_NETWORK.prefixlen))


def _refuse_overlaps(groups: Sequence[RemoteGroup]) -> None:
    """Raise OverlapError for the first two networks that share addresses.

    Two networks are either disjoint or one contains the other. So, sorted by first address with
    wider ones first, two neighbours overlap if any two networks do.
    """
    places = [(g, n) for g, group in enumerate(groups) for n in range(len(group.networks))]

    def network_at(place: tuple[int, int]) -> Network:
        return groups[place[0]].networks[place[1]]

    def order(place: tuple[int, int]) -> tuple[int, int, int]:
        network = network_at(place)
        return network.version, int(network.network_address), network.prefixlen

    for pair in pairwise(sorted(places, key=order)):
        earlier, later = sorted(pair)
        if network_at(earlier).overlaps(network_at(later)):
            raise OverlapError(
                f"{network_at(later)} of group {groups[later[0]].name} overlaps "
                f"{network_at(earlier)} of group {groups[earlier[0]].name}",
                *later,
            )


NO_GROUPS = RemoteGroups()


class GroupKey(NamedTuple):
    """The pools of a group's remote addresses, added up."""

    local_address: bytes
    group: str
    port: bytes
    scope: int = 0
    ports: str = ""


ListedKey = PoolKey | GroupKey


@dataclass(frozen=True, slots=True)
class Grouping:
    """The pools that are shown, and the single pools known of each group.

    A group's limit is that of one address times the addresses in use.
    """

    usages: Mapping[ListedKey, Usage]
    members: Mapping[ListedKey, Sequence[PoolKey]]

    def members_of(self, key: ListedKey) -> Sequence[PoolKey]:
        """Return the single pools behind a key: itself, if it is not a group."""
        return (key,) if isinstance(key, PoolKey) else self.members.get(key, ())


def listed_key(key: PoolKey, groups: RemoteGroups) -> ListedKey:
    """Return the key under which a single pool is shown: that of its remote's group, if any."""
    group = groups.find(key.remote_address) if groups and key.remote_address else None
    return GroupKey(key.local_address, group.name, *key[2:]) if group else key


def group_name(key: GroupedKey, groups: RemoteGroups) -> GroupKey:
    """Return the key, with the group's name, of a sum in a tally."""
    return GroupKey(key.local_address, groups.groups[key.group].name, key.port, key.scope)


def group_pools(
    pools: Mapping[PoolKey, Usage], sums: Mapping[GroupKey, Usage], groups: RemoteGroups
) -> Grouping:
    """Replace the addresses of groups with the groups.

    pools: those kept individually. sums: over all addresses of a group, those in `pools` included.
    Pools that are in no sum are added up here.
    """
    usages: dict[ListedKey, Usage] = dict(sums.items())
    members: dict[ListedKey, list[PoolKey]] = {}
    for key, usage in pools.items():
        name = listed_key(key, groups)
        if not isinstance(name, GroupKey):
            usages[key] = usage
            continue
        members.setdefault(name, []).append(key)
        if name in sums:
            usages[name] = usages[name].refusing(usage.refused)
        else:
            usages[name] = usages[name].plus(usage) if name in usages else usage
    return Grouping(usages, members)
