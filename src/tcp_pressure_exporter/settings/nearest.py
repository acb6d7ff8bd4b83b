"""The known word that a mistyped one is nearest to, for an error line that helps."""

from collections.abc import Iterable

CLOSE = 0.7  # difflib's ratio: below it, "--once" is not taken for "--json"
LONGEST = 60  # characters to compare: a word may be as long as a file


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean X?` with the nearest of the known words, "" where none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - takes memory; only for an error

    near = get_close_matches(word[:LONGEST], list(known), n=1, cutoff=CLOSE)
    return f", did you mean {near[0]}?" if near else ""
