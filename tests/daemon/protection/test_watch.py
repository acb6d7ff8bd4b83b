import errno
import os
import re
from pathlib import Path

import pytest
from structlog.testing import LogCapture

from tcp_pressure_exporter.daemon.protection import WebConfigWatch
from tcp_pressure_exporter.settings.reading import ConfigError
from tests.support.fakes.captured_log import captured_log
from tests.support.labs.certificates import Authority

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"  # exporter-toolkit's example
USERS = f"basic_auth_users: {{prometheus: {HASH}}}\n"
TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
MUTUAL = (
    "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem,"
    " client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [x]}\n"
)
RATE = "rate_limit: {interval: 1h, burst: 1}\n"


class Watched:
    """A file, its watch, and the results of its changes."""

    def __init__(self, folder: Path, text: str) -> None:
        self.authority = Authority(folder)
        self.authority.sign("server")
        self.path = folder / "web.yml"
        self.path.write_text(text)
        self.reloads: list[bool] = []
        log, self.logged = captured_log()
        self.watch = WebConfigWatch(self.path, log, count_reload=self.reloads.append).read()

    def write(self, text: str) -> None:
        """Replace the file, as editors and configuration management do."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.path)


def errors(logged: LogCapture) -> list[str]:
    """Return the reasons in the log, without the leading file and line."""
    lines = [line["reason"] for line in logged.entries if line["log_level"] == "error"]
    return [re.sub(r"^.*?/web\.yml: (line [0-9]+: )?", "", line) for line in lines]


def test_unchanged(tmp_path: Path) -> None:
    """Without a change the same protection is given, and nothing is counted."""
    watched = Watched(tmp_path, TLS + USERS)
    assert watched.watch.current() is watched.watch.current()
    assert watched.reloads == []


def test_new_certificate(tmp_path: Path) -> None:
    """A certificate and key that are renewed are used from then on, and counted once."""
    watched = Watched(tmp_path, TLS)
    before = watched.watch.current().tls
    assert before
    watched.authority.sign("server")
    after = watched.watch.current().tls
    assert after
    assert after.context is not before.context
    assert watched.watch.current().tls is after
    assert watched.reloads == [True]


def test_bad_pair_keeps_the_old(tmp_path: Path) -> None:
    """The key of another certificate changes nothing and is reported once; a fix is noticed."""
    watched = Watched(tmp_path, TLS)
    before = watched.watch.current()
    good = (tmp_path / "server.key").read_bytes()
    watched.authority.sign("other")
    (tmp_path / "other.key").replace(tmp_path / "server.key")
    assert [watched.watch.current() for _ in range(3)] == [before] * 3
    reason = "tls_server_config.key_file: does not belong to the certificate"
    assert errors(watched.logged) == [reason]
    (tmp_path / "server.key").write_bytes(good)
    assert watched.watch.current() is not before
    assert watched.reloads == [False, True]


def test_shortage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewed pair that cannot be loaded for lack of a descriptor is reported and counted once.

    It is loaded as soon as a descriptor is free again.
    """

    def none_is_free(_name: str) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    watched = Watched(tmp_path, TLS)
    before = watched.watch.current()
    watched.authority.sign("server")
    with monkeypatch.context() as short:
        short.setattr(os, "memfd_create", none_is_free)
        assert [watched.watch.current() for _ in range(3)] == [before] * 3
    reason = "tls_server_config.key_file: cannot be passed to OpenSSL: Too many open files"
    assert errors(watched.logged) == [reason]
    after = watched.watch.current()
    assert after is not before
    assert watched.watch.current() is after
    assert watched.reloads == [False, True]


@pytest.mark.parametrize("text", ["basic_auth_users: [", "unknown: 1", "rate_limit: {burst: x}"])
def test_bad_file_keeps_the_old(tmp_path: Path, text: str) -> None:
    """A file that cannot be used changes nothing."""
    watched = Watched(tmp_path, USERS)
    before = watched.watch.current()
    watched.write(text)
    assert watched.watch.current() is before
    assert watched.reloads == [False]


