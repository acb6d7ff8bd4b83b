"""Child: lists all TCP sockets with psutil, as exporters and scripts in Python do."""

import psutil

from benchmarks.children.stopwatch import answer_each_line

if __name__ == "__main__":
    answer_each_line(lambda: psutil.net_connections(kind="tcp"))
