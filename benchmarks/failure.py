"""The suite's one error."""


class BenchmarkError(Exception):
    """The suite cannot measure; the message is one line that says what is missing or went wrong."""
