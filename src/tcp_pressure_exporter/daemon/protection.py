"""The web configuration in effect: reread when it changes, without a restart."""

import errno
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.daemon.tls_settings import file_key, tls_settings
from tcp_pressure_exporter.settings.reading import (
    ConfigError,
    converted,
    located,
    read_text,
    yaml_document,
)
from tcp_pressure_exporter.settings.web_file import (
    RateSection,
    TlsSection,
    WebConfigFile,
    checked_headers,
    checked_rate,
    checked_users,
)
from tcp_pressure_exporter.web.protection.basic_auth import BasicAuth
from tcp_pressure_exporter.web.protection.protection import Protection, TokenBucket
from tcp_pressure_exporter.web.protection.tls import TlsError, TlsServer


def parse_web_config(text: str) -> WebConfigFile:
    """Parse the text of a file; an empty one protects nothing.

    Raises ConfigError, which names the key, or the line and column where the YAML is bad.
    """
    file = converted(yaml_document(text), WebConfigFile)
    checked_headers(file.http.headers)
    checked_users(file.basic_auth_users or {})
    checked_rate(file.rate_limit or RateSection())
    return file


def named_files(file: WebConfigFile, folder: Path) -> list[Path]:
    """Return the paths of certificates and keys; relative ones start at the folder."""
    return [folder / name for name in file.tls.files()] if file.tls else []


def build_protection(file: WebConfigFile, folder: Path) -> Protection:
    """Read certificates and keys; relative paths start at the folder. Raises ConfigError."""
    rate = checked_rate(file.rate_limit or RateSection())
    users = file.basic_auth_users
    return Protection(
        tls=_tls(file.tls, folder) if file.tls else None,
        rate_limit=TokenBucket(*rate) if rate else None,
        auth=BasicAuth(users) if users else None,
        headers=file.http.headers,
    )


def _tls(section: TlsSection, folder: Path) -> TlsServer:
    settings = tls_settings(section, folder)
    try:
        return TlsServer(settings)
    except TlsError as error:
        raise ConfigError(file_key(section, error.what), error.reason) from error


# Where a file is, and what changes when it is written, replaced or given other permissions.
Stamp = tuple[int, int, int, int, int]

SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class WebConfigWatch:
    """Gives the Protection that the file currently demands.

    For each connection and request it checks the times of the file and of those it names, which
    takes microseconds. After a change it reads everything; if any of it is bad, the old protection
    stays until another change or, if descriptors or memory were short, until there are enough.
    """

    def __init__(
        self,
        path: Path,
        log: FilteringBoundLogger,
        *,
        count_reload: Callable[[bool], None] = lambda _good: None,
    ) -> None:
        """Start with nothing in effect until `read`; later reads are counted."""
        self._path = path
        self._log = log
        self._count_reload = count_reload
        self._stamps: Mapping[Path, Stamp | None] = {}
        self._postponed = False  # a reload, for lack of descriptors or memory
        self._file = WebConfigFile()
        self._protection = Protection()

    def read(self) -> Self:
        """Read the file for the first time, and return the watch; raises ConfigError."""
        self._file, self._protection = self._read_all()
        self._say_what_is_not_done()
        return self

    def current(self) -> Protection:
        """Return what is in effect, after checking the files."""
        changed = any(_stamp(path) != stamp for path, stamp in self._stamps.items())
        if changed or self._postponed:
            self._reload(told=self._postponed and not changed)
        return self._protection

    def _reload(self, *, told: bool) -> None:
        """Read everything again. `told`: a shortage has already been logged and counted."""
        try:
            file, built = self._read_all()
        except ConfigError as error:
            self._postponed = _is_shortage(error)
            if not (told and self._postponed):
                self._refuse(str(error))
            return
        self._postponed = False
        self._protection = _keeping_state(self._protection, self._file, built, file)
        self._file = file
        self._log.info("web configuration reloaded", file=str(self._path))
        self._count_reload(True)  # noqa: FBT003  # whether it was good

    def _refuse(self, reason: str) -> None:
        self._log.error("web configuration not reloaded, keeping the old one", reason=reason)
        self._count_reload(False)  # noqa: FBT003  # whether it was good

    def _read_all(self) -> tuple[WebConfigFile, Protection]:
        """Read the file and what it names. Raises ConfigError, with the file and the line."""
        # Stamps are taken before reading: a change in between is then noticed the next time.
        own = _stamp(self._path)
        self._stamps = {**self._stamps, self._path: own}
        text = read_text(self._path)
        try:
            return self._understand(text, own)
        except ConfigError as error:
            raise located(error, self._path, text) from error

    def _understand(self, text: str, own: Stamp | None) -> tuple[WebConfigFile, Protection]:
        """Watch what the file names as well: a certificate that is bad now may be fixed."""
        file, folder = parse_web_config(text), self._path.parent
        named = {path: _stamp(path) for path in named_files(file, folder)}
        self._stamps = {self._path: own, **named}
        _check_nothing_is_opened(self._file, file)
        return file, build_protection(file, folder)

    def _say_what_is_not_done(self) -> None:
        if self._file.http.http2:
            self._log.info("HTTP/2 is not supported, serving HTTP/1.1", file=str(self._path))


def _stamp(path: Path) -> Stamp | None:
    """Return what identifies the contents of a file; None if it cannot be examined."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in the path. Reading will say what is wrong.
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is_shortage(error: BaseException | None) -> bool:
    """Tell whether an error may go away without any file changing."""
    while error is not None:
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
            return error.errno in SHORTAGES
        error = error.__cause__
    return False


def _check_nothing_is_opened(old: WebConfigFile, new: WebConfigFile) -> None:
    """Reject a file that demands less of clients: a half-written one looks just like that."""
    for key in sorted(old.demands() - new.demands()):
        raise ConfigError(key, "is gone; restart to change that")


def _keeping_state(
    protection: Protection, old: WebConfigFile, built: Protection, new: WebConfigFile
) -> Protection:
    """Keep the verdicts on passwords, and the tokens, if their sections have not changed."""
    return replace(
        built,
        auth=protection.auth if new.basic_auth_users == old.basic_auth_users else built.auth,
        rate_limit=protection.rate_limit if new.rate_limit == old.rate_limit else built.rate_limit,
    )
