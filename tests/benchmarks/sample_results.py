"""Results as a run would find them, in round numbers."""

from benchmarks.results import Case, DaemonRow, Idle, Machine, Results, Row


def row(contender: str, ratio: float, wall_ms: float = 1.0) -> Row:
    return Row(contender, 5, 100_000, wall_ms, 1.0, ratio, ratio - 0.1, ratio + 0.1)


def case(sockets: int, ours: float, *, light: bool = False) -> Case:
    """Return a case where the exporter takes `ours` times the floor and node_exporter 3 times."""
    rows = [
        row("floor: dump and discard, in C", 1.0, 100),
        row("node_exporter, tcpstat only", 3.0, 300),
        row("exporter, compiled parser", ours, 100 * ours),
        row("exporter, in an empty namespace beside it", 0.5),
    ]
    daemon = [DaemonRow("compiled", 0.25, 44.0, 9, 300, 98, 3.0, 24.0, 30.0)]
    return Case(f"{sockets:,} sockets", sockets, light, rows, daemon)


def results(*cases: Case) -> Results:
    machine = Machine("2024-05-06", "A <fast> CPU", 2, "6.1.0", 262_144, {"exporter": "1.2"})
    return Results(machine, Idle(60, 0.3, 0.15, 30, 1.5), list(cases))
