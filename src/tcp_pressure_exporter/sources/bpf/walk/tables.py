"""The kernel tables that are walked, opened together: connections and listening sockets."""

from typing import NamedTuple

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import LoadObject, load
from tcp_pressure_exporter.sources.bpf.walk.listeners import ListenerTable, open_listener_table
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable, open_connection_table


class Tables(NamedTuple):
    """The tables that an ordinary sample walks."""

    connections: ConnectionTable
    listeners: ListenerTable

    def close(self) -> None:
        """Release the programs."""
        self.connections.close()
        self.listeners.close()


def open_tables(load_object: LoadObject = load) -> Tables | Missing:
    """Return the tables, or why one of them cannot be walked here."""
    connections = open_connection_table(load_object)
    if isinstance(connections, Missing):
        return connections
    listeners = open_listener_table(load_object)
    if isinstance(listeners, Missing):
        connections.close()
        return listeners
    return Tables(connections, listeners)
