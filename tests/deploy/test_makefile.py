"""`make help` shows the targets on one screen."""

import re
import subprocess

from tests.support.places import ROOT

INTERNAL = {"tools", "help", "bpf"}  # bpf: for authors of programs, CONTRIBUTING.md


def test_help() -> None:
    """Every target meant for people has a line, and all fit into 80 columns by 24 lines."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE)[0].split())
    command = ["make", "--no-print-directory", "help"]
    lines = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {line.split()[0] for line in lines} == phony - INTERNAL
    assert len(lines) == len(phony - INTERNAL) <= 24
    assert max(map(len, lines)) <= 80
