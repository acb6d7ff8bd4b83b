"""The mapping `tls_server_config`: exporter-toolkit's names → OpenSSL's."""

import ssl
from pathlib import Path
from typing import TypeVar

from tcp_pressure_exporter.escaping import quoted
from tcp_pressure_exporter.settings.reading import ConfigError, read_bytes
from tcp_pressure_exporter.settings.web_file import NO_CLIENT_AUTH, TlsSection
from tcp_pressure_exporter.web.protection.tls import TlsSettings

_V = TypeVar("_V")

SECTION = "tls_server_config"
VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
OBSOLETE_VERSIONS = {"TLS10", "TLS11"}
AUTH_TYPES = {
    **dict.fromkeys(NO_CLIENT_AUTH, ssl.CERT_NONE),
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
# Python's ssl cannot ask for a certificate without verifying it.
UNVERIFIED_AUTH_TYPES = {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"}
CURVES = {
    "X25519": "X25519",
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
}
# What Go's tls.CipherSuites() returns, with OpenSSL's names from ciphers(1).
TLS12_CIPHERS = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
# Accepted but without effect, as in Go: TLS 1.3 always has all three.
TLS13_CIPHERS = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
}


def tls_settings(section: TlsSection, folder: Path) -> TlsSettings:
    """Read the files, with relative paths from the folder, and translate. Raises ConfigError."""
    lowest, highest = _version(section, "min_version"), _version(section, "max_version")
    if lowest > highest:
        raise ConfigError(f"{SECTION}.min_version", "is above max_version")
    ciphers = _ciphers(section)
    if ciphers == ():
        # As in Go, where nothing is left for TLS 1.2 to agree on.
        if highest == ssl.TLSVersion.TLSv1_2:
            raise ConfigError(f"{SECTION}.cipher_suites", "none of them is for TLS12")
        lowest, ciphers = ssl.TLSVersion.TLSv1_3, None
    return TlsSettings(
        cert=_required(section, "cert", folder),
        key=_required(section, "key", folder),
        client_ca=_pem(section, "client_ca", folder),
        client_auth=_client_auth(section),
        client_names=_client_names(section),
        lowest=lowest,
        highest=highest,
        ciphers=ciphers,
        server_preference=section.prefer_server_cipher_suites,
        curve=_curve(section, lowest),
    )


def file_key(section: TlsSection, what: str) -> str:
    """Return the key that gives "cert", "key" or "client_ca", for an error about it."""
    return f"{SECTION}.{what}_file" if getattr(section, f"{what}_file") else f"{SECTION}.{what}"


def _required(section: TlsSection, what: str, folder: Path) -> bytes:
    data = _pem(section, what, folder)
    if data is None:
        raise ConfigError(f"{SECTION}.{what}_file", "is missing")
    return data


def _pem(section: TlsSection, what: str, folder: Path) -> bytes | None:
    inline, name = getattr(section, what), getattr(section, f"{what}_file")
    if inline and name:
        raise ConfigError(f"{SECTION}.{what}", f"cannot be combined with {what}_file")
    if name:
        return read_bytes(folder / name, f"{SECTION}.{what}_file")
    return inline.encode() if inline else None


def _version(section: TlsSection, key: str) -> ssl.TLSVersion:
    name = getattr(section, key)
    if name in OBSOLETE_VERSIONS:
        raise ConfigError(f"{SECTION}.{key}", f"{name} is obsolete (RFC 8996): use TLS12 or TLS13")
    return _one_of(VERSIONS, f"{SECTION}.{key}", name)


def _ciphers(section: TlsSection) -> tuple[str, ...] | None:
    """Return OpenSSL's names of those for TLS 1.2; None leaves the choice to OpenSSL."""
    if not section.cipher_suites:
        return None
    for index, name in enumerate(section.cipher_suites):
        if name not in TLS12_CIPHERS and name not in TLS13_CIPHERS:
            key = f"{SECTION}.cipher_suites[{index}]"
            raise ConfigError(key, f"unknown cipher suite (got {quoted(name)})")
    return tuple(TLS12_CIPHERS[name] for name in section.cipher_suites if name in TLS12_CIPHERS)


def _curve(section: TlsSection, lowest: ssl.TLSVersion) -> str | None:
    key = f"{SECTION}.curve_preferences"
    names = [
        _one_of(CURVES, f"{key}[{index}]", name)
        for index, name in enumerate(section.curve_preferences)
    ]
    if len(names) > 1:
        raise ConfigError(key, "only one curve can be set (a limit of Python's ssl module)")
    if names and _client_auth(section) != ssl.CERT_NONE and lowest < ssl.TLSVersion.TLSv1_3:
        # Up to TLS 1.2, OpenSSL applies the setting to the keys of certificates too.
        raise ConfigError(key, "needs min_version: TLS13 when clients have certificates")
    if names and not _settable(names[0]):
        raise ConfigError(key, f"this Python cannot set {section.curve_preferences[0]}")
    return names[0] if names else None


def _settable(curve: str) -> bool:
    """Try it: Debian 12's Python cannot set X25519, which OpenSSL prefers by default."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve(curve)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _client_auth(section: TlsSection) -> ssl.VerifyMode:
    key, name = f"{SECTION}.client_auth_type", section.client_auth_type
    if name in UNVERIFIED_AUTH_TYPES:
        reason = f"{name} is not supported: it does not verify; use RequireAndVerifyClientCert"
        raise ConfigError(key, reason)
    mode = _one_of(AUTH_TYPES, key, name)
    has_authority = bool(section.client_ca or section.client_ca_file)
    if has_authority and mode == ssl.CERT_NONE:
        raise ConfigError(key, "must verify certificates when client_ca_file is set")
    if mode != ssl.CERT_NONE and not has_authority:
        # Go would take the system's authorities: anyone with a public certificate would be
        # admitted.
        raise ConfigError(f"{SECTION}.client_ca_file", f"is missing; {name} needs it")
    return mode


def _client_names(section: TlsSection) -> frozenset[str] | None:
    key, names = f"{SECTION}.client_allowed_sans", section.client_allowed_sans
    if names is None:
        return None
    if not names:
        raise ConfigError(key, "must not be empty")
    if section.client_auth_type != "RequireAndVerifyClientCert":
        raise ConfigError(key, "needs client_auth_type: RequireAndVerifyClientCert")
    return frozenset(names)


def _one_of(known: dict[str, _V], key: str, name: str) -> _V:
    if name not in known:
        names = ", ".join(filter(None, known))
        raise ConfigError(key, f"must be one of {names} (got {quoted(name)})")
    return known[name]
