"""Rereads the configuration file on request, in parallel with sampling and serving."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.settings.reading import ConfigError

PAUSE_SECONDS = 0.5  # between two readings, so that a storm of signals costs and logs little


class Reloads(NamedTuple):
    """How often the configuration has been reread since the start, successfully or not."""

    good: int = 0
    bad: int = 0


class Reloader:
    """Reads a file, which may take seconds (PyYAML: 18 s for a megabyte), on a separate thread.

    reloads: replaced as a whole, so another thread may read it.
    """

    def __init__(
        self,
        read: Callable[[], Config],
        use: Callable[[Config], None],
        file: Path | None,
        log: FilteringBoundLogger,
    ) -> None:
        self._read = read
        self._use = use
        self._file = file
        self._log = log
        self._asked = threading.Event()
        self.reloads = Reloads()

    def start(self) -> None:
        """Start the thread; it ends with the process."""
        threading.Thread(target=self._run, name="reloading", daemon=True).start()

    def ask(self) -> None:
        """Request a reading soon: only one, however often this is called before it begins."""
        self._asked.set()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            # When memory is short, logging an error may itself fail.
            with suppress(Exception):
                self.reload()
            time.sleep(PAUSE_SECONDS)

    def reload(self) -> None:
        """Read the file; a bad one changes nothing, and neither does a bug in reading it."""
        good, bad = self.reloads
        try:
            self._use(self._read())
        except ConfigError as error:
            self.reloads = Reloads(good, bad + 1)
            self._log.error("configuration not reloaded, keeping the old one", reason=str(error))
        except Exception:  # noqa: BLE001 - short of memory, for one: the next signal must find this
            # thread alive
            self.reloads = Reloads(good, bad + 1)
            self._log.exception("configuration not reloaded, keeping the old one")
        else:
            self.reloads = Reloads(good + 1, bad)
            self._log.info("configuration reloaded", file=str(self._file))
