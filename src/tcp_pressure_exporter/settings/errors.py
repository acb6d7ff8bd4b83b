"""Errors of the configuration file, in the words of its author."""

import re

from msgspec import ValidationError

from tcp_pressure_exporter.escaping import escape_controls

KEY_LENGTH = 200  # characters; a key may be as long as the file
NOUNS = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "a boolean",
    "null": "nothing",
    "object": "a mapping",
    "array": "a list",
}
# msgspec has one exception with a text. These are its texts for the types of the file.
PLACE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<key>[^`]*)`)?", re.DOTALL)
UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
MISSING = re.compile(r"Object missing required field `(?P<field>\w+)`")
WRONG_TYPE = re.compile(r"Expected `(?P<expected>[\w |]+)`, got `(?P<got>\w+)`")
BOUND = re.compile(r"Expected `\w+` (?P<sign>[<>]=) (?P<bound>[0-9.]+)")


class ConfigError(ValueError):
    """The configuration file cannot be used. Its text is one line, `KEY: reason`."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key[:KEY_LENGTH]
        self.reason = reason
        super().__init__(escape_controls(f"{self.key}: {reason}"))


def explain(error: ValidationError) -> ConfigError:
    """Turn msgspec's `Expected X, got Y - at $.path` into a ConfigError."""
    match = PLACE.fullmatch(str(error))
    assert match is not None  # its first part takes any text
    key, what = match["key"] or "", match["what"]
    for pattern in (UNKNOWN, MISSING):
        if field := pattern.fullmatch(what):
            reason = "unknown key" if pattern is UNKNOWN else "is missing"
            return ConfigError(f"{key}.{field['field']}".lstrip("."), reason)
    return ConfigError(key or "top level", _reason(what))


def _reason(what: str) -> str:
    if wrong := WRONG_TYPE.fullmatch(what):
        return f"expected {_expected(wrong)}, got {_got(wrong)}"
    if bound := BOUND.fullmatch(what):
        limit = float(bound["bound"])
        return f"must be at {'most' if bound['sign'] == '<=' else 'least'} {limit:g}"
    if what == "Expected `array` of length >= 1":
        return "must not be empty"
    return what


def _expected(wrong: re.Match[str]) -> str:
    """Name the types that would do, less the null of what may be left out."""
    types = wrong["expected"].removesuffix(" | null").split(" | ")
    return " or ".join(NOUNS[name] for name in types)


def _got(wrong: re.Match[str]) -> str:
    if wrong["expected"] == "int" and wrong["got"] == "float":
        return "a number with a fraction"
    return NOUNS[wrong["got"]]
