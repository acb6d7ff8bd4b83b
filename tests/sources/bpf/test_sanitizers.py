"""The compiled part for BPF under AddressSanitizer and UndefinedBehaviorSanitizer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.counting.extension import BPF, build_extension
from tests.sources.counting.test_sanitizers import FLAGS, runtime
from tests.support.places import ROOT

pytestmark = [pytest.mark.bpf, pytest.mark.time_limit(300)]
TESTS = ("test_calls.py", "test_loading.py", "test_port_failures.py", "sanitized_module.py")


def test_calls_under_sanitizers(tmp_path: Path) -> None:
    """The tests of the calls, on the real kernel and with any input, run clean under both."""
    shutil.copytree(ROOT / "src", tmp_path / "src")
    build_extension(tmp_path / BPF.relative_to(ROOT) / "_bpf.abi3.so", *FLAGS, folder=BPF)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "src"),
        "PYTHONMALLOC": "malloc",  # so that the sanitizer watches Python's buffers too
        "LD_PRELOAD": runtime("libasan.so"),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python itself leaks memory
        "EXPECTED_SOURCE": str(tmp_path),
    }
    tests = [f"tests/sources/bpf/{name}" for name in TESTS]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
