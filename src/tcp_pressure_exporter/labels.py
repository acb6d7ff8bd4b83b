"""Values of labels that users choose."""

import re

LABEL_VALUE = re.compile(r"[A-Za-z0-9._-]{1,63}")


def parse_label(text: str) -> str:
    """Return the text if it is safe as the value of a label, in any tool. Raises ValueError."""
    if LABEL_VALUE.fullmatch(text) is None:
        raise ValueError('must be 1 to 63 letters, digits, ".", "_" or "-"')
    return text