def test_file_that_vanishes(tmp_path: Path) -> None:
    """A missing file changes nothing until it is back."""
    watched = Watched(tmp_path, USERS)
    before = watched.watch.current()
    watched.path.unlink()
    assert watched.watch.current() is before
    watched.path.write_text(USERS + RATE)
    assert watched.watch.current().rate_limit
    assert watched.reloads == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (USERS, "", "basic_auth_users"),
        (USERS, "basic_auth_users: {}", "basic_auth_users"),
        (TLS, "", "tls_server_config"),
        (TLS, "tls_server_config:", "tls_server_config"),
        (MUTUAL, TLS, "tls_server_config.client_allowed_sans"),
        (
            MUTUAL,
            MUTUAL.replace(", client_allowed_sans: [x]", ""),
            "tls_server_config.client_allowed_sans",
        ),
    ],
)
def test_reload_opens_no_door(tmp_path: Path, old: str, new: str, key: str) -> None:
    """A file that demands less of clients, as a half-written one does, is refused."""
    watched = Watched(tmp_path, old)
    before = watched.watch.current()
    watched.write(new)
    assert watched.watch.current() is before
    assert errors(watched.logged) == [f"{key}: is gone; restart to change that"]


def test_more_protection(tmp_path: Path) -> None:
    """TLS, client certificates and users can be added without a restart."""
    watched = Watched(tmp_path, "")
    assert watched.watch.current().tls is None
    watched.write(MUTUAL + USERS)
    assert watched.watch.current().tls
    assert watched.watch.current().auth


def test_state_survives(tmp_path: Path) -> None:
    """Verdicts and tokens survive changes elsewhere, but not in their own section."""
    watched = Watched(tmp_path, USERS + RATE)
    before = watched.watch.current()
    watched.write(USERS + RATE + "http_server_config: {headers: {X-Frame-Options: deny}}")
    after = watched.watch.current()
    assert after.headers == {"X-Frame-Options": "deny"}
    assert (after.auth, after.rate_limit) == (before.auth, before.rate_limit)
    watched.write(USERS.replace("prometheus", "other"))
    assert watched.watch.current().auth is not before.auth
    assert watched.watch.current().rate_limit is None


def test_new_names_are_watched(tmp_path: Path) -> None:
    """A file that names a missing certificate takes effect once the certificate is there."""
    watched = Watched(tmp_path, TLS)
    before = watched.watch.current()
    watched.write(TLS.replace("server.", "later."))
    assert watched.watch.current() is before
    watched.authority.sign("later")
    assert watched.watch.current() is not before


def test_rights_that_are_mended(tmp_path: Path) -> None:
    """A change of permissions alone is a reason to look again."""
    watched = Watched(tmp_path, TLS)
    before = watched.watch.current()
    os.chmod(tmp_path / "server.key", 0o640)  # noqa: PTH101  # any change of its inode
    assert watched.watch.current() is not before


def test_bad_at_the_start(tmp_path: Path) -> None:
    """The first reading raises an error about what is wrong."""
    Authority(tmp_path).sign("server").key.unlink()
    (tmp_path / "web.yml").write_text(TLS)
    with pytest.raises(ConfigError, match=r"server\.key: No such file"):
        WebConfigWatch(tmp_path / "web.yml", captured_log()[0]).read()


def test_place(tmp_path: Path) -> None:
    """An error in a key, or in the file that it names, is reported with the file and line."""
    Authority(tmp_path).sign("server").key.unlink()
    path = tmp_path / "web.yml"
    path.write_text("# TLS\ntls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n")
    with pytest.raises(ConfigError) as caught:
        WebConfigWatch(path, captured_log()[0]).read()
    assert str(caught.value) == (
        f"{path}: line 4: tls_server_config.key_file:"
        f" {tmp_path / 'server.key'}: No such file or directory"
    )


@pytest.mark.parametrize(("value", "lines"), [("true", 1), ("false", 0)])
def test_http2(tmp_path: Path, value: str, lines: int) -> None:
    """If a file asks for HTTP/2, the log says that HTTP/1.1 is served."""
    watched = Watched(tmp_path, f"http_server_config: {{http2: {value}}}")
    assert len(watched.logged.entries) == lines
