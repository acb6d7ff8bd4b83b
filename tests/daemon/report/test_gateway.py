"""The report on a NAT gateway, on real translated connections."""

from pathlib import Path

from tests.daemon.report.process import look, report
from tests.support.labs.gateway_lab import OUTSIDE, SERVER, open_gateway_lab, snat


def test_nat_pool(tmp_path: Path) -> None:
    """A NAT pool with 9 in 10 ports taken is critical, with its own advice."""
    config = tmp_path / "config.yml"
    config.write_text(f"nat:\n  - address: {OUTSIDE}\n    ports: 40000-40009\n")
    with open_gateway_lab() as lab:
        snat("masquerade to :40000-40009")
        for _ in range(9):
            lab.connect()
        code, document = look(f"--config.file={config}")
        printed = report(f"--config.file={config}").stdout
    (pool,) = [pressure for pressure in document["pressures"] if pressure["kind"] == "nat"]
    assert (code, pool["severity"], pool["used"], pool["limit"]) == (2, "critical", 9, 10)
    assert pool["name"] == f"{OUTSIDE} → {SERVER}:9000"
    assert "This gateway has few ports left" in " ".join(printed.split())


def test_gateway_whose_range_nobody_told() -> None:
    """A single report sees that a gateway drops connections, although its pool looks empty."""
    with open_gateway_lab() as lab:
        snat("masquerade to :40000-40009")
        for _ in range(10):
            lab.connect()
        for _ in range(5):
            lab.start(SERVER)
        code, document = look()
    names = [finding["name"] for finding in document["findings"]]
    assert (code, document["verdict"]) == (2, "critical")
    assert names == ["conntrack_drops", "conntrack_inserts_failed"]
    assert document["actions"][0]["subjects"] == ["conntrack_drops"]
