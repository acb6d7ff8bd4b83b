"""The harness that runs a real Prometheus in other tests."""

from pathlib import Path

import pytest

from tests.support.labs.prometheus_server import (
    PrometheusError,
    free_port,
    running_prometheus,
    scrape_config,
)


def test_prometheus_starts_answers_and_stops(tmp_path: Path) -> None:
    """A target that nobody serves is down, and the process has ended afterwards."""
    config = scrape_config({"nobody": f"127.0.0.1:{free_port()}"})
    with running_prometheus(config, tmp_path) as server:
        assert server.wait_for('up{job="nobody"}')[0].value == 0
        assert server.query("1 + 1")[0].value == 2
        assert {p[1] for p in server.query_range("vector(7)", seconds=5)[0].points} == {7}
    assert server.process.returncode == 0


def test_a_refused_expression_is_an_error(tmp_path: Path) -> None:
    """Prometheus's own words about a broken expression reach the caller."""
    with (
        running_prometheus(scrape_config({}), tmp_path) as server,
        pytest.raises(PrometheusError, match="parse error"),
    ):
        server.query("sum(")


def test_a_bad_configuration_is_an_error_with_the_log(tmp_path: Path) -> None:
    """A Prometheus that ends immediately is reported together with what it logged."""
    with pytest.raises(PrometheusError, match="field nonsense not found"):  # noqa: SIM117  # raised on entry
        with running_prometheus("nonsense: 1\n", tmp_path):
            pass
