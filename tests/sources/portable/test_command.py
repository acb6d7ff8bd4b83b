"""System programs that print settings: real ones, run without a shell."""

import sys

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.portable import command
from tcp_pressure_exporter.sources.portable.command import run_command


def python(code: str) -> str:
    return run_command([sys.executable, "-c", code])


def test_output() -> None:
    """What the program prints comes back; its locale is C, and its standard input is empty."""
    code = "import os, sys; print(os.environ['LC_ALL'], len(sys.stdin.read()))"
    assert python(code).split() == ["C", "0"]


def test_no_shell() -> None:
    """Arguments are separate words, whatever a shell would make of them."""
    code = "import sys; print(sys.argv[1])"
    assert run_command([sys.executable, "-c", code, "$HOME; id"]).strip() == "$HOME; id"


def test_other_letters() -> None:
    """Text that is not ASCII is replaced, and the numbers stay."""
    printed = python(r"import sys; sys.stdout.buffer.write(b'\xcf\xee\xf0\xf2 : 49152')")
    assert printed.endswith(" : 49152")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit('no such property')", "exit code 1 no such property"),
        ("print('x' * 70_000)", "printed more than 65536 bytes"),
    ],
)
def test_failures(code: str, reason: str) -> None:
    """A program that fails, or prints too much, is an error with its reason."""
    with pytest.raises(SourceError) as raised:
        python(code)
    assert raised.value.reason == reason
    assert raised.value.operation == sys.executable


def test_absent() -> None:
    """A program that is not there is absent."""
    with pytest.raises(SourceError, match=r"^/nowhere/ipadm: absent$"):
        run_command(["/nowhere/ipadm", "show-prop"])


def test_not_executable() -> None:
    """A file that may not be run is an error with the system's reason."""
    with pytest.raises(SourceError, match="Permission denied"):
        run_command(["/etc/passwd"])


def test_silent_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that does not end is killed, and an error."""
    monkeypatch.setattr(command, "SECONDS", 0.2)
    with pytest.raises(SourceError, match="no answer within"):
        python("import time; time.sleep(60)")
