"""A manifest whose parts depend on values, and its text as a Helm template."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import yaml

Node = Any  # what YAML can hold, and the two kinds below


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that Helm inserts: the text between the braces. block: it is a map or a list."""

    text: str
    block: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A node that is there if the condition holds; otherwise `otherwise`, or nothing if None."""

    condition: str
    node: Node
    otherwise: Node = None


def render(manifest: Mapping[str, Node]) -> str:
    """Return the template of a manifest."""
    return "\n".join(_map(manifest, 0)) + "\n"


def _map(nodes: Mapping[str, Node], indent: int) -> Iterator[str]:
    for condition, group in groupby(nodes.items(), lambda item: _condition(item[1])):
        entries = dict(group)
        if condition is None:
            for key, node in entries.items():
                yield from _entry(key, node, indent)
            continue
        kept = {key: choice.node for key, choice in entries.items()}
        others = {key: choice.otherwise for key, choice in entries.items()}
        otherwise = {key: node for key, node in others.items() if node is not None}
        yield from _either(condition, _map(kept, indent), _map(otherwise, indent))


def _entry(key: str, node: Node, indent: int) -> Iterator[str]:
    start = f"{' ' * indent}{key}:"
    if isinstance(node, list) and node and all(map(_condition, node)):
        # Without entries it is an empty list, not nothing.
        conditions = " ".join(dict.fromkeys(" ".join(map(_operands, node)).split()))
        whole = (start, *_list(node, indent + 2))
        yield from _either(f"or {conditions}", whole, (f"{start} []",))
    elif isinstance(node, Expression) and node.block:
        yield from (
            start,
            f"{' ' * (indent + 2)}{{{{- toYaml {node.text} | nindent {indent + 2} }}}}",
        )
    elif isinstance(node, Mapping) and node:
        yield from (start, *_map(node, indent + 2))
    elif isinstance(node, list) and node:
        yield from (start, *_list(node, indent + 2))
    else:
        yield f"{start} {_scalar(node)}"


def _list(nodes: Sequence[Node], indent: int) -> Iterator[str]:
    for condition, group in groupby(nodes, _condition):
        if condition is None:
            for node in group:
                yield from _item(node, indent)
        else:
            yield from _either(condition, _list([choice.node for choice in group], indent), ())


def _item(node: Node, indent: int) -> Iterator[str]:
    start = " " * indent
    if isinstance(node, Expression) and node.block:  # further entries of the list
        yield f"{start}{{{{- with {node.text} }}}}"
        yield f"{start}{{{{- toYaml . | nindent {indent} }}}}"
        yield f"{start}{{{{- end }}}}"
    elif isinstance(node, Mapping):
        first, *rest = _map(node, indent + 2)
        yield from (f"{start}- {first.lstrip()}", *rest)
    else:
        yield f"{start}- {_scalar(node)}"


def _condition(node: Node) -> str | None:
    return node.condition if isinstance(node, Choice) else None


def _operands(choice: Choice) -> str:
    return choice.condition.removeprefix("or ")


def _either(condition: str, then: Iterable[str], otherwise: Iterable[str]) -> Iterator[str]:
    yield f"{{{{- if {condition} }}}}"
    yield from then
    if others := tuple(otherwise):
        yield from ("{{- else }}", *others)
    yield "{{- end }}"


def _scalar(node: Node) -> str:
    if isinstance(node, Expression):
        return f"{{{{ {node.text} }}}}"
    text: str = yaml.safe_dump(node, default_flow_style=True, allow_unicode=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")
