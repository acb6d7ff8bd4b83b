import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import get_args, get_origin

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.directions import NatRanges
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.settings.config import Config, ConfigFile, load_config, parse_config
from tcp_pressure_exporter.settings.reading import ConfigError
from tests.support.messages.socket_entries import sixteen_bytes
from tests.support.places import DEPLOY, DOCS

DOCUMENT = DOCS / "configuration.md"
DEFAULTS = Config(ListingRule(top=10, min_ratio=0.01), RemoteGroups())


def test_whole_file() -> None:
    """Each key of the file reaches the Config."""
    text = """
pools: {top: 3, min_ratio: 0.5}
groups:
  - {name: lb, cidrs: [10.0.0.5/32, 10.0.1.0/24], ports: 28232}
  - name: partner.eu
    cidrs:
      - ::ffff:192.0.2.0/120
      - 2001:db8::1
nat:
  - {address: 203.0.113.7, ports: 40000-49999}
runbook_url: https://git.example/tcp/v1/
"""
    lb = RemoteGroup("lb", (ip_network("10.0.0.5"), ip_network("10.0.1.0/24")), 28232)
    partner = RemoteGroup("partner.eu", (ip_network("192.0.2.0/24"), ip_network("2001:db8::1")))
    nat = NatRanges({sixteen_bytes("203.0.113.7"): 10_000})
    groups = RemoteGroups([lb, partner])
    url = "https://git.example/tcp/v1"
    assert parse_config(text) == Config(ListingRule(3, 0.5), groups, nat, runbook_url=url)


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n", "---\n", "{}", "pools: {}", "groups: []", "nat: []"]
)
def test_defaults(text: str) -> None:
    """Keys missing from a file have their defaults; an empty file lacks all of them."""
    assert parse_config(text) == DEFAULTS == Config()


@pytest.mark.parametrize("top", [0, 100])
def test_bounds_are_included(top: int) -> None:
    """Both ends of each range are valid; an integer is a number."""
    config = parse_config(f"""
pools: {{top: {top}, min_ratio: {top // 100}}}
groups: [{{name: {"a" * 63}, cidrs: [0.0.0.0/0], ports: {max(1, top * 655 + 35)}}}]
""")
    assert config.listing == ListingRule(top, top / 100)


