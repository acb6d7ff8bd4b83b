"""A clock that goes only where a test puts it."""


class FakeClock:
    """Seconds, from `now` on."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
