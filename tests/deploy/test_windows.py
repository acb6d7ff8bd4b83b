"""The file for a Windows service wrapper; the wrapper itself was never run."""

import shlex
from xml.etree import ElementTree as ET

from tcp_pressure_exporter.settings.options import parse_options
from tests.support.places import ROOT

FILE = ROOT / "deploy" / "windows" / "tcp-pressure-exporter.xml"
SERVICE = ET.parse(FILE).getroot()  # noqa: S314 - our own


def text(name: str) -> str:
    found = SERVICE.findtext(name)
    assert found is not None
    return found


def test_program() -> None:
    """The service starts the console program where docs/platforms.md installs it."""
    folder = r"C:\Program Files\tcp-pressure-exporter"
    assert text("executable") == folder + r"\Scripts\tcp-pressure-exporter.exe"
    assert folder in (ROOT / "docs/platforms.md").read_text()


def test_flags() -> None:
    """Its flags are flags of the exporter."""
    options = parse_options(shlex.split(text("arguments")), {"sockets": ""})
    assert options.listen_addresses == (":10190",)
    assert options.log_format == "logfmt"


def test_rights() -> None:
    """It runs as an account without rights."""
    assert text("serviceaccount/username") == r"NT AUTHORITY\LocalService"
