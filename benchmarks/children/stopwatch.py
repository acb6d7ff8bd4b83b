"""What the children share. Standard library only: psutil's environment has nothing else."""

import json
import sys
import time
from collections.abc import Callable


def answer_each_line(take: Callable[[], object]) -> None:
    """For each line on standard input, call `take` once and print how many seconds it took."""
    for _line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        take()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        sys.stdout.write(json.dumps({"wall": wall, "cpu": cpu}) + "\n")
        sys.stdout.flush()
