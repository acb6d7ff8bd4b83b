"""What was counted, by process."""

from collections import Counter

from tcp_pressure_exporter.sources.bpf.active_closes import ActiveCloses


def closers(active_closes: ActiveCloses) -> dict[tuple[str, bool], int]:
    """Add up the rows by process, and by whether the connections were accepted."""
    sums: Counter[tuple[str, bool]] = Counter()
    for found, number in active_closes.active_closes().rows.items():
        sums[found.process, found.accepted] += number
    return dict(sums)
