import importlib
import subprocess
import sys

import pytest

from tcp_pressure_exporter.daemon.command import hidden_module


def test_hidden() -> None:
    """Inside the block the module cannot be imported; after it, everything is as before."""
    before = sys.modules["subprocess"]
    with hidden_module("subprocess"), pytest.raises(ImportError):
        importlib.import_module("subprocess")
    assert sys.modules["subprocess"] is before


def test_unknown_before() -> None:
    """A module not imported before can be imported after the block."""
    code = (
        "import sys\n"
        "from tcp_pressure_exporter.daemon.command import hidden_module\n"
        "with hidden_module('this'): pass\n"
        "assert 'this' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_daemon_does_without_rich() -> None:
    """What the daemon imports does not import rich, which belongs to the report."""
    code = (
        "import sys\n"
        "from tcp_pressure_exporter.daemon import command as cli\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('rich', 'pygments')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
