"""Asks the exporter running on this host what it remembers: a look alone knows no past."""

import http.client
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.pages.json_documents.remembered import parse_remembered
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.settings.values import ExporterUrl
from tcp_pressure_exporter.verdict.details.remembered import Asked, Remembered, with_remembered
from tcp_pressure_exporter.web.pages.routes import STATUS_PATH

PATIENCE = 0.5  # seconds, for the whole answer
MOST_BYTES = 4 * 2**20  # a document with 20 namespaces has one MiB
PART_BYTES = 65_536
NOT_KNOWN = "nothing tells here whether it runs on this host"
NOT_THIS_HOST = "it runs on another host, or in another network namespace"

Fetch = Callable[[ExporterUrl], bytes]


def fetch(url: ExporterUrl) -> bytes:
    """Return the status document; raises OSError, or ValueError for any other answer.

    Each step waits up to PATIENCE; a caller that waits for all of them has its own deadline.
    """
    with closing(_connection(url)) as connection:
        connection.request("GET", url.path + STATUS_PATH, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise ValueError(f"it answered {answer.status}")
        body = bytearray()
        while part := answer.read(PART_BYTES):
            body += part
            if len(body) > MOST_BYTES:
                raise ValueError("its answer is too long")
        return bytes(body)


def _connection(url: ExporterUrl) -> http.client.HTTPConnection:
    if url.secure:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(url.host, url.port, timeout=PATIENCE, context=context)
    return http.client.HTTPConnection(url.host, url.port, timeout=PATIENCE)


class Asking:
    """One question to an exporter, on a separate thread, while this one looks.

    here: where this process runs, None if not known. expected: whether the exporter was named, so
    that its silence is worth mentioning.
    """

    def __init__(
        self,
        url: ExporterUrl,
        here: Identity | None,
        *,
        expected: bool,
        get: Fetch = fetch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._here = here
        self._expected = expected
        self._get = get
        self._clock = clock
        self._end = clock() + PATIENCE
        self._found: Remembered | str | None = None
        # If it is too slow it is abandoned: nobody can be made to answer.
        self._thread = threading.Thread(target=self._ask, name="asking", daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        try:
            found = parse_remembered(self._get(self._url), self._url.text)
        except ConnectionRefusedError:
            self._found = "nothing listens there" if self._expected else ""
        except (OSError, http.client.HTTPException) as error:
            self._found = getattr(error, "strerror", None) or str(error) or type(error).__name__
        except ValueError as error:
            self._found = str(error)
        else:
            elsewhere = NOT_KNOWN if self._here is None else NOT_THIS_HOST
            self._found = found if found.identity == self._here else elsewhere

    def remembered(self) -> Remembered | str:
        """Return what the exporter remembers, or why it is of no use, "" for no reason."""
        self._thread.join(max(self._end - self._clock(), 0.0))
        found = self._found
        return f"no answer within {PATIENCE:g} s" if found is None else found

    def added_to(self, seen: Observation) -> Observation:
        """Return a look together with what the exporter remembers."""
        found = self.remembered()
        if isinstance(found, str):
            return replace(seen, asked=Asked(self._url.text, found) if found else None)
        assessment = with_remembered(seen.assessment, found)
        asked = Asked(self._url.text, incidents=found.incidents)
        return replace(seen, assessment=assessment, asked=asked)
