"""Text from outside, made safe to print on one line."""

from typing import Any

SHOWN_LENGTH = 60  # characters of a value that an error line repeats


def escape_controls(text: str) -> str:
    r"""Write every character that does not print as \n, \xNN, \uNNNN or \UNNNNNNNN.

    So hostile text can neither start a new line nor steer a terminal: control characters, line
    and paragraph separators, direction marks and lone surrogates all go. A backslash is left alone:
    the result is for people to read, and escaping it again changes nothing.
    """
    return text if text.isprintable() else "".join(_escape(char) for char in text)


def escape_all(value: Any) -> Any:
    """Escape all text in a document, so that a program can print any of it safely."""
    match value:
        case str():
            return escape_controls(value)
        case list():
            return [escape_all(item) for item in value]
        case dict():
            return {key: escape_all(item) for key, item in value.items()}
        case _:
            return value


def quoted(text: str) -> str:
    """Escape the text, cut it to fit on one line, and put it in double quotes."""
    shown = escape_controls(text[:SHOWN_LENGTH])
    return f'"{shown}..."' if len(text) > SHOWN_LENGTH else f'"{shown}"'


def _escape(char: str) -> str:
    if char.isprintable():
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
