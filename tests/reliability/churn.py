"""Holds the daemon against the kernel while connections come and go as fast as the machine can.

usage: python -m tests.reliability.churn [SECONDS [RATE]] [--write]     as root; 600 s, as fast
as it can

In a network namespace of its own. Every sample that the daemon publishes is compared with its own
sums, with what the load tool has done and with the kernel's own count around it; some with ss.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.reliability.churn_record import (
    Kernel,
    Load,
    Record,
    Seen,
    Ss,
    check,
    figures_of,
    seen_on,
)
from tests.reliability.results import keep, split_write
from tests.reliability.scraping import Scrape, scraping
from tests.support.labs.exporter_process import running_exporter
from tests.support.labs.meanwhile import meanwhile
from tests.support.labs.network_namespace import network_namespace, set_sysctl

SOURCE = Path(__file__).with_suffix(".c")
WORKERS, TIME_WAIT_PERCENT, DESTINATIONS = 2, 10, 200
FLAGS = ("--sample.interval=1s", "--no-collector.nat")
SS_SECONDS = 10.0
KERNEL_SECONDS = 0.05
SAME_SECONDS = 0.1  # two different samples are further apart
SETTINGS = {
    "ip_local_port_range": "1024 65535",
    "tcp_tw_reuse": "0",
    "tcp_max_tw_buckets": "1000000",
}


def run(seconds: float, rate: float = 0.0) -> Record:
    """Load a namespace for that long, and record what was seen."""
    record = Record()
    with tempfile.TemporaryDirectory() as name, network_namespace():
        folder = Path(name)
        for setting, value in SETTINGS.items():
            set_sysctl(setting, value)
        with running_exporter(folder / "log", *FLAGS) as exporter, scraping(exporter) as scrape:
            record.before = _next_sample(scrape, time.monotonic())
            with (
                _load(compiled(folder), (seconds, rate), record),
                meanwhile(lambda: record.kernel.append(_kernel_count()), KERNEL_SECONDS),
            ):
                _watch(scrape, record, time.monotonic() + seconds)
            record.settled = _next_sample(scrape, time.monotonic())
            record.settled_ss = _count_by_ss()
        record.log = (folder / "log").read_text()
    return record


def compiled(folder: Path) -> Path:
    """Compile the load tool into the folder and return it."""
    program = folder / "churn"
    flags = ("-O2", "-Wall", "-Wextra", "-std=gnu17", "-pthread")
    subprocess.run(["cc", *flags, "-o", program, SOURCE], check=True)
    return program


def _next_sample(scrape: Scrape, moment: float) -> Seen:
    """Return the first sample that began after a moment."""
    end = time.monotonic() + 120
    while (seen := seen_on(scrape())).moment <= moment:
        assert time.monotonic() < end, "no sample"
        time.sleep(0.1)
    return seen


@contextmanager
def _load(program: Path, duty: tuple[float, float], record: Record) -> Iterator[None]:
    """Run the load tool and record its lines, until it ends by itself."""
    seconds, rate = duty
    numbers = (WORKERS, rate, TIME_WAIT_PERCENT, DESTINATIONS, seconds)
    command: list[str] = [str(program), *map(str, numbers)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                moment, connections, time_waits = line.split()
                record.loads.append(Load(float(moment), int(connections), int(time_waits)))

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
            reader.join(60)
        finally:
            process.kill()
            reader.join()
    assert process.returncode in {0, -9}


def _kernel_count() -> Kernel:
    text = Path("/proc/thread-self/net/sockstat").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("TCP:")]
    words = line.split()
    return Kernel(time.monotonic(), int(words[words.index("tw") + 1]))


def _watch(scrape: Scrape, record: Record, end: float) -> None:
    """Record every sample until `end`, and what ss counts now and then."""
    next_ss = time.monotonic() + SS_SECONDS / 2
    while (now := time.monotonic()) < end:
        seen = seen_on(scrape())
        if not record.seen or seen.moment > record.seen[-1].moment + SAME_SECONDS:
            record.seen.append(seen)
        if now > next_ss:
            record.ss.append(Ss(now, _count_by_ss(), time.monotonic()))
            next_ss = now + SS_SECONDS
        time.sleep(0.1)


def _count_by_ss() -> int:
    done = subprocess.run(["ss", "-Htan", "state", "time-wait"], stdout=subprocess.PIPE, check=True)
    return done.stdout.count(b"\n")


def main() -> None:
    """Run as the arguments say, print what was seen, and fail if anything disagrees."""
    arguments, write = split_write(sys.argv[1:])
    seconds, rate = (*map(float, arguments), *(600.0, 0.0)[len(arguments) :])
    record = run(seconds, rate)
    for line in check(record):
        sys.stdout.write(f"{line}\n")
    if write:
        speed = f" at {rate:,.0f} a second" if rate else ", as fast as it can"
        keep("churn", f"{seconds:.0f} s{speed}", figures_of(record))


if __name__ == "__main__":
    main()
