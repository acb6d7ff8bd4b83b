"""Prometheus as an agent: it scrapes and sends, with the configuration that ships."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from deploy.demo.stack import TOOLS, running_program
from tests.support.places import DEPLOY

SHIPPED = DEPLOY / "engines" / "agent.yml"


@contextmanager
def running_agent(folder: Path, exporter: str, receiver: int) -> Iterator[None]:
    """Scrape the exporter, and send all to the receiver's port on loopback."""
    config: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    config["scrape_configs"][0] |= {"static_configs": [{"targets": [exporter]}]}
    config["remote_write"][0]["url"] = f"http://127.0.0.1:{receiver}/api/v1/write"
    path = folder / "agent.yml"
    path.write_text(yaml.safe_dump(config))
    command = [
        str(TOOLS / "bin" / "prometheus"),
        "--enable-feature=agent",
        f"--config.file={path}",
        f"--storage.agent.path={folder / 'agent'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with running_program(command, folder / "agent.log"):
        yield
