"""Runs a program on a pseudo-terminal, as a person would."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence

CTRL_C = b"\x03"
ROWS = 24


def run_on_terminal(
    command: Sequence[str],
    *,
    columns: int,
    typed: Sequence[tuple[str, bytes]] = (),
    **environment: str,
) -> tuple[int, str]:
    """Return the exit code of a program and what it wrote to a terminal of that many columns.

    typed: what to type once a text has been written since the last time. The variables COLUMNS and
    LINES, which would override the size of the terminal, are not set.
    """
    inherited = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES"}}
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],  # so that Ctrl-C is a signal
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | environment,
    ) as process:
        os.close(theirs)
        output = _read(ours, typed)
    os.close(ours)
    return process.returncode, output


def _read(terminal: int, typed: Sequence[tuple[str, bytes]]) -> str:
    output, waited, rest = b"", 0, list(typed)
    while True:
        try:
            output += os.read(terminal, 65_536)
        except OSError:  # EIO: the program has closed the terminal
            return output.decode()
        if rest and rest[0][0] in output[waited:].decode(errors="ignore"):
            waited = len(output)
            os.write(terminal, rest.pop(0)[1])
