"""The compose file: checked by Docker's own program, and started with stand-ins for its images.

No registry is used: Prometheus and Alertmanager come from Debian packages. Grafana has none, so it
is not started; what is mounted into it is checked against its configuration.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.labs.network_namespace import network_namespace
from tests_ship.commands import output, wait_until
from tests_ship.containers import BASE, Engine
from tests_ship.places import DEPLOY, IMAGE, PROGRAMS, ROOT, SHIP

FILE = DEPLOY / "compose.yaml"
STARTED = ("exporter", "prometheus", "alertmanager")


@cache
def services() -> dict[str, dict[str, Any]]:
    """Return the services as Docker reads them, with absolute paths."""
    text = output(SHIP / "docker-compose", "-f", FILE, "config", "--format=json")
    found: dict[str, dict[str, Any]] = json.loads(text)["services"]
    return found


def test_docker_accepts_it() -> None:
    """Docker's program has no complaint."""
    assert output(SHIP / "docker-compose", "-f", FILE, "config", "--quiet") == ""


def test_each_image_is_pinned() -> None:
    """Every image is tagged with one release; ours with this version."""
    images = {name: service["image"] for name, service in services().items()}
    assert images["exporter"] == IMAGE
    assert all(image.rpartition(":")[2].strip("v")[0].isdigit() for image in images.values())


@pytest.mark.parametrize("name", ["exporter", "prometheus", "alertmanager", "grafana"])
def test_each_is_confined(name: str) -> None:
    """None has a capability or can gain one, and none writes outside its volumes."""
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    binds = [volume for volume in service.get("volumes", []) if volume["type"] == "bind"]
    assert all(bind["read_only"] and Path(bind["source"]).is_dir() for bind in binds)


def test_grafana_finds_what_is_mounted() -> None:
    """Its provisioning reads dashboards from where they are, and Prometheus where it answers."""
    grafana = services()["grafana"]
    mounts = {volume["target"]: volume["source"] for volume in grafana["volumes"]}
    provisioning = Path(mounts["/etc/grafana/provisioning"])
    for path in (provisioning / "dashboards").glob("*.yml"):
        for provider in yaml.safe_load(path.read_text())["providers"]:
            shown = Path(mounts[provider["options"]["path"]])
            assert list(shown.rglob("*.json"))
    (sources,) = (provisioning / "datasources").glob("*.yml")
    (source,) = yaml.safe_load(sources.read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert grafana["extra_hosts"] == ["prometheus=127.0.0.1"]
    assert "--web.listen-address=127.0.0.1:9090" in services()["prometheus"]["command"]


@contextmanager
def started(engine: Engine) -> Iterator[None]:
    """Start the services except Grafana in a network of their own, and take them down."""
    compose = (str(ROOT / ".venv" / "bin" / "podman-compose"), "--file", str(FILE))
    with network_namespace():
        try:
            output(*compose, "up", "--detach", "--no-build", *STARTED, environ=engine.environ)
            yield
        finally:
            output(*compose, "down", "--volumes", environ=engine.environ)


def make_stand_ins(engine: Engine) -> None:
    """Make images of Debian's programs, with the names and paths of the real ones."""
    share = ROOT / ".tools" / "usr" / "share" / "prometheus"
    for name in ("prometheus", "alertmanager"):
        engine.make_image(
            services()[name]["image"],
            *((PROGRAMS / name, f"/bin/{name}"), (share, "/usr/share/prometheus")),
            base=BASE,
            entrypoint=f"/bin/{name}",
        )


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.loads(answer.read())


def is_scraped() -> bool:
    query = "/api/v1/query?query=up%7Bjob%3D%22tcp-pressure-exporter%22%7D"
    try:
        result = ask(9090, query)["data"]["result"]
    except OSError:
        return False
    return [series["value"][1] for series in result] == ["1"]


def test_it_starts(engine: Engine) -> None:
    """Prometheus scrapes the exporter, has loaded the rules, and knows Alertmanager."""
    make_stand_ins(engine)
    with started(engine):
        wait_until(is_scraped, "a scrape")
        groups = ask(9090, "/api/v1/rules")["data"]["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
        assert len({group["file"] for group in groups}) == len(
            list(DEPLOY.glob("prometheus/rules/*"))
        )
        wait_until(
            lambda: bool(ask(9090, "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]), "it"
        )
        assert ask(9093, "/api/v2/status")["cluster"]["status"] in {"ready", "disabled"}
