"""Child: walks past all sockets to find those only bound, as the daemon does at its start."""

from benchmarks.children.stopwatch import answer_each_line
from tcp_pressure_exporter.facts.bound import BoundRules
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets


def main() -> None:
    """Walk once per line; a new source knows nothing yet, so its walk is due."""

    def walk() -> None:
        parser = best_parser()
        sockets = NetlinkSockets(parser.tally, parser.tally_bound)
        sockets.bound_sockets(BoundRules())
        sockets.close()

    answer_each_line(walk)


if __name__ == "__main__":
    main()
