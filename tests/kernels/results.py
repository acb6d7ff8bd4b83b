"""The results of tests on kernels, and the tables in docs/platforms.md."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.kernels.differences import (
    DIFFERENCES,
    Difference,
    expected_failure,
    unexpected_facts,
)


class Result(NamedTuple):
    """One test on one kernel with one parser.

    right: whether it passed where it must, and failed where a difference says so.
    facts: what it recorded about the kernel.
    """

    kernel: str
    test: str
    parser: str
    passed: bool
    difference: Difference | None
    facts: Mapping[str, str]
    reason: str

    @property
    def right(self) -> bool:
        """Whether it is as expected."""
        as_expected = self.passed == (self.difference is None)
        return as_expected and not unexpected_facts(self.kernel, self.facts)

    @property
    def line(self) -> str:
        """The result as a line for people."""
        word = ("ok" if self.passed else "differs") if self.right else "WRONG"
        why = "" if self.passed else f": {self.difference.why if self.difference else self.reason}"
        why += "".join(f"; {text}" for text in unexpected_facts(self.kernel, self.facts))
        facts = "".join(f", {name}: {value}" for name, value in self.facts.items())
        test = self.test.removeprefix("tests/")
        return f"{self.kernel:11} {word:7} {test} ({self.parser}){facts}{why}"


def judged(kernel: str, line: Mapping[str, Any]) -> Result:
    """Return the result in a line from the machine."""
    return Result(
        kernel,
        line["test"],
        line["parser"],
        line["passed"],
        expected_failure(kernel, line["test"]),
        {name: str(value) for name, value in line["facts"].items()},
        line["reason"],
    )


def table_of_tests(results: Sequence[Result], releases: Mapping[str, str]) -> str:
    """Return a row for each kernel: by parser, how many tests were as on every kernel."""
    counts = Counter((r.kernel, r.parser, _word(r)) for r in results)
    parsers = sorted({r.parser for r in results})
    rows = [
        [kernel, releases.get(kernel, "–"), *(_cell(counts, kernel, parser) for parser in parsers)]
        for kernel in dict.fromkeys(r.kernel for r in results)
    ]
    return _markdown(["kernel", "release", *(f"{parser} parser" for parser in parsers)], rows)


def table_of_differences() -> str:
    """Return a row for each reason to fail."""
    rows = [[", ".join(difference.kernels), difference.why] for difference in DIFFERENCES]
    return _markdown(["differs on", "because"], rows)


def _word(result: Result) -> str:
    return ("as expected" if result.passed else "differs") if result.right else "wrong"


def _cell(counts: Mapping[tuple[str, str, str], int], kernel: str, parser: str) -> str:
    words = {word: counts[kernel, parser, word] for word in ("as expected", "differs", "wrong")}
    shown = [f"{n} {word}".removesuffix(" as expected") for word, n in words.items() if n]
    shown = [text if text == "1 differs" else text.replace("differs", "differ") for text in shown]
    return ", ".join(shown) or "–"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
