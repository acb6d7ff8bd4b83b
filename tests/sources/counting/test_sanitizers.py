"""The compiled parser under AddressSanitizer and UndefinedBehaviorSanitizer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.counting.extension import SOURCES, build_extension
from tests.support.places import ROOT

pytestmark = pytest.mark.time_limit(300)
FLAGS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
TESTS = [
    *("test_bound.py", "../netlink/test_bound_sockets.py"),
    *("test_tally.py", "test_tally_formula.py", "test_tally_recording.py"),
    *("../bpf/walk/test_walked_tally.py", "../bpf/walk/test_identities.py"),
    *("test_readable_conntrack.py", "test_conntrack_faults.py", "test_conntrack_recording.py"),
]


def test_tally_under_sanitizers(tmp_path: Path) -> None:
    """All tests of the tally, random and damaged dumps included, run clean with both sanitizers."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    build_extension(tmp_path / SOURCES.relative_to(ROOT) / "_tally.abi3.so", *FLAGS)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "src"),
        "PYTHONMALLOC": "malloc",  # so that the sanitizer watches Python's buffers too
        "LD_PRELOAD": runtime("libasan.so"),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaves memory; the fuzzer looks for leaks
        "EXPECTED_SOURCE": str(tmp_path),
    }
    tests = [f"tests/sources/counting/{name}" for name in [*TESTS, "sanitized_module.py"]]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]


def runtime(library: str) -> str:
    """Return where the compiler keeps a library of the sanitizers."""
    found = subprocess.run(
        ["cc", f"-print-file-name={library}"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()
