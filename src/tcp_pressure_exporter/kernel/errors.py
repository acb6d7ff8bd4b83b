"""The one error that every source of this package raises."""


class SourceError(Exception):
    """A source could not be read or its answer made no sense; names the operation."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason
