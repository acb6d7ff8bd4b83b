"""Child: walks past all sockets for those that are bound only, as the daemon does at its start."""

from benchmarks.children.stopwatch import answer_each_line
from tcp_pressure_exporter.sources.systems.namespace import Namespace


def main() -> None:
    """Walk once for each line; a new Namespace knows nothing yet, so that its walk is due."""

    def walk() -> None:
        namespace = Namespace()
        namespace.bound_sockets()
        namespace.close()

    answer_each_line(walk)


if __name__ == "__main__":
    main()
