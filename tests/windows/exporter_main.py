"""Runs the exporter with Windows' Python: the folders to import from, then the exporter's flags."""

import sys

sys.path[:0] = sys.argv[1:3]
sys.argv[1:] = sys.argv[3:]

from tcp_pressure_exporter.__main__ import main  # noqa: E402 - found in these folders

raise SystemExit(main())
