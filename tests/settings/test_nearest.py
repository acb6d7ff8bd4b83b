import pytest

from tcp_pressure_exporter.settings.nearest import did_you_mean

FLAGS = ("--watch", "--json", "--nagios", "--pool.top", "--config.file")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--wach", ", did you mean --watch?"),
        ("-watch", ", did you mean --watch?"),
        ("--pool-top", ", did you mean --pool.top?"),
        ("--config-file", ", did you mean --config.file?"),
        ("--once", ""),
        ("", ""),
    ],
)
def test_nearest(word: str, said: str) -> None:
    """A mistyped word gets the known one as an answer, any other word none."""
    assert did_you_mean(word, FLAGS) == said


def test_long_word() -> None:
    """A word of a megabyte is not compared as a whole."""
    assert did_you_mean("x" * 1_000_000, ["x" * 1_000]) == ""
