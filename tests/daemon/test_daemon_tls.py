"""The exporter behind TLS, certificates and passwords, as its users and Prometheus see it."""

import base64
import http.client
import re
import signal
import socket
import ssl
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest
import yaml

from tests.support.labs.certificates import Authority, Pair
from tests.support.labs.exporter_process import (
    Access,
    Exporter,
    run_exporter,
    running_exporter,
    value_of,
)
from tests.support.labs.prometheus_server import running_prometheus
from tests.web.harness import eventually

PASSWORD = "correct horse"  # noqa: S105  # for nothing but these tests
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
BASIC = f"Basic {base64.b64encode(f'prometheus:{PASSWORD}'.encode()).decode()}"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
MUTUAL = (
    "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem,"
    " client_auth_type: RequireAndVerifyClientCert,"
    " client_allowed_sans: [prom.example.org, '2001:db8::1']}\n"
)
USERS = f"basic_auth_users: {{prometheus: {HASH}}}\n"


class Site:
    """A folder with an authority, a server's certificate and the web configuration file."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.authority = Authority(folder)
        self.authority.sign("server")
        self.config = folder / "web.yml"
        self.config.write_text(text)
        self.flag = f"--web.config.file={self.config}"

    def context(self, client: Pair | None = None) -> ssl.SSLContext:
        """Trust the server's authority, and show a client's certificate."""
        context = ssl.create_default_context(cafile=str(self.authority.cert))
        if client:
            context.load_cert_chain(client.cert, client.key)
        return context


def ask(exporter: Exporter, context: ssl.SSLContext, path: str = "/-/healthy") -> int:
    """Return the status of a request without a password; raise OSError for a refused client."""
    port = exporter.port
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)) as c:
        c.request("GET", path)
        return c.getresponse().status


def serial(exporter: Exporter, context: ssl.SSLContext) -> str:
    """Return the serial number of the certificate that a new connection gets."""
    with (
        socket.create_connection(("127.0.0.1", exporter.port), 10) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1") as tls,
    ):
        certificate = tls.getpeercert()
    assert certificate
    return str(certificate["serialNumber"])


def test_mutual_tls(tmp_path: Path) -> None:
    """Only a client with a certificate from the authority and an allowed name gets in."""
    site = Site(tmp_path, MUTUAL)
    good = site.context(site.authority.sign("client", "DNS:x.example.org,IP:2001:db8::1"))
    unnamed = site.context(site.authority.sign("unnamed", "DNS:x.example.org"))
    stranger = site.context(
        Authority(tmp_path / "strangers").sign("client", "DNS:prom.example.org")
    )
    with running_exporter(site.log, site.flag, access=Access(good)) as exporter:
        assert ask(exporter, good) == 200
        for refused in (site.context(), unnamed, stranger):
            with pytest.raises((OSError, http.client.RemoteDisconnected)):
                ask(exporter, refused)
        assert ask(exporter, good) == 200
    assert "Traceback" not in site.log.read_text()


@pytest.mark.parametrize(
    ("settings", "version", "cipher"),
    [
        ("max_version: TLS12", "TLSv1.2", None),
        ("min_version: TLS13", "TLSv1.3", None),
        (
            "max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]",
            "TLSv1.2",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
        ),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", "TLSv1.3", None),
    ],
)
def test_settings(tmp_path: Path, settings: str, version: str, cipher: str | None) -> None:
    """Versions and cipher suites are those in the file."""
    site = Site(tmp_path, TLS.replace("}", f", {settings}}}"))
    context = site.context()
    with (
        running_exporter(site.log, site.flag, access=Access(context)) as exporter,
        socket.create_connection(("127.0.0.1", exporter.port), 10) as sock,
        context.wrap_socket(sock, server_hostname="127.0.0.1") as tls,
    ):
        assert tls.version() == version
        found = tls.cipher()
    assert found
    assert cipher in {None, found[0]}


def test_plain_http_to_the_tls_port(tmp_path: Path) -> None:
    """A client that forgot the s is told so, and sees no page."""
    site = Site(tmp_path, TLS)
    with running_exporter(site.log, site.flag, access=Access(site.context())) as exporter:
        assert f"url=https://127.0.0.1:{exporter.port}/metrics" in site.log.read_text()
        plain = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=10)
        with closing(plain):
            plain.request("GET", "/metrics")
            answer = plain.getresponse()
            assert (answer.status, answer.read()) == (400, b"This port speaks HTTPS.\n")


def test_connections_from_before_end(tmp_path: Path) -> None:
    """A client admitted before TLS was demanded gets one more answer, then the connection ends."""
    site = Site(tmp_path, "")
    with running_exporter(site.log, site.flag) as exporter:
        with closing(http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=10)) as plain:
            closed = []
            for text in ("", TLS):
                site.config.write_text(text)
                plain.request("GET", "/-/healthy")
                answer = plain.getresponse()
                assert (answer.status, answer.read()) == (200, b"OK\n")
                closed.append(answer.getheader("Connection"))
        assert closed == [None, "close"]
        assert ask(exporter, site.context()) == 200


def test_every_page_asks_for_the_password(tmp_path: Path) -> None:
    """Without the password no page is shown, health checks included, as in exporter-toolkit."""
    site = Site(tmp_path, TLS + USERS)
    access = Access(site.context(), {"Authorization": BASIC})
    with running_exporter(site.log, site.flag, access=access) as exporter:
        assert exporter.get("/-/healthy")[0] == 200
        for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/nowhere"):
            assert ask(exporter, site.context(), path) == 401


def test_reload(tmp_path: Path) -> None:
    """A renewed certificate is served immediately; a bad pair is counted and changes nothing."""
    site = Site(tmp_path, TLS)
    context = site.context()
    with running_exporter(site.log, site.flag, access=Access(context)) as exporter:
        first = serial(exporter, context)
        site.authority.sign("server")
        second = serial(exporter, context)
        assert second != first
        site.authority.sign("other").key.replace(tmp_path / "server.key")
        assert serial(exporter, context) == second
        log = exporter.wait_for_log("not reloaded")
        page = exporter.metrics()
    assert 'line 1: tls_server_config.key_file: does not belong to the certificate"' in log
    assert value_of(page, 'tcp_pressure_web_config_reloads_total{result="failure"}') == 1
    assert value_of(page, 'tcp_pressure_web_config_reloads_total{result="success"}') >= 1


def test_stop_does_not_wait_for_a_password(tmp_path: Path) -> None:
    """A password check that takes half a minute does not delay the end of the process."""
    slow = "$2y$19$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
    site = Site(tmp_path, "")
    with running_exporter(site.log, site.flag) as exporter:
        threads = Path(f"/proc/{exporter.process.pid}/task")
        before = len(list(threads.iterdir()))
        site.config.write_text(f"basic_auth_users: {{prometheus: {slow}}}\n")
        with socket.create_connection(("127.0.0.1", exporter.port), 10) as client:
            head = f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\n\r\n"
            client.sendall(head.encode())
            eventually(lambda: len(list(threads.iterdir())) > before)
            exporter.signal(signal.SIGTERM)
            assert exporter.process.wait(timeout=10) == 0
    assert "Traceback" not in site.log.read_text()


def test_rate_limit(tmp_path: Path) -> None:
    """Requests beyond the burst are answered with 429, as soon as the file changes."""
    site = Site(tmp_path, "")
    with running_exporter(site.log, site.flag) as exporter:
        site.config.write_text("rate_limit: {interval: 1h, burst: 3}\n")
        statuses = [exporter.get("/metrics")[0] for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


def test_unix_socket(tmp_path: Path) -> None:
    """A unix socket in addition to the port serves the same pages, and its file goes at the end."""
    path = tmp_path / "x.sock"
    with running_exporter(tmp_path / "log", f"--web.listen-address=unix://{path}") as exporter:
        assert f"url=unix://{path}" in exporter.log.read_text()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, r"/.*/web\.yml: No such file or directory"),
        ("tls_server_config: [", r"/.*/web\.yml: line 1, column [0-9]+: .*"),
        (
            "basic_auth_users: {a: b}",
            r"/.*/web\.yml: line 1: basic_auth_users\.a: must be a bcrypt hash.*",
        ),
        (
            TLS,
            r"/.*/web\.yml: line 1: tls_server_config\.cert_file: /.*/server\.pem: No such file.*",
        ),
    ],
)
def test_bad_file(tmp_path: Path, text: str | None, error: str) -> None:
    """A bad file is one line that names file, key and reason, exit code 2; nothing starts."""
    path = tmp_path / "web.yml"
    if text is not None:
        path.write_text(text)
    result = run_exporter(f"--web.config.file={path}", "--web.listen-address=127.0.0.1:0")
    assert result.returncode == 2
    line = rf"tcp-pressure-exporter: error: --web\.config\.file: {error}\n"
    assert re.fullmatch(line, result.stderr)


def test_prometheus(tmp_path: Path) -> None:
    """A real Prometheus scrapes with a client's certificate and a password."""
    site = Site(tmp_path, MUTUAL + USERS)
    client = site.authority.sign("client", "DNS:prom.example.org")
    access = Access(site.context(client), {"Authorization": BASIC})
    with running_exporter(site.log, site.flag, access=access) as exporter:
        scrape = {
            "job_name": "exporter",
            "scheme": "https",
            "tls_config": {
                "ca_file": str(site.authority.cert),
                "cert_file": str(client.cert),
                "key_file": str(client.key),
            },
            "basic_auth": {"username": "prometheus", "password": PASSWORD},
            "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"]}],
        }
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
        with running_prometheus(yaml.safe_dump(config), tmp_path) as prometheus:
            [up] = prometheus.wait_for('up{job="exporter"} == 1')
            assert prometheus.wait_for("tcp_pressure_build_info")
    assert up.value == 1