NAT = "nat: [{address: 203.0.113.7, ports: %s}]"
GROUP = "groups: [{name: a, cidrs: [10.0.0.0/8]}, %s]"
TOP_KEYS = "(known here: pools, groups, nat, sources, runbook_url)"
GROUP_KEYS = "(known here: name, cidrs, ports)"
BAD_NAME = 'must be 1 to 63 letters, digits, ".", "_" or "-"'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("pools: {top: '10'}", "pools.top: must be an integer from 0 to 100, got a string"),
        ("pools: {top: true}", "pools.top: must be an integer from 0 to 100, got a boolean"),
        (
            "pools: {top: 1.0}",
            "pools.top: must be an integer from 0 to 100, got a number with a fraction",
        ),
        ("pools: {top: }", "pools.top: must be an integer from 0 to 100, got nothing"),
        ("pools: {top: [1]}", "pools.top: must be an integer from 0 to 100, got a list"),
        ("pools: {top: 101}", "pools.top: must be an integer from 0 to 100"),
        ("pools: {top: -1}", "pools.top: must be an integer from 0 to 100"),
        (f"pools: {{top: {'9' * 500}}}", "pools.top: must be an integer from 0 to 100"),
        ("pools: {min_ratio: 1.01}", "pools.min_ratio: must be a number from 0 to 1"),
        ("pools: {min_ratio: -0.01}", "pools.min_ratio: must be a number from 0 to 1"),
        ("pools: {min_ratio: .nan}", "pools.min_ratio: must be a number from 0 to 1"),
        ("pools: {min_ratio: .inf}", "pools.min_ratio: must be a number from 0 to 1"),
        ("pools: {min_ratio: many}", "pools.min_ratio: must be a number from 0 to 1, got a string"),
        ("pools:", "pools: must be a mapping, got nothing"),
        (
            "pools: {tops: 1}",
            "pools.tops: unknown key, did you mean top? (known here: top, min_ratio)",
        ),
        ("gnat: []", f"gnat: unknown key, did you mean nat? {TOP_KEYS}"),
        ("runbook_url: 7", "runbook_url: must be a string, got an integer"),
        (
            "runbook_url: javascript:x",
            'runbook_url: must be an http:// or https:// URL without a query (got "javascript:x")',
        ),
        (
            "runbook_url: 'http://a\"b'",
            'runbook_url: must be an http:// or https:// URL without a query (got "http://a"b")',
        ),
        ("'a\\n` - at `$.b`': 1", rf"a\n` - at `$.b`: unknown key {TOP_KEYS}"),
        ('"a\\n": 1', rf"a\n: unknown key {TOP_KEYS}"),
        ("[]", "top level: must be a mapping, got a list"),
        ("text", "top level: must be a mapping, got a string"),
        ("3: 4", "line 1, column 1: a key must be a string"),
        ("pools: {'': 4}", "line 1, column 9: a key must not be empty"),
        ("groups: {}", "groups: must be a list, got a mapping"),
        ("groups: [lb]", "groups[0]: must be a mapping, got a string"),
        (GROUP % "{name: b}", "groups[1].cidrs: is missing"),
        (GROUP % "{cidrs: [::1]}", "line 1, column 51: expected the node content, but found ':'"),
        (GROUP % "{cidrs: [fe80::1]}", "groups[1].name: is missing"),
        (GROUP % "{name: b, cidrs: []}", "groups[1].cidrs: must not be empty"),
        (GROUP % "{name: b, cidrs: 11.0.0.0/8}", "groups[1].cidrs: must be a list, got a string"),
        (GROUP % "{name: b, cidrs: [1]}", "groups[1].cidrs[0]: must be a string, got an integer"),
        (GROUP % "{name: 1, cidrs: [b]}", "groups[1].name: must be a string, got an integer"),
        (GROUP % "{name: '', cidrs: [b]}", f'groups[1].name: {BAD_NAME} (got "")'),
        (GROUP % '{name: "b\\n", cidrs: [b]}', f'groups[1].name: {BAD_NAME} (got "b\\n")'),
        (GROUP % "{name: b c, cidrs: [b]}", f'groups[1].name: {BAD_NAME} (got "b c")'),
        (
            GROUP % "{name: 10.0.0.1, cidrs: [b]}",
            'groups[1].name: must not be an IP address (got "10.0.0.1")',
        ),
        (GROUP % "{name: a, cidrs: [b]}", "groups[1].name: a is the name of another group"),
        (
            GROUP % "{name: b, cidrs: [b], ports: 0}",
            "groups[1].ports: must be an integer from 1 to 65535",
        ),
        (
            GROUP % "{name: b, cidrs: [b], ports: 65536}",
            "groups[1].ports: must be an integer from 1 to 65535",
        ),
        (
            GROUP % "{name: b, cidrs: [b], port: 1}",
            f"groups[1].port: unknown key, did you mean ports? {GROUP_KEYS}",
        ),
        ("nat: {}", "nat: must be a list, got a mapping"),
        ("nat: [203.0.113.7]", "nat[0]: must be a mapping, got a string"),
        ("nat: [{address: 203.0.113.7}]", "nat[0].ports: is missing"),
        ("nat: [{ports: 40000-49999}]", "nat[0].address: is missing"),
        ("nat: [{address: 1, ports: 2}]", "nat[0].address: must be a string, got an integer"),
        (NAT % "40000", "nat[0].ports: must be a string, got an integer"),
        (NAT % "[1, 2]", "nat[0].ports: must be a string, got a list"),
        (
            NAT % "1-2, port: 1",
            "nat[0].port: unknown key, did you mean ports? (known here: address, ports)",
        ),
        (NAT % "2-1", 'nat[0].ports: must be a range such as 40000-49999 (got "2-1")'),
    ],
)
def test_bad_file(text: str, line: str) -> None:
    """A bad file is one line with the key, or the place, and the reason in plain words."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert str(caught.value) == line
    assert line == f"{caught.value.key}: {caught.value.reason}".replace("\n", r"\n")


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("here", 'must be an IP network (got "here")'),
        ("11.0.0.0/33", 'must be an IP network (got "11.0.0.0/33")'),
        ("11.0.0.256", 'must be an IP network (got "11.0.0.256")'),
        ("", 'must be an IP network (got "")'),
        (
            "11.0.0.1/8",
            'has bits set beyond its prefix, did you mean 11.0.0.0/8? (got "11.0.0.1/8")',
        ),
        ("fe80::1%eth0", 'must not name an interface (got "fe80::1%eth0")'),
        ("10.1.0.0/16", "10.1.0.0/16 of group b overlaps 10.0.0.0/8 of group a"),
        ("0.0.0.0/0", "0.0.0.0/0 of group b overlaps 10.0.0.0/8 of group a"),
        ("12.0.0.0/8", "12.0.0.0/8 of group b overlaps 12.0.0.0/8 of group b"),
        ("::ffff:10.1.0.0/112", "10.1.0.0/16 of group b overlaps 10.0.0.0/8 of group a"),
    ],
)
def test_bad_network(cidr: str, reason: str) -> None:
    """A bad or overlapping network is named by its place in the file."""
    with pytest.raises(ConfigError) as caught:
        parse_config(GROUP % f"{{name: b, cidrs: [12.0.0.0/8, {cidr!r}]}}")
    assert str(caught.value) == f"groups[1].cidrs[1]: {reason}"


def test_load(tmp_path: Path) -> None:
    """A file is read as UTF-8, with or without a byte order mark."""
    path = tmp_path / "config.yml"
    path.write_bytes(b"\xef\xbb\xbf# \xc3\xbc\npools: {top: 3}\n")
    assert load_config(path).listing.top == 3


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are an error that names the file and the place."""
    path = tmp_path / "config.yml"
    path.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: not UTF-8 at byte 2"


