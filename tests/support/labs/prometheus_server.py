"""A real Prometheus for tests: started on a free loopback port, asked by its HTTP API, stopped."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.support.places import TOOLS

PROGRAMS = TOOLS
PROMETHEUS = PROGRAMS / "prometheus"
PROMTOOL = PROGRAMS / "promtool"


class PrometheusError(Exception):
    """Prometheus did not start, refused a request, or did not show the expected result in time."""


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its (time, value) points, oldest first."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class PrometheusServer:
    """A running Prometheus. Its log is kept for the messages of failures."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, expression: str) -> list[Series]:
        """Evaluate now. Raises PrometheusError if Prometheus refuses the expression."""
        return _series(self.api("query", query=expression))

    def query_range(self, expression: str, seconds: float = 60, step: float = 1) -> list[Series]:
        """Evaluate at each step of the last seconds."""
        now = time.time()
        data = self.api("query_range", query=expression, start=now - seconds, end=now, step=step)
        return _series(data)

    def wait_for(self, expression: str, timeout: float = 30) -> list[Series]:
        """Ask until the expression has a result; raise PrometheusError after timeout seconds."""
        deadline = time.monotonic() + timeout
        while not (found := self.query(expression)):
            if time.monotonic() > deadline:
                raise self.failure(f"nothing in {timeout} s for {expression}")
            self.pause()
        return found

    def api(self, endpoint: str, **parameters: str | float) -> Any:
        """Return the data of one request to /api/v1/."""
        status, body = self.get(f"/api/v1/{endpoint}?{urlencode(parameters)}")
        answer = json.loads(body)
        if answer["status"] != "success":
            raise self.failure(f"{endpoint} {parameters}: {status} {answer['error']}")
        return answer["data"]

    def get(self, path: str) -> tuple[int, bytes]:
        """Return the status and the body of one request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()

    def is_ready(self) -> bool:
        try:
            return self.get("/-/ready")[0] == http.HTTPStatus.OK
        except OSError:  # not listening yet
            return False

    def pause(self, seconds: float = 0.1) -> None:
        """Wait a moment before the next look, unless Prometheus dies meanwhile."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise self.failure(f"Prometheus ended with {self.process.returncode}")

    def failure(self, reason: str) -> PrometheusError:
        return PrometheusError(f"{reason}\n{self.log.read_text()[-4000:]}")


def scrape_config(targets: Mapping[str, str], rules: Sequence[Path] = ()) -> str:
    """Return a configuration that scrapes each job's address and evaluates rules every second."""
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [address]}]}
                for job, address in targets.items()
            ],
        }
    )


@contextmanager
def running_prometheus(
    config: str, folder: Path, timeout: float = 30
) -> Iterator[PrometheusServer]:
    """Start Prometheus with this configuration, its files in folder; stop it at the end.

    Raises PrometheusError if it is not ready after timeout seconds.
    """
    (folder / "prometheus.yml").write_text(config)
    log = folder / "prometheus.log"
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(_command(folder, port), stdout=output, stderr=output)
    server = PrometheusServer(port, process, log)
    try:
        _wait_until_ready(server, timeout)
        yield server
    finally:
        stop(process)


def free_port() -> int:
    """Return a loopback TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[bytes], timeout: float = 10) -> None:
    """End the process: politely, then by force after timeout seconds."""
    process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(folder: Path, port: int) -> list[str]:
    # setpriv becomes Prometheus, which then dies with the test run, however that ends.
    return [
        *("setpriv", "--pdeathsig", "KILL", str(PROMETHEUS)),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _wait_until_ready(server: PrometheusServer, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not server.is_ready():
        if time.monotonic() > deadline:
            raise server.failure(f"Prometheus is not ready after {timeout} s")
        server.pause()


def _series(data: Any) -> list[Series]:
    if data["resultType"] == "scalar":
        return [Series({}, [_point(data["result"])])]
    return [
        Series(result["metric"], [_point(p) for p in result.get("values") or [result["value"]]])
        for result in data["result"]
    ]


def _point(pair: tuple[float, str]) -> tuple[float, float]:
    return pair[0], float(pair[1])
