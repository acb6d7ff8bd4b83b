"""Lets `python -m tcp_pressure_exporter` run the command."""

from tcp_pressure_exporter.daemon.command import main

raise SystemExit(main())
