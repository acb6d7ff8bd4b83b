"""Every query of the dashboards, asked of a real Prometheus that scrapes the real exporter."""

import math
import re
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.grafana.dashboard import FOLDER, Query, interpolate, load, queries, variables
from tests.prometheus_server import (
    PrometheusServer,
    free_port,
    running_prometheus,
    scrape_config,
    stop,
)

DASHBOARDS = sorted(FOLDER.glob("*.json"))
JOB = "tcp-pressure-exporter"
QUERIES = [query for path in DASHBOARDS for query in queries(load(path))]
CONNECTIONS = 20


@contextmanager
def connections(count: int) -> Iterator[None]:
    """Hold connections over loopback, and as many TIME_WAIT, so that each direction has a pool."""
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=count) as server:
        for number in range(2 * count):
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
            if number < count:
                stack.enter_context(client)
                stack.enter_context(accepted)
            else:
                accepted.close()
                client.close()
        yield


@contextmanager
def running_exporter(folder: Path) -> Iterator[str]:
    """Start the exporter, which lists pools of any size; give its address."""
    config = folder / "exporter.yml"
    config.write_text("pools: {min_ratio: 0}\n")
    address = f"127.0.0.1:{free_port()}"
    command = [
        *("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tcp_pressure_exporter"),
        f"--web.listen-address={address}",
        f"--config.file={config}",
        "--sample.interval=1s",
    ]
    with (folder / "exporter.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield address
    finally:
        stop(process)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Prometheus with a few seconds of the exporter's metrics."""
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        connections(CONNECTIONS),
        running_exporter(folder) as address,
        running_prometheus(scrape_config({JOB: address}), folder) as server,
    ):
        server.wait_for("count(count by (direction) (tcp_pressure_pool_ports_used)) == 3")
        server.wait_for("count_over_time(process_cpu_seconds_total[10s]) > 2")
        yield server


def values(choice: str) -> dict[str, str]:
    """Return the variables as Grafana fills them in: all, or the one that is chosen."""
    chosen = {"job": JOB, "instance": r"127\\.0\\.0\\.1:.+", "netns": "host"}
    every = dict.fromkeys(chosen, ".+")
    return (chosen if choice == "one" else every) | {"__rate_interval": "10s"}


@pytest.mark.parametrize("choice", ["all", "one"])
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.panel)
def test_each_query_finds_numbers(prometheus: PrometheusServer, query: Query, choice: str) -> None:
    """A query of a panel gives at least one series, only numbers, and names that differ."""
    expression = interpolate(query.expression, values(choice))
    found = prometheus.query(expression) if query.instant else prometheus.query_range(expression)
    assert found, expression
    assert not any(math.isnan(value) for series in found for _time, value in series.points)
    names = Counter(query.name_of(series.labels) for series in found)
    assert set(names.values()) == {1}, names
    assert all(name.strip() for name in names)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_each_variable_has_values(prometheus: PrometheusServer, path: Path) -> None:
    """The menus on top of the dashboard are not empty."""
    for variable in variables(load(path)).values():
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found, variable
        selector = interpolate(found[1], values("all"))
        assert prometheus.query(f"count by ({found[2]}) ({selector})"), variable["name"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_each_annotation_is_a_valid_query(prometheus: PrometheusServer, path: Path) -> None:
    """Prometheus accepts the queries of the annotations; on a host in order they find nothing."""
    for annotation in load(path)["annotations"]["list"]:
        assert prometheus.query(interpolate(annotation["expr"], values("all"))) == []
