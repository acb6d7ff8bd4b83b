"""One connection for all scrapes, so that they leave no TIME_WAIT and close nothing meanwhile."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.support.labs.exporter_process import Exporter

Scrape = Callable[[], str]


@contextmanager
def scraping(exporter: Exporter) -> Iterator[Scrape]:
    """Give a function that returns the exposition as it is now."""
    with closing(http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=30)) as connection:

        def scrape() -> str:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()

        yield scrape
