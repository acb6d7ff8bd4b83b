"""From the web configuration file and the files that it names to a Protection."""

from pathlib import Path

from tcp_pressure_exporter.config_errors import ConfigError
from tcp_pressure_exporter.config_reading import converted, yaml_document
from tcp_pressure_exporter.web.basic_auth import BasicAuth
from tcp_pressure_exporter.web.protection import Protection
from tcp_pressure_exporter.web.rate_limit import TokenBucket
from tcp_pressure_exporter.web.tls import TlsError, TlsServer
from tcp_pressure_exporter.web_config.sections import (
    RateSection,
    WebConfigFile,
    checked_headers,
    checked_rate,
    checked_users,
)
from tcp_pressure_exporter.web_config.tls_section import TlsSection, file_key, tls_settings


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
    """Return the certificates and keys, relative ones from the folder."""
    return [folder / name for name in file.tls.files()] if file.tls else []


def build_protection(file: WebConfigFile, folder: Path) -> Protection:
    """Read certificates and keys, relative ones from the folder. Raises ConfigError."""
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
