"""A result is right if it is the expected one, whether that is to pass or to fail."""

import pytest

from tests.kernels.results import Result, judged, table_of_tests

OUTBOUND = "tests/real_kernel/test_outbound.py"


def result(kernel: str, test: str, *, passed: bool, **facts: str) -> Result:
    line = {"test": test, "parser": "compiled", "passed": passed, "facts": facts, "reason": "E"}
    return judged(kernel, line)


@pytest.mark.parametrize(
    ("kernel", "passed", "right"),
    [("6.1", False, True), ("6.1", True, False), ("6.12", True, True), ("6.12", False, False)],
)
@pytest.mark.parametrize("parameters", ["", "[netlink]", "[10-netlink]"])
def test_difference(kernel: str, passed: bool, right: bool, parameters: str) -> None:  # noqa: FBT001
    """A test must fail where a difference says so, and only there: with any parameters."""
    found = result(kernel, f"{OUTBOUND}::test_bound_only_sockets{parameters}", passed=passed)
    assert found.right is right
    assert ("WRONG" in found.line) is not right


def test_fact() -> None:
    """What was seen of a kernel must match what is known about it."""
    assert result("6.1", f"{OUTBOUND}::test_plain_range", passed=True, HZ="250").right
    other = result("6.1", f"{OUTBOUND}::test_plain_range", passed=True, HZ="1000")
    assert not other.right
    assert other.line.endswith("HZ: 1000; HZ: 1000, expected 250")


def test_table() -> None:
    """Each kernel has a row, and what is missing is a dash."""
    results = [
        result("6.1", f"{OUTBOUND}::test_plain_range", passed=True, HZ="250"),
        result("6.1", f"{OUTBOUND}::test_bound_only_sockets", passed=False),
        result("6.12", f"{OUTBOUND}::test_plain_range", passed=False),
    ]
    assert table_of_tests(results, {"6.12": "6.12.118"}) == (
        "| kernel | release | compiled parser |\n| --- | --- | --- |\n"
        "| 6.1 | – | 1, 1 differs |\n| 6.12 | 6.12.118 | 1 wrong |\n"
    )