def test_file_size_limit(tmp_path: Path) -> None:
    """A file of 1 MiB is read, one byte more is refused."""
    path = tmp_path / "config.yml"
    path.write_bytes(b"#" * 1024 * 1024)
    assert load_config(path) == DEFAULTS
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match="larger than 1048576 bytes"):
        load_config(path)


def test_unreadable_file(tmp_path: Path) -> None:
    """A path that cannot be read is the key of the error, with the system's reason."""
    for path, reason in (
        (tmp_path / "no\nne", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value) == f"{path}: {reason}".replace("\n", r"\n")


WORDS = ["pools", "groups", "nat", "top", "min_ratio", "name", "cidrs", "ports", "address", "1-2"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3)
    ),
)


@given(VALUES)
def test_any_document(document: object) -> None:
    """Any document gives a Config or a ConfigError of one printable line."""
    text = msgspec.json.encode(document).decode()  # JSON is YAML, except for its \\u escapes
    line = "key: reason"
    try:
        parse_config(text)
    except ConfigError as error:
        line = str(error)
    assert line.isprintable()
    assert re.fullmatch(r".+: .+", line)


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    """Any text gives a Config or a ConfigError, and no other exception."""
    with suppress(ConfigError):
        parse_config(text)


def test_the_shipped_example() -> None:
    """deploy/config.yml is a good file that uses every section."""
    example = (DEPLOY / "config.yml").read_text()
    assert yaml.safe_load(example).keys() == set(ConfigFile.__struct_fields__)
    config = parse_config(example)
    assert [group.name for group in config.groups] == ["lb", "partner"]
    assert config.listing == DEFAULTS.listing
    assert config.nat == NatRanges({sixteen_bytes("198.51.100.7"): 10_000})
    assert config.runbook_url


def keys(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Walk the keys of the file as the document writes them."""
    for field in msgspec.structs.fields(struct):
        inner, name = field.type, prefix + field.name
        if get_origin(inner) is list:
            (inner,) = get_args(inner)
            name += "[]"
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from keys(inner, name + ".")
        else:
            yield name


def test_document_has_every_key() -> None:
    """docs/configuration.md has a table row for each key of the file."""
    documented = set(re.findall(r"^\| `([^`]*)`", DOCUMENT.read_text(), re.MULTILINE))
    assert set(keys(ConfigFile)) - documented == set()
