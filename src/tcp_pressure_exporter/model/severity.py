"""How bad something is; the value is also the exit code of the report."""

from enum import IntEnum


class Severity(IntEnum):
    """calm: nothing to do now. warning: by daylight. critical: at once."""

    CALM = 0
    WARNING = 1
    CRITICAL = 2
