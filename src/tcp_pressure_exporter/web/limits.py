"""What one client, and all clients together, may take from the server."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the HTTP server; times in seconds, sizes in bytes.

    A client that never finishes its request costs at most `head_seconds` + `body_seconds` +
    `linger_seconds`. `idle_seconds` is more than a scrape interval of one minute, so that
    Prometheus keeps its connection between scrapes and leaves no TIME_WAIT behind on this host.
    """

    connections: int = 400 if sys.platform == "win32" else 512  # select() on Windows takes 512
    """Open connections; one more closes the oldest that is not being answered."""
    head_seconds: float = 5.0
    """From accept (or, on a reused connection, from the first byte) to the end of the headers."""
    body_seconds: float = 3.0
    """For the whole body, which is read and thrown away."""
    answer_seconds: float = 10.0
    """For the page to be made; Prometheus gives up after ten seconds unless told otherwise."""
    write_seconds: float = 8.0
    """For the client to take the whole answer."""
    idle_seconds: float = 75.0
    """Between two requests on one connection."""
    linger_seconds: float = 1.0
    """After the last answer, for the client to read it and close."""
    stop_seconds: float = 1.0
    """When the server stops, for the answers under way."""
    head_bytes: int = 16 * 1024
    """Request line and headers."""
    body_bytes: int = 64 * 1024
    """Body of a request."""
    send_buffer_bytes: int = 64 * 1024
    """What the kernel holds of an answer until the client takes it (SO_SNDBUF; it doubles it)."""
    spared_descriptors: int = 64
    """Of those that the process may have (RLIMIT_NOFILE), not for connections but for sampling."""
