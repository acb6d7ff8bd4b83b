"""Runs a system program that prints a setting, without a shell."""

import os
import subprocess
from collections.abc import Callable, Sequence

from tcp_pressure_exporter.facts.outcome import SourceError

SECONDS = 5.0
MAX_BYTES = 65_536

Run = Callable[[Sequence[str]], str]
# Windows: without this, a service would open a console window for each call.
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def run_command(arguments: Sequence[str]) -> str:
    """Return what a program prints; the first argument is its full path.

    Text that is not ASCII is replaced: words may be translated, numbers are not. Raises SourceError
    if it is absent (with the reason "absent"), fails, prints too much or takes longer than SECONDS.
    """
    name = arguments[0]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed path with fixed arguments, and no shell
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
            creationflags=NO_WINDOW,
        )
    except FileNotFoundError as error:
        raise SourceError(name, "absent") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(name, f"no answer within {SECONDS:.0f} s") from error
    except OSError as error:
        raise SourceError(name, error.strerror or str(error)) from error
    if done.returncode:
        said = done.stderr.decode("ascii", "replace").strip()[:200]
        raise SourceError(name, f"exit code {done.returncode} {said}".rstrip())
    if len(done.stdout) > MAX_BYTES:
        raise SourceError(name, f"printed more than {MAX_BYTES} bytes")
    return done.stdout.decode("ascii", "replace")
