"""What the types of a configuration file allow at one of its keys, in words for an error line."""

import re
from collections.abc import Sequence

from msgspec import inspect

STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>[0-9]+|\.\.\.)\]")
NOUNS: tuple[tuple[type[inspect.Type], str], ...] = (
    (inspect.IntType, "an integer"),
    (inspect.FloatType, "a number"),
    (inspect.StrType, "a string"),
    (inspect.BoolType, "true or false"),
    (inspect.ListType, "a list"),
    (inspect.DictType, "a mapping"),
    (inspect.StructType, "a mapping"),
)


def allowed_value(file: type, key: str) -> str:
    """Return what is allowed at a key such as `groups[0].ports`: "an integer from 1 to 65535"."""
    return " or ".join(_words(kind) for kind in _kinds_at(file, key))


def allowed_keys(file: type, key: str) -> tuple[str, ...]:
    """Return the keys allowed in the mapping at a key; none means any. "" is the whole file."""
    return tuple(
        field.name
        for kind in _kinds_at(file, key)
        if isinstance(kind, inspect.StructType)
        for field in kind.fields
    )


def _kinds_at(file: type, key: str) -> Sequence[inspect.Type]:
    """Return the types of which one is allowed at a key; none where the key is not known."""
    kinds = _alternatives(inspect.type_info(file))
    for step in STEP.finditer(key):
        kinds = [inner for kind in kinds for inner in _inside(kind, step["name"])]
    return kinds


def _inside(kind: inspect.Type, name: str | None) -> Sequence[inspect.Type]:
    match kind:
        case inspect.StructType(fields=fields):
            found = [field.type for field in fields if field.name == name]
            return [inner for one in found for inner in _alternatives(one)]
        case inspect.ListType(item_type=item) if name is None:
            return _alternatives(item)
        case inspect.DictType(value_type=value):
            return _alternatives(value)
        case _:
            return ()


def _alternatives(kind: inspect.Type) -> Sequence[inspect.Type]:
    """Return the types of a union, without the null of an optional value."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return [one for one in kinds if not isinstance(one, inspect.NoneType)]


def _words(kind: inspect.Type) -> str:
    noun = next(noun for known, noun in NOUNS if isinstance(kind, known))
    if isinstance(kind, (inspect.IntType, inspect.FloatType)) and kind.ge is not None:
        return f"{noun} from {kind.ge} to {kind.le}"
    return noun
