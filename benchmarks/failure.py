"""The one error of the suite."""


class BenchmarkError(Exception):
    """The suite cannot measure; the message says in one line what is missing or went wrong."""
