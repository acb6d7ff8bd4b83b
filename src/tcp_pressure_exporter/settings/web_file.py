"""exporter-toolkit's web configuration file, and what is checked in it besides its types."""

import re

from msgspec import Struct

from tcp_pressure_exporter.escaping import quoted
from tcp_pressure_exporter.settings.reading import ConfigError

NO_CLIENT_AUTH = {"", "NoClientCert"}


class TlsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The mapping as it is written; an empty text means the same as an absent one."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = ""
    client_allowed_sans: list[str] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: list[str] = []
    prefer_server_cipher_suites: bool = True
    curve_preferences: list[str] = []

    def files(self) -> list[str]:
        """Return the names of the files that it names."""
        return [name for name in (self.cert_file, self.key_file, self.client_ca_file) if name]


UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(ns|us|µs|ms|s|m|h)")
MAX_BURST = 1_000_000
MAX_INTERVAL = 3600.0  # seconds

# None: any value. The toolkit allows no other headers.
HEADERS = {
    "Content-Security-Policy": None,
    "Strict-Transport-Security": None,
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": None,
}
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?|")  # RFC 9110 section 5.5
HASH = re.compile(r"\$2[aby]?\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
MIN_COST, MAX_COST = 4, 31


class HttpSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The mapping `http_server_config`."""

    http2: bool | None = None
    headers: dict[str, str] = {}


class RateSection(Struct, frozen=True, forbid_unknown_fields=True):
    """The mapping `rate_limit`."""

    interval: str | int = 0
    burst: int = 0


class WebConfigFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    tls_server_config: TlsSection | None = None
    http_server_config: HttpSection | None = None
    basic_auth_users: dict[str, str] | None = None
    rate_limit: RateSection | None = None

    @property
    def tls(self) -> TlsSection | None:
        """The section on TLS; like the toolkit, this treats an empty one as absent."""
        return None if self.tls_server_config == TlsSection() else self.tls_server_config

    @property
    def http(self) -> HttpSection:
        return self.http_server_config or HttpSection()

    def demands(self) -> set[str]:
        """Return the keys of everything that a client must satisfy before it sees a page."""
        tls = self.tls or TlsSection()
        demanded = {
            "tls_server_config": self.tls,
            "tls_server_config.client_auth_type": tls.client_auth_type not in NO_CLIENT_AUTH,
            "tls_server_config.client_allowed_sans": tls.client_allowed_sans,
            "basic_auth_users": self.basic_auth_users,
        }
        return {key for key, demand in demanded.items() if demand}


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers if the toolkit allows them with their values. Raises ConfigError."""
    for name, text in headers.items():
        key = f"http_server_config.headers.{name}"
        if name not in HEADERS:
            raise ConfigError(key, f"must be one of {', '.join(HEADERS)}")
        allowed = HEADERS[name]
        if allowed and text not in allowed:
            raise ConfigError(key, f"must be {' or '.join(allowed)} (got {quoted(text)})")
        if not HEADER_VALUE.fullmatch(text):
            raise ConfigError(key, f"must be printable ASCII (got {quoted(text)})")
    return headers


def checked_users(users: dict[str, str]) -> dict[str, str]:
    """Return the users if all of them can log in. Raises ConfigError, which never shows a hash."""
    for name, hashed in users.items():
        key = f"basic_auth_users.{name}"
        if ":" in name:
            raise ConfigError(key, "a name cannot have a colon (RFC 7617)")
        match = HASH.fullmatch(hashed)
        if match is None:
            raise ConfigError(key, "must be a bcrypt hash, as of htpasswd -nBC 10")
        if not MIN_COST <= int(match["cost"]) <= MAX_COST:
            raise ConfigError(key, f"the cost must be from {MIN_COST} to {MAX_COST}")
    return users


def checked_rate(section: RateSection) -> tuple[float, int] | None:
    """Return seconds per request and burst, None for no limit. Raises ConfigError."""
    try:
        interval = go_duration(str(section.interval))
    except ValueError as error:
        reason = f"{error} (got {quoted(str(section.interval))})"
        raise ConfigError("rate_limit.interval", reason) from error
    if interval == 0:
        return None
    if interval > MAX_INTERVAL:
        raise ConfigError("rate_limit.interval", "must be at most 1h")
    if not 1 <= section.burst <= MAX_BURST:
        raise ConfigError("rate_limit.burst", f"must be from 1 to {MAX_BURST}")
    return interval, section.burst


def go_duration(text: str) -> float:
    """Return the seconds of a duration in Go's notation: 1s, 1.5m, 1m30s or 0, never negative.

    Source: time.ParseDuration. Raises ValueError.
    """
    if text == "0":
        return 0.0
    parts = list(PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError("must be a duration such as 100ms, 1s or 1m30s")
    return sum(float(part[1]) * UNITS[part[2]] for part in parts)
