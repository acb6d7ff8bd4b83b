"""The tables of long runs in README.md are those of the figures that were kept."""

import pytest

from tests.reliability.results import DOCUMENT, TABLES, Table, read, shown, split_write, table


@pytest.mark.parametrize("kind", TABLES)
def test_documents_show_what_was_kept(kind: str) -> None:
    """Nobody edits a table without the file, or the file without the table."""
    document = DOCUMENT.read_text()
    assert shown(kind, read()[kind], document) == document


def test_every_figure_has_a_table() -> None:
    """Nothing is kept that is not shown."""
    assert read().keys() == TABLES.keys()


def test_a_run_is_a_row() -> None:
    """A row has the run's name, its figures as far as they are known, and its day."""
    form = Table(("run", "closes"), ("{closes:,} of {most[0]:.1f}",))
    runs = {"600 s": {"date": "2024-05-06", "closes": 1800, "most": [2.04, 3]}}
    assert table(form, runs) == (
        "| run | closes | measured |\n| --- | --- | --- |\n| 600 s | 1,800 of 2.0 | 2024-05-06 |"
    )


def test_write_is_a_flag_among_numbers() -> None:
    """Scripts take numbers by position, and the flag anywhere."""
    assert split_write(["600", "--write"]) == (["600"], True)
    assert split_write(["600"]) == (["600"], False)
