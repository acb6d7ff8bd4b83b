"""A child process that talks line by line: one line in, one line out."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from benchmarks.failure import BenchmarkError
from benchmarks.programs import Command, start_talking

END_SECONDS = 10.0


class Conversation:
    """Our ends of a child's input and output. Every method may raise BenchmarkError."""

    def __init__(self, name: str, to: IO[str], back: IO[str]) -> None:
        self._name = name
        self._to = to
        self._back = back

    def ask(self, line: str = "") -> str:
        """Send a line and wait for the answering line."""
        try:
            self._to.write(f"{line}\n")
            self._to.flush()
        except BrokenPipeError as error:
            raise BenchmarkError(f"{self._name} ended") from error
        return self.hear()

    def hear(self) -> str:
        """Wait for a line."""
        if answer := self._back.readline():
            return answer.strip()
        raise BenchmarkError(f"{self._name} ended")


@contextmanager
def conversation(command: Command) -> Iterator[Conversation]:
    """Start a child that ends when its input does; make sure that it does."""
    with start_talking(command) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Conversation(" ".join(map(str, command)), process.stdin, process.stdout)
        finally:
            _end(process, process.stdin)


def _end(process: subprocess.Popen[str], stdin: IO[str]) -> None:
    with suppress(BrokenPipeError):  # it ended on its own, which ask() has reported
        stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
