"""A real Prometheus scrapes the real exporter, over real sockets, in a separate namespace."""

from pathlib import Path

from tests.support.labs.exporter_process import running_exporter
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.labs.network_namespace import set_sysctl
from tests.support.labs.prometheus_server import running_prometheus, scrape_config

POOL = f'direction="outbound",remote_address="127.0.0.9",port="{SERVER_PORT}"'


def test_scrape(lab: Lab, tmp_path: Path) -> None:
    """Prometheus gets the sockets and the pool that were made, with the right numbers and types."""
    set_sysctl("tcp_tw_reuse", 0)
    for pair in [lab.connect("127.0.0.9") for _ in range(400)][:300]:
        time_wait_here(pair)
    with (
        running_exporter(tmp_path / "log", "--sample.interval=200ms") as exporter,
        running_prometheus(
            scrape_config({"exporter": f"127.0.0.1:{exporter.port}"}), tmp_path
        ) as prometheus,
    ):
        prometheus.wait_for('up{job="exporter"} == 1')
        (used,) = prometheus.query(f"tcp_pressure_pool_ports_used{{{POOL}}}")
        (time_wait,) = prometheus.query(f"tcp_pressure_pool_time_wait{{{POOL}}}")
        (limit,) = prometheus.query(f"tcp_pressure_pool_ports_limit{{{POOL}}}")
        (reclaimable,) = prometheus.query(f"tcp_pressure_pool_reclaimable{{{POOL}}}")
        types = prometheus.api("metadata", metric="tcp_pressure_pool_ports_used")
        scraped = prometheus.query("scrape_samples_scraped")
    # The exporter and Prometheus listen on ephemeral ports here: no connect() can take those two.
    assert (used.value, limit.value) == (400 + 2, 28232)
    assert (time_wait.value, reclaimable.value) == (300, 0)
    assert types["tcp_pressure_pool_ports_used"][0]["type"] == "gauge"
    assert scraped[0].value <= 500
