"""A webhook that Alertmanager notifies."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 1024 * 1024
Notify = Callable[[str, dict[str, Any]], None]


@contextmanager
def running_webhook(notify: Notify) -> Iterator[int]:
    """Listen on loopback; give the port.

    `notify` is called on the webhook's threads for each alert of a notification, with the path it
    was sent to, without its slash: the name of the receiver.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), MAX_BODY)
            for alert in json.loads(self.rfile.read(length))["alerts"]:
                notify(self.path.strip("/"), alert)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing about the requests themselves."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
