"""An application on loopback that connects on a schedule; one end always closes first."""

import errno
import heapq
import socket
from itertools import count

from benchmarks.forecast.load import Scenario, arrivals, connections_due

SERVER = ("127.0.0.1", 9000)  # outside the local port range of the experiment
CloseDue = tuple[float, int, socket.socket, socket.socket]


class Application:
    """Keeps to its schedule whether connect() succeeds or not; both ends are its own."""

    def __init__(self, scenario: Scenario) -> None:
        self._streams = scenario.streams
        self._server_closes = scenario.server_closes
        self._arrivals = [
            arrivals(even=scenario.even, seed=f"{scenario.name} {number}")
            for number in range(len(scenario.streams))
        ]
        self._next = [next(arrival) for arrival in self._arrivals]
        self._listener = socket.create_server(SERVER, backlog=4096)
        self._connections: list[CloseDue] = []
        self._serial = count()

    def act(self, now: float) -> bool:
        """Do what is due at `now` seconds after the start; False: a connect() found no port."""
        while self._connections and self._connections[0][0] <= now:
            self._close(heapq.heappop(self._connections))
        succeeded = True
        for number, stream in enumerate(self._streams):
            due = connections_due(stream, now)
            while self._next[number] <= due:
                self._next[number] = next(self._arrivals[number])
                succeeded &= self._connect(now + stream.hold)
        while self._connections and self._connections[0][0] <= now:
            self._close(heapq.heappop(self._connections))
        return succeeded

    def close(self) -> None:
        """Close every socket."""
        for connection in self._connections:
            self._close(connection)
        self._listener.close()

    def _connect(self, close_at: float) -> bool:
        client = socket.socket()
        try:
            client.connect(SERVER)
        except OSError as error:
            client.close()
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            return False
        accepted, _ = self._listener.accept()
        heapq.heappush(self._connections, (close_at, next(self._serial), client, accepted))
        return True

    def _close(self, connection: CloseDue) -> None:
        """Close one end first, which leaves that end in TIME_WAIT."""
        _close_at, _serial, client, accepted = connection
        first, second = (accepted, client) if self._server_closes else (client, accepted)
        first.close()
        second.close()
