"""The watched report: as much of it as fits on the terminal, most important first.

The verdict and the keys are always there. Between them come what to do, the resources, and the
rest; if space is short, calm rows are dropped first, then what can wait, then the ends of long
advice. What still does not fit can be scrolled to.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from tcp_pressure_exporter.figures import short_time
from tcp_pressure_exporter.pages.report.alone import alone
from tcp_pressure_exporter.pages.report.report import refused_table
from tcp_pressure_exporter.pages.report.rows import rows_table
from tcp_pressure_exporter.pages.report.text import (
    DIM,
    SEVERITY_STYLES,
    TITLE,
    VERDICT_STYLES,
    Charset,
)
from tcp_pressure_exporter.pages.report.view import Room, View, resource
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.verdict.briefing import Briefing, brief
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.words import LATER

Line = list[Segment]
TABLE_HEAD = 2  # lines: a title, and the column names
FEWEST_ROWS = 3
MOST_ROWS = 100
KEYS_TOGETHER = "up/down select  Enter details  s sort  q quit"
KEYS_ALONE = "up/down next  Esc back  q quit"


class Detail(NamedTuple):
    """How much is shown.

    later: also what can wait. advice: lines of each piece, 0 for all. gap: empty lines above and
    below the table.
    """

    later: bool
    advice: int
    gap: int = 0


DETAILS = (
    Detail(later=True, advice=0, gap=1),
    Detail(later=True, advice=0),
    Detail(later=False, advice=0),
    Detail(later=False, advice=3),
    Detail(later=False, advice=2),
)


class Drawn(NamedTuple):
    """A screen: its lines, as many as the terminal has, and the room for moving in it."""

    lines: Sequence[Line]
    room: Room

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines as they are (rich's protocol)."""
        for number, line in enumerate(self.lines):
            yield from ([Segment.line()] if number else [])
            yield from line


class Screen:
    """Draws looks on a terminal. every: seconds between two of them."""

    def __init__(self, console: Console, charset: Charset, every: float) -> None:
        self.console = console
        self.every = every
        self._charset = charset

    def draw(self, seen: Observation, view: View) -> Drawn:
        """Return what a view shows of a look, at the terminal's current size."""
        told = brief(seen.assessment, MOST_ROWS, seen.left_out)
        pressures = view.sorted(seen.assessment.pressures)
        head = self._lines(_head(seen, told, self.every, self._charset))
        page = max(self.console.height - len(head) - 1, 1)
        body = self._body(seen, view, told, pressures, page)
        most = max(len(body) - page, 0)
        scroll = min(view.scroll, most)
        shown = body[scroll : scroll + page]
        blank: list[Line] = [[]] * (page - len(shown))
        foot = self._lines(_foot(view, scroll, page, len(body)))[:1]
        lines = [*head, *shown, *blank, *foot][: self.console.height]
        return Drawn(lines, Room([resource(one) for one in pressures], page, most))

    def _body(
        self,
        seen: Observation,
        view: View,
        told: Briefing,
        pressures: Sequence[Pressure],
        page: int,
    ) -> list[Line]:
        chosen = [one for one in pressures if resource(one) == view.chosen]
        if view.alone and chosen:
            return self._lines(*alone(seen.sample, chosen[0], self._charset, self.console.width))
        urgent = max(sum(one.urgent for one in pressures), FEWEST_ROWS)
        for detail in DETAILS:
            before = self._todo(told, detail)
            after = self._lines(*_rest(seen, told, detail, self._charset))
            rows = page - len(before) - len(after) - TABLE_HEAD - 2 * detail.gap
            if rows >= min(urgent, len(pressures)):
                break
        most = min(max(rows, FEWEST_ROWS), len(pressures))
        table = self._table(view, _window(pressures, chosen, most))
        gap: list[Line] = [[]] * detail.gap
        return [*before, *gap, *table, *gap, *after]

    def _table(self, view: View, shown: Sequence[Pressure]) -> list[Line]:
        if not shown:
            return []
        title = Text(f"Closest to the limit, by {view.sorted_by.words}", TITLE)
        marked = [one for one in shown if resource(one) == view.chosen]
        table = rows_table(shown, marked, self._charset, self.console.width)
        return self._lines(title, table)

    def _todo(self, told: Briefing, detail: Detail) -> list[Line]:
        actions = [one for one in told.actions if detail.later or one.urgency != LATER]
        lines = self._lines(Text("What to do", TITLE)) if actions else []
        for action in actions:
            text = self._charset.text(f"{action.number}. ")
            text.append_text(self._charset.text(action.subjects, "bold"))
            text.append_text(self._charset.text(f": {action.unhurried_advice}"))
            lines += self._cut(self._lines(text), detail.advice)
        return lines

    def _cut(self, lines: list[Line], most: int) -> list[Line]:
        """Return the first `most` lines, marked if there are more; 0 for all."""
        if not most or len(lines) <= most:
            return lines
        end = " ..."
        last = Segment.adjust_line_length(
            lines[most - 1], min(_length(lines[most - 1]), self.console.width - len(end))
        )
        return [*lines[: most - 1], [*last, Segment(end)]]

    def _lines(self, *shown: RenderableType) -> list[Line]:
        options = self.console.options.update(height=None)
        return [
            line for one in shown for line in self.console.render_lines(one, options, pad=False)
        ]


