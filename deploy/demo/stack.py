"""Prometheus and Alertmanager with the shipped configuration, on loopback."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools" / "usr"
RULES = ROOT / "deploy" / "prometheus" / "rules"
CONFIG = ROOT / "deploy" / "prometheus" / "prometheus.yml"
ALERTMANAGER_CONFIG = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
MINUTES = re.compile(r"(for: |\[|offset )(\d+)m\b")


def hastened(rules: str, factor: int) -> str:
    """Return the text of a rules file with every duration in minutes divided by the factor."""
    return MINUTES.sub(lambda m: f"{m[1]}{max(int(m[2]) * 60 // factor, 1)}s", rules)


@contextmanager
def running_prometheus(
    folder: Path, port: int, exporters: Sequence[str], alertmanager: str, factor: int = 1
) -> Iterator[None]:
    """Scrape the exporters and alert by the shipped rules, sped up by the factor.

    exporters: none if nothing is scraped because others send what they scrape (remote write).
    """
    rules = folder / "rules"
    rules.mkdir()
    for path in RULES.glob("*.yml"):
        (rules / path.name).write_text(hastened(path.read_text(), factor))
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    if factor > 1:
        config["global"]["evaluation_interval"] = "1s"
    config["rule_files"] = [f"{rules}/*.yml"]
    if exporters:
        config["scrape_configs"][0]["static_configs"] = [{"targets": list(exporters)}]
    else:
        config["scrape_configs"] = []
    config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        str(TOOLS / "bin" / "prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *([] if exporters else ["--web.enable-remote-write-receiver"]),
    ]
    with running_program(command, folder / "prometheus.log"):
        yield


def with_webhook(port: int) -> dict[str, Any]:
    """Return the shipped Alertmanager configuration; each receiver is a path on that port."""
    document: dict[str, Any] = yaml.safe_load(ALERTMANAGER_CONFIG.read_text())
    document["receivers"] = [
        {
            "name": name,
            "webhook_configs": [{"url": f"http://127.0.0.1:{port}/{name}", "send_resolved": True}],
        }
        for name in (receiver["name"] for receiver in document["receivers"])
    ]
    return document


def hastened_waits(node: Any) -> Any:
    """Return an Alertmanager configuration that waits only seconds: a person is watching."""
    if isinstance(node, dict):
        waits = {"group_wait": "1s", "group_interval": "5s"}
        return {key: waits.get(key) or hastened_waits(value) for key, value in node.items()}
    return [hastened_waits(item) for item in node] if isinstance(node, list) else node


@contextmanager
def running_alertmanager(folder: Path, port: int, config: Path) -> Iterator[None]:
    """Run Alertmanager with a configuration, on its own: it looks for no peers."""
    command = [
        str(TOOLS / "bin" / "alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with running_program(command, folder / "alertmanager.log"):
        yield


@contextmanager
def running_program(command: Sequence[str], log: Path) -> Iterator[None]:
    """Run a program while the context lasts and this process lives; it writes to the log."""
    # setpriv becomes the program, which then dies with this process, however that ends.
    leashed = ["setpriv", "--pdeathsig", "KILL", *command]
    with (
        log.open("wb") as output,
        # Alertmanager looks for its templates from there.
        subprocess.Popen(leashed, stdout=output, stderr=output, cwd=TOOLS.parent) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
