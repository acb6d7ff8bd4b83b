"""The configuration file: YAML text → Config."""

import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from tcp_pressure_exporter.escaping import quoted
from tcp_pressure_exporter.pools.directions import NatRanges
from tcp_pressure_exporter.pools.explicit import SourceRanges
from tcp_pressure_exporter.pools.groups import (
    DEFAULT_PORTS,
    OverlapError,
    RemoteGroup,
    RemoteGroups,
)
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.settings.ranges import nat_ranges, network, source_ranges
from tcp_pressure_exporter.settings.reading import (
    ConfigError,
    converted,
    located,
    read_text,
    yaml_document,
)
from tcp_pressure_exporter.settings.values import parse_label

BASE_URL = re.compile(r"https?://[A-Za-z0-9._~:/@%+\[\]-]{1,500}")
MAX_TOP = 100  # pools per direction and namespace: beyond it the series outgrow their budget


@dataclass(frozen=True, slots=True)
class Config:
    """What the configuration file says; without a file, the defaults."""

    listing: ListingRule = field(default_factory=ListingRule)
    groups: RemoteGroups = field(default_factory=RemoteGroups)
    nat: NatRanges = field(default_factory=NatRanges)
    sources: SourceRanges = field(default_factory=SourceRanges)
    runbook_url: str | None = None


class PoolsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The mapping `pools`."""

    top: Annotated[int, Meta(ge=0, le=MAX_TOP)] = ListingRule().top
    min_ratio: Annotated[float, Meta(ge=0, le=1)] = ListingRule().min_ratio


class GroupEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the list `groups`."""

    name: str
    cidrs: Annotated[list[str], Meta(min_length=1)]
    ports: Annotated[int, Meta(ge=1, le=65535)] = DEFAULT_PORTS


class NatEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the list `nat`."""

    address: str
    ports: str


class SourceEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the list `sources`."""

    address: str
    ports: str


class ConfigFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    pools: PoolsSection = PoolsSection()
    groups: list[GroupEntry] = []
    nat: list[NatEntry] = []
    sources: list[SourceEntry] = []
    runbook_url: str = ""


def configured(file: Path | None, top: int | None) -> Config:
    """Return the configuration in the file, if there is one; `top` overrides its pools.top.

    Raises ConfigError.
    """
    config = load_config(file) if file else Config()
    return config if top is None else replace(config, listing=replace(config.listing, top=top))


def load_config(path: Path) -> Config:
    """Read and parse a configuration file of at most 1 MiB of UTF-8.

    Raises ConfigError, which names the file, the line and the key.
    """
    text = read_text(path)
    try:
        return parse_config(text)
    except ConfigError as error:
        raise located(error, path, text) from error


def parse_config(text: str) -> Config:
    """Parse the text of a configuration file; an empty one gives the defaults.

    Raises ConfigError, which names the key, or the line and column where the YAML is bad.
    """
    file = converted(yaml_document(text), ConfigFile)
    return Config(
        ListingRule(file.pools.top, file.pools.min_ratio),
        _remote_groups(file.groups),
        nat_ranges((entry.address, entry.ports) for entry in file.nat),
        source_ranges((entry.address, entry.ports) for entry in file.sources),
        _base_url("runbook_url", file.runbook_url) if file.runbook_url else None,
    )


def _base_url(key: str, text: str) -> str:
    """Return a URL to which a path can be added (RFC 3986), without the slash at its end."""
    if not BASE_URL.fullmatch(text):
        reason = f"must be an http:// or https:// URL without a query (got {quoted(text)})"
        raise ConfigError(key, reason)
    return text.rstrip("/")


def _remote_groups(entries: list[GroupEntry]) -> RemoteGroups:
    names: set[str] = set()
    for index, entry in enumerate(entries):
        _check_name(f"groups[{index}].name", entry.name)
        if entry.name in names:
            raise ConfigError(f"groups[{index}].name", f"{entry.name} is the name of another group")
        names.add(entry.name)
    try:
        return RemoteGroups([_remote_group(index, entry) for index, entry in enumerate(entries)])
    except OverlapError as error:
        key = f"groups[{error.group}].cidrs[{error.network}]"
        raise ConfigError(key, str(error)) from error


def _check_name(key: str, name: str) -> None:
    """Raise ConfigError unless the name can take the place of a remote address in labels."""
    try:
        parse_label(name)
    except ValueError as error:
        raise ConfigError(key, f"{error} (got {quoted(name)})") from error
    try:
        ip_address(name)
    except ValueError:
        return  # as it must be: a group whose name looks like an address would be taken for one
    raise ConfigError(key, f"must not be an IP address (got {quoted(name)})")


def _remote_group(index: int, entry: GroupEntry) -> RemoteGroup:
    networks = (
        network(f"groups[{index}].cidrs[{position}]", text)
        for position, text in enumerate(entry.cidrs)
    )
    return RemoteGroup(entry.name, tuple(networks), entry.ports)
