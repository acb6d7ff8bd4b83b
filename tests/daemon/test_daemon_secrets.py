"""The exporter's secrets are nowhere to be read."""

import base64
import ssl
from dataclasses import replace
from pathlib import Path

import bcrypt
import yaml

from tests.support.labs.certificates import Authority
from tests.support.labs.exporter_process import Access, running_exporter

PASSWORD, GUESS = "correct horse", "battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
PAGES = ("/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready", "/nowhere?token=swordfish")


def credentials(password: str) -> str:
    return base64.b64encode(f"prometheus:{password}".encode()).decode()


def access_with(authority: Authority, password: str) -> Access:
    context = ssl.create_default_context(cafile=str(authority.cert))
    return Access(context, {"Authorization": f"Basic {credentials(password)}"})


def web_config(authority: Authority, users: object) -> str:
    """Return a file that holds the private key itself."""
    pair = authority.sign("server")
    tls = {"cert": pair.cert.read_text(), "key": pair.key.read_text(), "min_version": "TLS12"}
    return yaml.dump({"tls_server_config": tls, "basic_auth_users": users})


def test_no_secret_is_told(tmp_path: Path) -> None:
    """Keys, passwords, hashes and guesses are on no page and in no log line, even at debug level.

    This holds for refused requests, and for reloads that fail because of a bad hash or key.
    """
    authority = Authority(tmp_path)
    config, log = tmp_path / "web.yml", tmp_path / "log"
    good = web_config(authority, {"prometheus": HASH})
    config.write_text(good)
    key = (tmp_path / "server.key").read_text().splitlines()[1:-1]
    access = access_with(authority, PASSWORD)
    flags = (f"--web.config.file={config}", "--log.level=debug")
    told: list[str] = []
    with running_exporter(log, *flags, access=access) as exporter:
        stranger = replace(exporter, access=access_with(authority, GUESS))
        bad_hash = web_config(authority, {"prometheus": "hunter2"})
        for text in (good, bad_hash, good.replace(key[0], "x")):
            config.write_text(text)
            told += [asker.get(path)[1] for asker in (exporter, stranger) for path in PAGES]
    lines = log.read_text()
    assert lines.count("web configuration not reloaded") == 2
    assert lines.count("status=401") == 3 * len(PAGES)
    for secret in (PASSWORD, HASH, GUESS, "hunter2", "swordfish", *key):
        assert not [text for text in (lines, *told) if secret in text]
    for password in (PASSWORD, GUESS):
        assert credentials(password) not in lines
