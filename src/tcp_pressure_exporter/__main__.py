"""The command: the exporter, or with `report` as the first argument the report.

`python -m tcp_pressure_exporter` runs it, too.
"""

import os
import signal
import sys

REPORT = "report"


def main() -> int:
    """Run the command and return its exit code; whatever the user got wrong exits with 2."""
    try:
        return run(sys.argv[1:])
    except KeyboardInterrupt:  # Ctrl-C while it starts: nobody else handles it yet
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)  # ends as Ctrl-C ends any program, without a traceback
        raise


def run(arguments: list[str]) -> int:
    """Run the exporter or the report, and return the exit code."""
    # Each is imported only if it runs: the daemon does without the report's tables.
    if arguments[:1] == [REPORT]:
        from tcp_pressure_exporter.daemon.report import command as report  # noqa: PLC0415 - above

        return report.main(arguments[1:])
    from tcp_pressure_exporter.daemon import command as exporter  # noqa: PLC0415 - see above

    return exporter.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
