"""A pool's polls and their file."""

from pathlib import Path

from benchmarks.forecast.paths import TRACES
from benchmarks.forecast.trace import Poll, load, save
from tests.benchmarks.forecast.sample_traces import experiment, steady_trace


def test_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The traces survive their file, which has one poll a line."""
    path = tmp_path / "traces.json"
    save(experiment(), path)
    assert load(path) == experiment()
    assert "[2,160,160,[80,80]],\n" in path.read_text()


def test_slower_poller() -> None:
    """A poller that polls every 5 s sees every fifth poll, until the pool is full."""
    trace = steady_trace("x", 10, 120, 20)
    assert [poll.time for poll in trace.every(5)] == [0, 5, 10]


def test_live_ports() -> None:
    """Ports that are not in TIME_WAIT belong to live connections."""
    assert Poll(0, 10, 7, (7,)).live == 3


def test_kept_traces_are_plausible() -> None:
    """In the kept file, ages add up to TIME_WAIT; full pools were at their limit, but for a batch.

    The kernel frees the ports of 2 s at once, which may happen between the failure and a poll.
    """
    traces = load(TRACES).traces
    assert len(traces) >= 18
    for trace in traces:
        assert all(sum(poll.ages) == poll.time_wait for poll in trace.polls), trace.name
        most = max(poll.ports for poll in trace.polls)
        assert most <= trace.limit
        assert trace.full_at is None or most > 0.95 * trace.limit, trace.name
