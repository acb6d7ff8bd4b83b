"""The audit of the pinned dependencies, against an index on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from deploy.dependency_audit import Audit, audit, client, pinned
from tests.support.places import ROOT

# The index's answer for a release known to be vulnerable.
VULNERABLE = {
    "id": "PYSEC-2017-94",
    "aliases": ["CVE-2013-7459"],
    "details": "Heap-based buffer overflow in the ALGnew function.",
    "summary": None,
    "fixed_in": ["2.6.2"],
    "withdrawn": None,
}
FOUND = "pycrypto 2.6.1: PYSEC-2017-94, fixed in 2.6.2: " + str(VULNERABLE["details"])


class ToLoopback(HTTPAdapter):
    """Sends requests for the index to a server on loopback."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._host = f"127.0.0.1:{port}"

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        url = urlsplit(str(request.url))
        request.url = url._replace(scheme="http", netloc=self._host).geturl()
        return super().send(request, *args, **kwargs)


@contextmanager
def index(pages: Mapping[str, object]) -> Iterator[int]:
    """Serve documents by the last parts of their paths; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.removeprefix("/pypi/"))
            self.send_response(404 if page is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def audited(tmp_path: Path, pages: Mapping[str, object], pins: str = "pycrypto==2.6.1") -> Audit:
    """Look up pins in an index of these pages."""
    path = tmp_path / "constraints.txt"
    path.write_text(f"{pins}\n")
    with index(pages) as port:
        service = client()
        service.session.mount("https://", ToLoopback(port))
        return audit(pinned(path), service)


def page(version: str, *vulnerabilities: object) -> object:
    return {"info": {"version": version}, "vulnerabilities": vulnerabilities}


@pytest.mark.parametrize("address", ["pycrypto/2.6.1/json", "pycrypto/json"])
def test_vulnerable(tmp_path: Path, address: str) -> None:
    """A vulnerability of a pinned release is reported, from its page or from the project's."""
    result = audited(tmp_path, {address: page("2.6.1", VULNERABLE)})
    assert (result.vulnerabilities, result.unknown, result.exit_code) == ([FOUND], [], 1)


def test_clean(tmp_path: Path) -> None:
    """Releases without vulnerabilities pass; what another Python would get is not looked up."""
    pins = "pycrypto==2.6.1\nstructlog==26.1.0\ntomli==2.0; python_version < '3.0'"
    pages = {"pycrypto/2.6.1/json": page("2.6.1"), "structlog/json": page("26.1.0")}
    result = audited(tmp_path, pages, pins)
    assert (result.looked_up, result.unknown, result.exit_code) == (2, [], 0)


@pytest.mark.parametrize("pages", [{}, {"pycrypto/json": page("2.7", VULNERABLE)}])
def test_unknown(tmp_path: Path, pages: Mapping[str, object]) -> None:
    """A release without a page is not known to be fine, nor does a newer one's page say so."""
    result = audited(tmp_path, pages)
    assert (result.looked_up, result.vulnerabilities, result.exit_code) == (0, [], 3)
    assert list(result.lines()) == [
        "not looked up, the index has no page of it: pycrypto",
        "0 pinned dependencies were looked up, 0 vulnerabilities are known",
    ]


def test_no_answer() -> None:
    """If the index cannot be reached, the command says so in a line, and exits with 3."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.dependency_audit"],
        cwd=ROOT,
        env={**os.environ, "https_proxy": "http://127.0.0.1:9"},  # nothing listens there
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    [line] = done.stdout.splitlines()
    assert line.startswith("the index did not tell of vulnerabilities: ")
