"""Run by test_sanitizers.py together with the tests of BPF, to check what they test."""

import os
from pathlib import Path

from tcp_pressure_exporter.sources.bpf import _bpf


def test_module_under_test() -> None:
    """The extension in use is the one that was built with the sanitizers."""
    assert _bpf.__file__ is not None
    assert Path(_bpf.__file__).is_relative_to(os.environ["EXPECTED_SOURCE"])
    assert b"__asan_report_load" in Path(_bpf.__file__).read_bytes()
