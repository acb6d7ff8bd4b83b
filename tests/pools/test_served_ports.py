from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.pools.local_ports import ServedPorts, served_ports

NOW = 5000.0


def served(
    previous: ServedPorts, listening: list[int], held: list[int], now: float = NOW
) -> ServedPorts:
    return served_ports(previous, port_set(listening), port_set(held), now)


def test_listening() -> None:
    """A port that listens now is served, and was seen now."""
    assert served({443: NOW - 5}, [443, 8080], [443]) == {443: NOW, 8080: NOW}


def test_draining() -> None:
    """A port whose listener has closed stays served while sockets held it."""
    assert served({443: NOW - 5}, [], [443]) == {443: NOW - 5}


def test_drained() -> None:
    """A port that no socket held any more is not served."""
    assert served({443: NOW - 5}, [], [8080]) == {}


def test_forgotten() -> None:
    """Two minutes after the listener was last seen, its port is like any other."""
    assert served({443: NOW - 119.9}, [], [443]) == {443: NOW - 119.9}
    assert served({443: NOW - 120.0}, [], [443]) == {}


def test_seen_again() -> None:
    """A listener that comes back starts the two minutes again."""
    assert served({443: NOW - 119.9}, [443], []) == {443: NOW}


def test_port_that_never_listened() -> None:
    """A port that sockets hold and that never listened is not served."""
    assert served({}, [], [40000]) == {}