def _length(line: Line) -> int:
    return Segment.get_line_length(line)


def _window(
    pressures: Sequence[Pressure], chosen: Sequence[Pressure], most: int
) -> Sequence[Pressure]:
    """Return `most` rows, including the marked one."""
    last = max(most, pressures.index(chosen[0]) + 1) if chosen else most
    return pressures[last - most : last]


def _head(seen: Observation, told: Briefing, every: float, charset: Charset) -> Text:
    word = told.verdict.word
    head = charset.text(word.upper(), VERDICT_STYLES[word])
    head.append_text(charset.text(f"  {seen.host}  {seen.time:%H:%M:%S}", "bold"))
    head.append(f"  every {every:g} s, sampled in {short_time(seen.seconds)}", DIM)
    return head.append("\n").append_text(charset.text(told.verdict.sentence))


def _foot(view: View, scroll: int, page: int, lines: int) -> Text:
    keys = KEYS_ALONE if view.alone else KEYS_TOGETHER
    foot = Text(keys, "reverse")
    if lines > page:
        foot.append(f"  PgDn/PgUp: lines {scroll + 1}-{min(scroll + page, lines)} of {lines}")
    return foot


def _rest(
    seen: Observation, told: Briefing, detail: Detail, charset: Charset
) -> Iterator[RenderableType]:
    """Yield what comes below the table."""
    if told.refused:
        yield charset.text(told.refused.title, TITLE)
        yield refused_table(told.refused, charset)
    stuck = [one for one in told.stuck.causes if one.urgent or detail.later] if told.stuck else []
    for cause in stuck:
        line = f"{cause.sockets} in CLOSE_WAIT ({cause.cause}); the oldest: {cause.oldest}"
        yield charset.text(line, SEVERITY_STYLES[cause.severity])
    if told.stuck and told.stuck.owners and stuck:
        yield charset.text(f"{told.stuck.owners.label}: {told.stuck.owners.words}")
    if told.stuck and told.stuck.leaks:
        yield charset.text(told.stuck.leaks)
    for finding in told.findings:
        if detail.later or finding.urgency != LATER:
            found = charset.text(finding.name, SEVERITY_STYLES[finding.urgency])
            detail_words = f": {finding.detail} (see item {finding.action} above)"
            yield found.append_text(charset.text(detail_words))
    for failure in told.failures_by_reason:
        yield charset.text(f"could not be read: {failure.label}: {failure.words}")
    if detail.later:
        yield from _notes(seen, told, charset)


def _notes(seen: Observation, told: Briefing, charset: Charset) -> Iterator[Text]:
    """Yield the reasons why anything is not known."""
    if told.closest.note:
        yield charset.text(told.closest.note, DIM)
    for what, why in (*seen.not_looked_at, *seen.left_out):
        yield charset.text(f"not shown: {what}: {why}", DIM)
