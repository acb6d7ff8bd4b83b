import threading
from collections.abc import Iterator
from pathlib import Path

from structlog.typing import EventDict

from tcp_pressure_exporter.daemon.reloading import Reloader, Reloads
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.settings.reading import ConfigError
from tests.support.fakes.captured_log import captured_log

PATIENCE_SECONDS = 10.0
OLD = Config()


def test_a_defect_changes_nothing() -> None:
    """Whatever reading raises, the old configuration stays; it is counted and logged."""
    used: list[Config] = []
    log, logged = captured_log()

    def read() -> Config:
        raise MemoryError

    reloader = Reloader(read, used.append, Path("/x.yml"), log)
    reloader.reload()
    assert used == []
    assert reloader.reloads == Reloads(good=0, bad=1)
    [line] = logged.entries
    assert line["event"] == "configuration not reloaded, keeping the old one"


def test_good_and_bad() -> None:
    """A good file is used and a bad one is not; each is counted."""
    used: list[Config] = []
    bad = ConfigError("pools.top", "must be at least 0")
    outcomes: Iterator[Config | ConfigError] = iter([OLD, bad, OLD])

    def read() -> Config:
        outcome = next(outcomes)
        if isinstance(outcome, ConfigError):
            raise outcome
        return outcome

    log, logged = captured_log()
    reloader = Reloader(read, used.append, Path("/x.yml"), log)
    for _ in range(3):
        reloader.reload()
    assert used == [OLD, OLD]
    assert reloader.reloads == Reloads(good=2, bad=1)
    assert [line["log_level"] for line in logged.entries] == ["info", "error", "info"]


def test_a_storm() -> None:
    """However often it is asked during one reading, just one more follows."""
    reading, go_on, used = threading.Event(), threading.Event(), threading.Semaphore(0)

    def read() -> Config:
        reading.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return OLD

    reloader = Reloader(read, lambda _config: used.release(), None, captured_log()[0])
    reloader.start()
    reloader.ask()
    assert reading.wait(PATIENCE_SECONDS)
    for _ in range(1000):
        reloader.ask()
    go_on.set()
    assert used.acquire(timeout=PATIENCE_SECONDS)
    assert used.acquire(timeout=PATIENCE_SECONDS)
    assert not used.acquire(timeout=1.0)


def test_a_log_that_fails() -> None:
    """Even if logging an error fails, the next signal is heeded."""
    used, failed = threading.Semaphore(0), threading.Event()
    outcomes: Iterator[Config | None] = iter([None, OLD])

    def read() -> Config:
        config = next(outcomes)
        if config is None:
            raise MemoryError
        return config

    def fail_once(_logger: object, _method: str, event: EventDict) -> EventDict:
        if not failed.is_set():
            failed.set()
            raise MemoryError
        return event

    reloader = Reloader(read, lambda _config: used.release(), None, captured_log(fail_once)[0])
    reloader.start()
    reloader.ask()
    assert failed.wait(PATIENCE_SECONDS)
    reloader.ask()
    assert used.acquire(timeout=PATIENCE_SECONDS)
