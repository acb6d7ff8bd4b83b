"""The part of a document that a program writes between two marks."""

from benchmarks.failure import BenchmarkError

END = "<!-- end of results -->"


def with_part(document: str, begin: str, part: str, name: str) -> str:
    """Return the document with what is between the marks replaced.

    Without the marks, raises BenchmarkError, naming the document.
    """
    before, found, rest = document.partition(begin)
    _old, end, after = rest.partition(END)
    if not found or not end:
        raise BenchmarkError(f"{name} has no {begin} … {END}")
    return f"{before}{begin}\n\n{part}\n\n{END}{after}"
