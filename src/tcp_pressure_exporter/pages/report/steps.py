"""What to type, laid out so that each line can be copied."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from tcp_pressure_exporter.pages.report.text import DIM, Charset
from tcp_pressure_exporter.verdict.details.sysctl_steps import KEPT_IN, SHELL, Step

CODE = "cyan"


def step_lines(steps: Iterable[Step], charset: Charset) -> Iterator[Text]:
    """Yield the lines of some steps, without a prompt in front of text to copy."""
    for step in steps:
        if step.where != SHELL:
            yield charset.text(f"in {step.where}:", DIM)
        yield from (charset.text(line, CODE) for line in step.lines)
        if step.keep:
            yield Text(f"to make it permanent, in {KEPT_IN}:", DIM)
            yield charset.text(step.keep, CODE)
        yield charset.text(f"{step.changes} Risk: {step.risks}", DIM)
