"""What the .deb and the .rpm say about themselves, from pyproject.toml and the changelog.

With a folder: writes the copyright file and the changelog that Debian requires (policy 12.5, 4.4).
Without: prints variables for the shell.
"""

import gzip
import os
import shlex
import sys
import tomllib
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = PROJECT["name"]
VERSION = PROJECT["version"]
HOMEPAGE = PROJECT["urls"]["Homepage"]
MAINTAINER = "{name} <{email}>".format(**PROJECT["authors"][0])
COPYRIGHT = f"""\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: {NAME}
Source: {HOMEPAGE}

Files: *
Copyright: 2026 The {NAME} authors
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.
Comment: The BPF programs in _bpf.abi3.so are under Apache-2.0 or GPL-2.0-only,
 as you choose; the latter is in /usr/share/common-licenses/GPL-2.
 The libraries below /usr/lib/{NAME} have licences of their own, which
 stand in the *.dist-info folder of each.
"""


def changelog(now: datetime) -> str:
    """Return this build's single entry; what changed is in CHANGELOG.md."""
    head = f"{NAME} ({VERSION}-1) unstable; urgency=medium"
    return (
        f"{head}\n\n  * See CHANGELOG.md of the project.\n\n"
        f" -- {MAINTAINER}  {format_datetime(now)}\n"
    )


def write(folder: Path, now: datetime) -> None:
    """Write both papers; the same time gives the same bytes."""
    (folder / "copyright").write_text(COPYRIGHT)
    packed = gzip.compress(changelog(now).encode(), mtime=0)
    (folder / "changelog.Debian.gz").write_bytes(packed)


def variables() -> str:
    """Return assignments for the shell."""
    values = {"VERSION": VERSION, "MAINTAINER": MAINTAINER, "HOMEPAGE": HOMEPAGE}
    return "\n".join(f"{name}={shlex.quote(value)}" for name, value in values.items())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        seconds = int(os.environ["SOURCE_DATE_EPOCH"])
        write(Path(sys.argv[1]), datetime.fromtimestamp(seconds, UTC))
    else:
        print(variables())
