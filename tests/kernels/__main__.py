"""Boots the kernels of the matrix, runs the tests of the real kernel on each and tells the results.

    python -m tests.kernels [--quick] [--tests TEST]... [--kvm] [NAME...]

One line for each kernel and test. After a whole run, that is without --quick and --tests, the
tables in docs/platforms.md are written again.
Exit code 1 where a result is not the expected one.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.kernels.arm64 import arm64_root
from tests.kernels.debian import Debian, unpack
from tests.kernels.guest import Run
from tests.kernels.host_root import host_root
from tests.kernels.initramfs import Initramfs
from tests.kernels.machine import KVM, TCG, boot
from tests.kernels.matrix import ARM64, KERNELS, Kernel
from tests.kernels.modules import modules_in_order
from tests.kernels.results import (
    Result,
    judged,
    table_of_differences,
    table_of_tests,
)
from tests.support.places import ROOT

FOLDER = ROOT / ".tools" / "kernels"
REAL = "tests/real_kernel"
MODEL = "tests/kernels/test_model.py"
BPF = [
    f"tests/sources/bpf/{name}.py"
    for name in (
        *("test_loading", "test_port_failures", "test_bind_failures", "test_active_closes"),
        *("test_state_changes", "test_bind_hash"),
        *("walk/test_table", "walk/test_listeners", "walk/test_elsewhere"),
    )
]


def _files(*names: str) -> list[str]:
    return [f"{REAL}/test_{name}.py" for name in names]


QUICK: list[Run] = [
    {"parser": "compiled", "tests": [MODEL, *_files("against_ss", "canary", "nat", "close_wait")]},
    {"parser": "readable", "tests": [MODEL, *_files("against_ss")]},
]
# The tests of NAT, closes and CLOSE_WAIT run both parsers themselves.
ALL: list[Run] = [
    {"parser": "compiled", "tests": [MODEL, REAL, *BPF]},
    {"parser": "readable", "tests": [MODEL, *_files("against_ss", "inbound", "source")]},
]


def main() -> int:
    """Run what the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(prog="tests.kernels")
    parser.add_argument("--quick", action="store_true", help="a few tests only")
    parser.add_argument("--tests", action="append", metavar="TEST", help="only this")
    parser.add_argument("--kvm", action="store_true", help="not emulated: by this host's KVM")
    parser.add_argument("names", nargs="*", metavar="NAME", help="kernels; without one: all")
    arguments = parser.parse_args()
    known = [kernel.name for kernel in KERNELS]
    names = arguments.names or known
    if unknown := set(names) - set(known):
        parser.error(f"no such kernel: {', '.join(unknown)}; there are {', '.join(known)}")
    runs = plan(arguments.tests, quick=arguments.quick)
    run = partial(run_kernel, runs=runs, accelerator=KVM if arguments.kvm else TCG)
    # Of the two processors that each machine has, one is busy, and often only waits.
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        right = list(side_by_side.map(run, (kernel for kernel in KERNELS if kernel.name in names)))
    if runs is ALL:
        write_tables()
    return int(not all(right))


def plan(tests: list[str] | None, *, quick: bool) -> list[Run]:
    """Return what to run: the named tests, or a few, or ALL."""
    if tests:
        return [{"parser": "compiled", "tests": tests}]
    return QUICK if quick else ALL


def run_kernel(kernel: Kernel, runs: list[Run], accelerator: str) -> bool:
    """Boot a kernel, print its results and keep them; return whether there are any, all right."""
    package = fetch(kernel)
    initramfs = FOLDER / kernel.name / "initramfs"
    initramfs.write_bytes(root_of(kernel) + own_files(package, runs))
    image = next(package.rglob("vmlinu[xz]*"))
    started = time.monotonic()
    finished, lines = False, []
    results: list[Result] = []
    log = FOLDER / kernel.name / "console.log"
    for line in boot(kernel.machine, image, initramfs, log, accelerator):
        finished |= "finished" in line
        if "release" in line:
            lines.append(line)
            print(f"{kernel.name:11} is {line['release']}", flush=True)
        if "test" in line:
            lines.append(line)
            results.append(judged(kernel.name, line))
            print(results[-1].line, flush=True)
    finished &= bool(results)  # pytest may not even have started
    if finished and runs is ALL:
        (FOLDER / kernel.name / "results.json").write_text(json.dumps(lines))
    word = "finished" if finished else "DIED"
    print(f"{kernel.name:11} {word} after {time.monotonic() - started:.0f} s", flush=True)
    return finished and all(result.right for result in results)


def root_of(kernel: Kernel) -> bytes:
    """Return the archive with the programs of the machine."""
    if kernel.machine is ARM64:
        return arm64_root(FOLDER / "arm64")
    return host_root().archive()


def own_files(package: Path, runs: list[Run]) -> bytes:
    """Return the archive with the modules of a kernel, and what to run."""
    tree = Initramfs()
    for number, (name, content) in enumerate(modules_in_order(package)):
        tree.put(f"/modules/{number:03}-{name}", content)
    tree.put("/plan.json", json.dumps(runs).encode())
    return tree.archive()


def write_tables() -> None:
    """Write the results of each kernel's last whole run between the marks in docs/platforms.md."""
    told = [
        (kernel.name, line)
        for kernel in KERNELS
        if (saved := FOLDER / kernel.name / "results.json").exists()
        for line in json.loads(saved.read_text())
    ]
    results = [judged(kernel, line) for kernel, line in told if "test" in line]
    releases = {kernel: line["release"] for kernel, line in told if "release" in line}
    tables = {
        "tests": table_of_tests(results, releases),
        "differences": table_of_differences(),
    }
    path = ROOT / "docs" / "platforms.md"
    text = path.read_text()
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _old, end, after = rest.partition(f"<!-- end of {name} -->\n")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    path.write_text(text)


def fetch(kernel: Kernel) -> Path:
    """Return the folder with the kernel's package unpacked, downloading it if it is missing."""
    folder = FOLDER / kernel.name
    if not (folder / "root").exists():
        debian = Debian(folder / "apt", kernel.suites, kernel.machine.architecture)
        unpack(debian.download(debian.kernel_packages(kernel.package)), folder / "part")
        (folder / "part").rename(folder / "root")
    return folder / "root"


if __name__ == "__main__":
    sys.exit(main())
