"""Child: the daemon as it runs without the compiled parser."""

import sys

# None here makes the import fail, as a missing extension does: the import statement, sys.modules.
sys.modules["tcp_pressure_exporter.sources.counting._tally"] = None  # type: ignore[assignment]

from tcp_pressure_exporter.__main__ import main  # noqa: E402 - only now

if __name__ == "__main__":
    raise SystemExit(main())
