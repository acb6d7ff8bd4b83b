"""TLS on the server's side: certificate and key, and which clients are admitted."""

import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

_NAME_KINDS = {"DNS", "email", "URI"}  # of subject alternative names, as Python calls them
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class TlsError(ValueError):
    """OpenSSL refuses `what`, one of "cert", "key", "client_ca", for a one-line `reason`."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Certificate chain, key and CA are in PEM; names are OpenSSL's.

    ciphers are for TLS 1.2, None for OpenSSL's choice; those of TLS 1.3 are not configurable,
    as in Go. client_names: a client's certificate must have one of these; None: any will do.
    """

    cert: bytes
    key: bytes
    client_ca: bytes | None = None
    client_auth: ssl.VerifyMode = ssl.CERT_NONE
    client_names: frozenset[str] | None = None
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    ciphers: tuple[str, ...] | None = None
    server_preference: bool = True
    curve: str | None = None


class TlsServer:
    """A ready context, and which clients are admitted after the handshake."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raise TlsError if OpenSSL cannot use the settings."""
        self.context = _context(settings)
        self._names = settings.client_names

    def admits(self, connection: ssl.SSLSocket) -> bool:
        """Whether the client's certificate, already verified, has one of the allowed names."""
        if self._names is None:
            return True
        certificate = connection.getpeercert() or {}
        return not self._names.isdisjoint(client_names(certificate))


def _context(settings: TlsSettings) -> ssl.SSLContext:
    if sys.platform != "linux":
        raise TlsError("key", "only Linux can hand it to OpenSSL without a file on disk")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = settings.lowest
    context.maximum_version = settings.highest
    context.set_alpn_protocols(["http/1.1"])
    if settings.ciphers is not None:
        context.set_ciphers(":".join(settings.ciphers))
    if settings.curve is not None:
        context.set_ecdh_curve(settings.curve)
    if not settings.server_preference:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _load_pair(context, settings.cert, settings.key)
    context.verify_mode = settings.client_auth
    if settings.client_ca is not None:
        _load_authorities(context, settings.client_ca, "client_ca")
    return context


def _load_pair(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    # Loaded separately, so that a failure below is the key's fault.
    _load_authorities(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert, "cert")
    try:
        with _file_of(cert) as cert_path, _file_of(key) as key_path:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(cert_path, key_path, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError("key", "does not belong to the certificate") from error
        if error.reason in {"EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"}:
            raise TlsError("cert", "too weak for this OpenSSL") from error
        raise TlsError("key", "not a PEM private key without a passphrase") from error
    except OSError as error:  # short of descriptors or memory
        raise TlsError("key", f"cannot be passed to OpenSSL: {error.strerror}") from error


def _load_authorities(context: ssl.SSLContext, pem: bytes, what: str) -> None:
    # Only the blocks: text that some tools put between them may be in any encoding.
    blocks = b"\n".join(_CERTIFICATE.findall(pem))
    try:
        context.load_verify_locations(cadata=blocks.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:  # ValueError: not ASCII, or none at all
        raise TlsError(what, "not a PEM certificate") from error


@contextmanager
def _file_of(data: bytes) -> Iterator[str]:
    """Give bytes a file name, which load_cert_chain insists on; nothing is written to disk.

    So certificate and key are read once, and a key in the configuration never reaches a disk.
    """
    descriptor = os.memfd_create("pem")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def client_names(certificate: Mapping[str, Any]) -> set[str]:
    """Return the DNS names, e-mail addresses, IP addresses and URIs in a certificate.

    `certificate` is what ssl.SSLObject.getpeercert() returns. Addresses are written as Go writes
    them, since exporter-toolkit compares texts: RFC 5952 for IPv6, the IPv4 form for v4-mapped
    ones.
    """
    names = certificate.get("subjectAltName", ())
    return {text for kind, text in names if kind in _NAME_KINDS} | {
        _written(text) for kind, text in names if kind == "IP Address"
    }


def _written(address: str) -> str:
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return address  # not 4 or 16 bytes long: OpenSSL says "<invalid>"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)
