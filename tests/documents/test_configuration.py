"""The errors that docs/configuration.md shows are those of the program."""

import re
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import run_exporter
from tests.support.places import DOCS

TEXT = (DOCS / "configuration.md").read_text()
SHOWN = re.findall(r"^(?:tcp-pressure-exporter: error: .+|/etc/tpe\.yml: .+)$", TEXT, re.MULTILINE)
FLAGS = ("--sample.interval=-1s",)
FILES = (
    "pools:\n  top: many\n",
    "#\n#\ngroups:\n- name: lb\n  cidrs: [10.0.0.0/8]\n\n- name: db\n  cidrs:\n    - 10.0.1.0/24\n",
)


def told(*flags: str) -> str:
    """Return the one line of the program when it refuses to start."""
    done = run_exporter(*flags)
    assert done.returncode == 2
    return done.stderr.strip()


@pytest.mark.parametrize("flag", FLAGS)
def test_errors_of_flags(flag: str) -> None:
    """They match word for word."""
    assert told(flag) in SHOWN


@pytest.mark.parametrize("content", FILES)
def test_errors_of_the_file(tmp_path: Path, content: str) -> None:
    """They match except for the file's folder."""
    file = tmp_path / "tpe.yml"
    file.write_text(content)
    line = told(f"--config.file={file}").replace(str(tmp_path), "/etc")
    assert {line, line.removeprefix("tcp-pressure-exporter: error: --config.file: ")} & {*SHOWN}


def test_each_error_is_tried() -> None:
    """No line of the document is left out."""
    assert len(SHOWN) == len(FLAGS) + len(FILES)
