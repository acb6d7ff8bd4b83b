"""A Page as HTML, by templates that escape everything they are given."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tcp_pressure_exporter.escaping import escape_controls
from tcp_pressure_exporter.figures import short_time
from tcp_pressure_exporter.pages.status.page import Page
from tcp_pressure_exporter.pages.status.rows import HEIGHT, WIDTH
from tcp_pressure_exporter.verdict.details.sysctl_steps import KEPT_IN, SHELL
from tcp_pressure_exporter.verdict.resources import NOT_SOON
from tcp_pressure_exporter.verdict.words import UNKNOWN, capitalised

LONGEST = 300  # characters of any text: ours are shorter, those from outside may not be
MOST_TYPED = 6  # actions with what to type: for the others, the runbooks have it


class PageTemplate:
    """The compiled template. links: where the other pages are, by name, relative to this one."""

    def __init__(self, links: Mapping[str, str]) -> None:
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_presentable,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters.update(short_time=short_time, capitalised=capitalised)
        environment.globals.update(
            links=dict(links),
            line_size=(WIDTH, HEIGHT),
            left_unknown=UNKNOWN,
            left_far=NOT_SOON,
            shell=SHELL,
            kept_in=KEPT_IN,
            most_typed=MOST_TYPED,
        )
        self._template = environment.get_template("page.html")

    def render(self, page: Page) -> bytes:
        """Return the page."""
        return self._template.render(page=page).encode()


def _presentable(value: Any) -> Any:
    """Make text printable and bounded before it is escaped; the templates' markup stays."""
    if type(value) is not str:
        return value
    text = escape_controls(value[:LONGEST])
    return f"{text}…" if len(value) > LONGEST else text
