"""The second host of the demonstration: both ends of its connections are seen."""

import re
import socket
from contextlib import closing
from http.client import HTTPConnection

from deploy.demo import stories
from deploy.demo.balancer_host import BACKEND, balancer_host
from tests.live.watched_host import wait_until
from tests.support.labs.network_namespace import network_namespace


def page(port: int) -> str:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def test_the_end_that_closes_first_has_the_time_wait() -> None:
    """The balancer's pool has the kept connections, and then those it closed itself."""
    with network_namespace(), socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]

        def used() -> int:
            """Return how many ports the balancer's own exporter sees in its pool, or 0."""
            pool = rf'pool_ports_used{{direction="outbound".*remote_address="{BACKEND[0]}"}} (\S+)'
            found = re.search(pool, page(port))
            return int(float(found[1])) if found else 0

        with balancer_host(listener.fileno()) as host:
            with stories.server(BACKEND, closes_first=False, keeps=stories.KEPT):
                host.connect(100, 1, closes_first=True)
            wait_until(lambda: used() >= 100, "the closed ones lie in TIME_WAIT here")
            with stories.server(BACKEND, closes_first=True, keeps=stories.KEPT):
                host.connect(100, 1, closes_first=False)
            assert used() < 100 + 2 * stories.KEPT + 10
