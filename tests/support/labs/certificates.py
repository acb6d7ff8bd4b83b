"""Certificates for tests, made by openssl: each folder has its own authority."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

EXTENSIONS = """\
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates for a day. Its own certificate is `cert`."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
        _openssl(
            *("req", "-x509", "-new", "-nodes", "-days", "1", "-subj", f"/CN={name}"),
            # Since 3.13, Python requires what RFC 5280 section 4.2.1.3 demands of an authority.
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-keyout", pair.key, "-out", pair.cert),
        )
        self._pair = pair

    @property
    def cert(self) -> Path:
        return self._pair.cert

    def sign(self, file: str, names: str = "DNS:localhost,IP:127.0.0.1,IP:::1") -> Pair:
        """Make FILE.pem and FILE.key with these subject alternative names (x509v3_config(5))."""
        pair = Pair(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        request, extensions = self._folder / f"{file}.csr", self._folder / f"{file}.cnf"
        extensions.write_text(EXTENSIONS.format(names=names))
        _openssl(
            *("req", "-new", "-nodes", "-subj", f"/CN={file}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-keyout", pair.key, "-out", request),
        )
        _openssl(
            *("x509", "-req", "-days", "1", "-in", request, "-out", pair.cert),
            *("-CA", self.cert, "-CAkey", self._pair.key, "-CAcreateserial"),
            *("-extfile", extensions, "-extensions", "leaf"),
        )
        return pair


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
