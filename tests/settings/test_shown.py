"""The settings on the status page."""

from tcp_pressure_exporter.settings.config import Config, parse_config
from tcp_pressure_exporter.settings.options import parse_options
from tcp_pressure_exporter.settings.shown import shown_settings

OPTIONS = parse_options(["--sample.interval=1m30s"], {"pools": "", "limits": ""})
TEXT = """
pools: {top: 3}
groups: [{name: lb, cidrs: [10.0.0.0/8]}]
nat: [{address: 203.0.113.7, ports: 40000-49999}]
"""


def test_defaults() -> None:
    """Unset settings show as such."""
    shown = dict(shown_settings(OPTIONS, Config()))
    assert shown["--sample.interval"] == "90 s"
    assert shown["collectors"] == "limits, pools"
    assert shown["--config.file"] == shown["groups"] == shown["nat"] == "none"
    assert shown["--collector.netns"] == "off"


def test_file() -> None:
    """The configuration file counts as last read."""
    options = parse_options(["--collector.netns", "--config.file=/etc/x.yml"], {"pools": ""})
    shown = dict(shown_settings(options, parse_config(TEXT)))
    assert (shown["pools.top"], shown["groups"], shown["nat"]) == ("3", "lb", "1 range")
    assert shown["--collector.netns"] == "on, the 20 busiest"
    assert shown["--config.file"] == "/etc/x.yml"
