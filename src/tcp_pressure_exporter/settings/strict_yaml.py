"""YAML without its surprises: one document of plain mappings, lists and scalars."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from tcp_pressure_exporter.escaping import quoted

MAX_DEPTH = 20  # levels of nesting; PyYAML recurses for each
SURROGATE = re.compile("[\ud800-\udfff]")  # only escapes can produce them; UTF-8 has none
TAG = "tag:yaml.org,2002:"


class YamlError(ValueError):
    """The text is not YAML of this kind. line and column count from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.line = line
        self.column = column


def parse_yaml(text: str) -> Any:
    """Return the dicts, lists, strings, numbers, booleans and None of a YAML text.

    Plain scalars follow the core schema of YAML 1.2 (section 10.3.2), with decimal numbers only:
    `no` is a string, and neither `010` nor `1:30` is a number. Duplicate keys, keys that are not
    strings, aliases, tags, surrogates and deep nesting are refused. Raises YamlError.
    """
    try:
        loader = StrictLoader(text)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        reason = f"character U+{ord(text[error.position]):04X} is not allowed"
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        raise YamlError(reason, line, column) from error
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        assert mark is not None  # PyYAML always gives these errors a place
        raise YamlError(_reason(error), mark.line + 1, mark.column + 1) from error
    except (ValueError, OverflowError) as error:
        # PyYAML's scanner lets errors from chr() and int() through, for example on "\\UFFFFFFFF".
        mark = loader.get_mark()
        raise YamlError("number out of range", mark.line + 1, mark.column + 1) from error


class StrictLoader(yaml.SafeLoader):
    """PyYAML's SafeLoader with the restrictions of parse_yaml."""

    # The key None means: try them on every plain scalar. What matches none of them is a string.
    yaml_implicit_resolvers = {  # noqa: RUF012  # the base class declares it so
        None: [
            (TAG + "null", re.compile(r"(~|null|Null|NULL|)\Z")),
            (TAG + "bool", re.compile(r"(true|True|TRUE|false|False|FALSE)\Z")),
            (TAG + "int", re.compile(r"[-+]?(0|[1-9][0-9]{0,999})\Z")),
            (TAG + "float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?\Z")),
            (TAG + "float", re.compile(r"([-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan)\Z")),
        ]
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose the next node unless it is an alias, has a tag or is too deep."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # a gap in the stubs
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases are not supported", event.start_mark)
        if event.tag is not None:
            raise _refusal("tags are not supported", event.start_mark)
        if isinstance(event, yaml.ScalarEvent) and SURROGATE.search(event.value):
            raise _refusal("half a surrogate pair is not a character", event.start_mark)
        if self._depth == MAX_DEPTH:
            raise _refusal(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # PyYAML's signature
        """Construct the mapping unless a key is not a string, is empty or is repeated."""
        seen = set()
        for key, _ in node.value:
            if key.tag != TAG + "str":
                raise _refusal("a key must be a string", key.start_mark)
            if not key.value:
                raise _refusal("a key must not be empty", key.start_mark)
            if key.value in seen:
                raise _refusal(f"duplicate key {quoted(key.value)}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


STEP_INTO_LIST = re.compile(r"\[([0-9]{1,6})\]\.?")


def line_of(text: str, key: str) -> int | None:
    """Return the line of a key such as `groups[1].ports`, counted from 1; None if there is none.

    If the key is not there, it is the line of the innermost mapping or entry that should have it.
    """
    try:
        node = StrictLoader(text).get_single_node()
    except (yaml.YAMLError, ValueError, OverflowError):
        return None
    line, step = None, _step(node, key)
    while step is not None:
        line, node, key = step
        step = _step(node, key)
    return line


def _step(node: yaml.Node | None, key: str) -> tuple[int, yaml.Node, str] | None:
    """Follow a key by one step: return the line, the node there, and the rest of the key."""
    if isinstance(node, yaml.SequenceNode) and (index := STEP_INTO_LIST.match(key)):
        if int(index[1]) >= len(node.value):
            return None
        item = node.value[int(index[1])]
        return item.start_mark.line + 1, item, key[index.end() :]
    if not isinstance(node, yaml.MappingNode) or not key:
        return None
    # A key may contain dots, so another key may be a prefix of it: the longest match counts.
    found = [pair for pair in node.value if _begins(key, pair[0].value)]
    if not found:
        return None
    name, value = max(found, key=lambda pair: len(pair[0].value))
    return name.start_mark.line + 1, value, key[len(name.value) :].removeprefix(".")


def _begins(key: str, name: object) -> bool:
    return isinstance(name, str) and key.startswith(name) and key[len(name) :][:1] in {"", ".", "["}


def _reason(error: yaml.MarkedYAMLError) -> str:
    """Return PyYAML's problem, which without its context may begin with "but"."""
    problem = error.problem or "not valid YAML"
    return f"{error.context}, {problem}" if problem.startswith("but") else problem


def _refusal(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
