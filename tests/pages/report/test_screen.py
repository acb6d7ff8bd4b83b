"""The watched report fits the terminal, and shows what matters most."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tcp_pressure_exporter.pages.report.rows import shortened
from tcp_pressure_exporter.pages.report.screen import Screen
from tcp_pressure_exporter.pages.report.view import View, resource
from tcp_pressure_exporter.pages.snapshot import Observation
from tests.pages.report.observations import (
    ASCII,
    BLIND,
    CLIENTS,
    CRITICAL,
    MEMORY,
    QUIET,
    REFUSING,
    TROUBLE,
    UNICODE,
    UPSTREAM,
    assessment,
    observation,
    pool_sample,
)

SIZES = [(80, 24), (100, 30), (160, 50)]
MANY = [CLIENTS._replace(name=f"10.0.0.5 → 10.0.0.{number}:443") for number in range(60)]
ALL = View()
CROWD = assessment(UPSTREAM, *MANY, severity=UPSTREAM.severity)


def screen(
    seen: Observation,
    width: int,
    height: int,
    view: View = ALL,
    *,
    ascii_only: bool = False,
) -> list[str]:
    """Return the lines on a terminal of that size."""
    output = StringIO()
    console = Console(file=output, width=width, height=height, force_terminal=False)
    drawn = Screen(console, ASCII if ascii_only else UNICODE, 2.0).draw(seen, view)
    console.print(drawn, end="")
    return [line.rstrip() for line in output.getvalue().split("\n")]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("found", [TROUBLE, QUIET, BLIND, CROWD])
def test_fits(width: int, height: int, found: object) -> None:
    """There are as many lines as the terminal has, none too long, and the keys come last."""
    lines = screen(observation(found), width, height)  # type: ignore[arg-type]  # an Assessment
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert "q quit" in lines[-1]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_matters_is_there(width: int, height: int) -> None:
    """Verdict, each action that cannot wait, and each urgent resource are on the first screen."""
    lines = screen(observation(TROUBLE), width, height)
    text = " ".join(" ".join(lines).split())
    assert lines[0].startswith("CRITICAL  web-1")
    assert lines.index("What to do") < next(
        number for number, line in enumerate(lines) if line.startswith("Closest to the limit")
    )
    for advice in ("Keep connections open.", "Accept sooner.", "Restart it.", "Add addresses."):
        assert advice in text
    for row in ("outbound 10.0.0.2 → 10.0.0.9:443", "accept queue 0.0.0.0:8080"):
        assert [line for line in lines if row in line]


def test_stuck_connections() -> None:
    """Of connections that are stuck it says how many there are, why, and for how long."""
    lines = screen(observation(TROUBLE), 160, 50)
    assert "140 in CLOSE_WAIT (read, but not closed); the oldest: at least 31 min" in lines


def test_nobody_is_named() -> None:
    """If no owner of a pool is known, the screen says why, and what would help."""
    found = assessment(UPSTREAM._replace(owners=()), severity=CRITICAL)
    text = " ".join(" ".join(screen(observation(found), 100, 30)).split())
    assert "No owner is known" in text


def test_calm_rows_go_first() -> None:
    """Calm rows fill the room there is, and are the first to go."""
    high = screen(observation(CROWD), 80, 50)
    low = screen(observation(CROWD), 80, 12)
    calm = [sum("10.0.0.5 → " in line for line in lines) for lines in (high, low)]
    assert calm[0] > 30
    assert calm[1] <= 3
    assert all([line for line in lines if "10.0.0.9:443" in line] for lines in (high, low))


def test_long_advice_is_cut() -> None:
    """If space is short, the end of a piece of advice goes, with a sign that there is more."""
    advice = "word " * 300
    found = assessment(UPSTREAM._replace(advice=advice), severity=UPSTREAM.severity)
    lines = screen(observation(found), 80, 24)
    assert [line for line in lines if line.endswith(" ...")]
    assert [line for line in lines if line.startswith("  outbound 10.0.0.2")]


def test_the_marked_row_is_shown() -> None:
    """A marked row is on the screen, even if it would be left out otherwise."""
    marked = View(chosen=resource(MANY[59]))
    lines = screen(observation(CROWD), 80, 24, marked)
    assert [line for line in lines if line.startswith("> inbound 10.0.0.5 → 10.0.0.59:443")]


def test_scrolled() -> None:
    """What does not fit can be scrolled to; the verdict stays."""
    stuck = assessment(
        UPSTREAM,
        severity=UPSTREAM.severity,
        failures=tuple((f"collector{number}", f"reason {number}") for number in range(40)),
    )
    first = screen(observation(stuck), 80, 24)
    last = screen(observation(stuck), 80, 24, View(scroll=1000))
    assert first[0] == last[0]
    assert "lines 1-" in first[-1]
    assert [line for line in last if "reason 39" in line]


def alone(width: int, height: int, *, ascii_only: bool = False) -> list[str]:
    """Return the screen with only UPSTREAM."""
    view = View(chosen=resource(UPSTREAM), alone=True)
    return screen(
        observation(TROUBLE, sample=pool_sample()), width, height, view, ascii_only=ascii_only
    )


def test_alone() -> None:
    """A pool alone has its figures, the ages of its closes, its owners and what to do."""
    lines = alone(100, 40)
    text = "\n".join(lines)
    assert "Outbound pool 10.0.0.2 → 10.0.0.9:443" in lines
    assert "26,822 / 28,232 (95 %)" in text
    assert "1,310 live sockets, 25,500 in TIME_WAIT for up to 62 s, 12 bound" in text
    assert "418 per second over the last 10 s, peak 9 in one second" in text
    assert "430 closes per second" in text
    assert "full in 41 s at this rate; projected 126 %" in text
    assert [line for line in lines if line.startswith("█" * 60)]
    assert "nginx.service (nginx) 1,204" in lines
    assert "Keep connections open." in lines
    assert "tw_reuse=1     full in 41 s → never at this rate; projected 6 %" in lines


def test_alone_in_ascii() -> None:
    """Without Unicode there is none."""
    assert all(line.isascii() for line in alone(80, 24, ascii_only=True))


def test_alone_without_pool() -> None:
    """Resources other than pools have fewer figures; one that has gone is no longer shown alone."""
    memory = View(chosen=resource(MEMORY), alone=True)
    assert "TCP memory" in "\n".join(screen(observation(QUIET), 80, 24, memory))
    gone = screen(observation(QUIET), 80, 24, View(chosen=("outbound", "x"), alone=True))
    assert [line for line in gone if line.startswith("Closest to the limit")]


@given(st.text(), st.integers(8, 80))
def test_shortened(name: str, width: int) -> None:
    """A name is shown whole if it fits, or else by its two ends."""
    shown = UNICODE.plain(name)
    short = shortened(name, width, UNICODE)
    assert short == shown if len(shown) <= width else len(short) == width
    assert short[:3] == shown[:3]
    assert short[-3:] == shown[-3:]


@given(st.integers(60, 200), st.integers(1, 60), st.integers(0, 100))
def test_any_size(width: int, height: int, scroll: int) -> None:
    """Whatever the terminal's size, the lines are as many as it has, and none is too long."""
    lines = screen(observation(TROUBLE), width, height, View(scroll=scroll))
    assert len(lines) == height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_refused(width: int, height: int) -> None:
    """Those whose connections were refused are on the first screen."""
    lines = screen(observation(REFUSING), width, height)
    assert len(lines) == height
    assert [line for line in lines if line.startswith("Refused")]
