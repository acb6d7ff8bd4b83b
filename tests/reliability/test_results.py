"""The tables of long runs in the documents have the figures that were kept."""

import pytest

from tests.reliability.results import TABLES, Table, read, shown, split_write, table
from tests.support.places import DOCS


@pytest.mark.parametrize("kind", TABLES)
def test_documents_show_what_was_kept(kind: str) -> None:
    """Tables and file match: nobody edits one without the other."""
    document = (DOCS / TABLES[kind].document).read_text()
    assert shown(kind, read()[kind], document) == document


def test_every_figure_has_a_table() -> None:
    """Nothing is kept that is not shown."""
    assert read().keys() == TABLES.keys()


def test_a_run_is_a_row() -> None:
    """A row has the run's name, its figures as far as known, and its day."""
    form = Table("reliability.md", ("run", "closes"), ("{closes:,} of {most[0]:.1f}",))
    runs = {"600 s": {"date": "2024-05-06", "closes": 1800, "most": [2.04, 3]}}
    assert table(form, runs) == (
        "| run | closes | measured |\n| --- | --- | --- |\n| 600 s | 1,800 of 2.0 | 2024-05-06 |"
    )


def test_write_is_a_flag_among_numbers() -> None:
    """Scripts take numbers by position, and the flag anywhere."""
    assert split_write(["600", "--write"]) == (["600"], True)
    assert split_write(["600"]) == (["600"], False)
