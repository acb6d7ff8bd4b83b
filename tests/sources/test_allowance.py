import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.pacing import Allowance, Spending
from tests.support.fakes.fake_clock import FakeClock

SHARE = 0.25  # exact in binary, so that moments can be compared
LONGEST = 60.0


class Question:
    """A question that takes time, and may be asked within an allowance."""

    def __init__(self, share: float = SHARE) -> None:
        self.clock = FakeClock()
        self.allowance = Allowance(share, LONGEST, self.clock)

    def ask(self, seconds: float) -> None:
        with self.allowance.spend():
            self.clock.advance(seconds)

    def due_after(self) -> float:
        """Return the whole seconds from the last answer until it is due again."""
        start = self.clock.now
        while not self.allowance.due():
            self.clock.advance(1)
        return self.clock.now - start


def test_at_first() -> None:
    """A question that was never asked may be asked at once."""
    assert Question().allowance.due()


def test_share() -> None:
    """A question that took 2 s, at a quarter of a CPU, may be asked again 8 s after it began."""
    question = Question()
    question.ask(2)
    question.clock.advance(5.999)
    assert not question.allowance.due()
    question.clock.advance(0.001)
    assert question.allowance.due()


def test_longest_pause() -> None:
    """However long it took, the pause ends at its limit, even if the answer took longer."""
    question = Question()
    question.ask(20)
    assert question.due_after() == LONGEST - 20
    question.ask(LONGEST + 5)
    assert question.due_after() == 0


def test_free_question() -> None:
    """A question that takes no time may always be asked."""
    question = Question()
    question.ask(0)
    assert question.allowance.due()


def test_failure() -> None:
    """A question that failed may be asked again at once: nothing was learned."""
    question = Question()

    def fail() -> None:
        with question.allowance.spend():
            question.clock.advance(10)
            raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        fail()
    assert question.allowance.due()


def test_spending() -> None:
    """What several questions cost adds up; one within another counts once."""
    cpu, clock = FakeClock(0.0), FakeClock()
    spending = Spending(cpu)
    one, other = (Allowance(SHARE, LONGEST, clock, spending=spending) for _ in range(2))
    with one.spend():
        cpu.advance(2)
    cpu.advance(10)  # no allowance pays for this
    with other.spend():
        cpu.advance(1)
        with one.spend():
            cpu.advance(4)
        clock.advance(100)  # it waits: this is no CPU time
    assert spending.seconds == 7


def test_spending_of_a_failure() -> None:
    """No allowance pays for a question that failed, as it may be asked again at once."""
    cpu = FakeClock(0.0)
    spending = Spending(cpu)
    allowance = Allowance(SHARE, LONGEST, FakeClock(), spending=spending)

    def fail() -> None:
        with allowance.spend():
            cpu.advance(10)
            raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        fail()
    assert spending.seconds == 0
    with allowance.spend():
        cpu.advance(3)
    assert spending.seconds == 3


@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=30),
    st.integers(1, 20),
    st.sampled_from([0.125, 0.25, 1.0]),
)
def test_over_time(costs: list[int], interval: int, share: float) -> None:
    """At any interval it is asked at the first moment allowed, and never before."""
    question = Question(share)
    may_be_asked = question.clock.now
    for cost in costs:
        while not question.allowance.due():
            assert question.clock.now < may_be_asked
            question.clock.advance(interval)
        assert question.clock.now >= may_be_asked
        may_be_asked = question.clock.now + min(cost / share, LONGEST)
        question.ask(cost)
