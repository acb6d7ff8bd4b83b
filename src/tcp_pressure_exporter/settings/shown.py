"""The settings that the status page shows: those in effect, from the flags and the file."""

from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.settings.options import Options


def shown_settings(options: Options, config: Config) -> tuple[tuple[str, str], ...]:
    """Return (flag or key of the file, value)."""
    others = options.others
    return (
        ("--sample.interval", f"{options.interval:g} s"),
        ("--sample.max-cpu", f"{options.max_cpu:g}"),
        ("--sample.source", options.source),
        ("--web.telemetry-path", options.telemetry_path),
        ("--netns.name", options.netns),
        ("--collector.netns", f"on, the {others.most} busiest" if others else "off"),
        ("collectors", ", ".join(sorted(options.collectors))),
        ("--config.file", str(options.config_file or "none")),
        ("pools.top", str(config.listing.top)),
        ("pools.min_ratio", f"{config.listing.min_ratio:g}"),
        ("groups", ", ".join(group.name for group in config.groups) or "none"),
        ("runbook_url", config.runbook_url or "none"),
        ("nat", _ranges(len(config.nat.ports))),
    )


def _ranges(number: int) -> str:
    return f"{number} range{'s' if number > 1 else ''}" if number else "none"
