"""docs/security.md: its limits are the server's."""

import re

from tcp_pressure_exporter.web.limits import Limits
from tests.support.places import DOCS

ROWS = dict(
    re.findall(r"^\| ([^|]+?) \| ([^|]*?) \|", (DOCS / "security.md").read_text(), re.MULTILINE)
)
LIMITS = Limits()
KIB = 1024


def test_limits() -> None:
    """Each row about a client has the effective number; the kernel doubles the send buffer."""
    assert ROWS["open connections"].startswith(
        f"{LIMITS.connections}, and {LIMITS.spared_descriptors} less"
    )
    assert {name: ROWS[name] for name in ROWS.keys() & {*_expected()}} == _expected()


def _expected() -> dict[str, str]:
    return {
        "from connecting to the end of the headers, TLS handshake included": (
            f"{LIMITS.head_seconds:.0f} s"
        ),
        "request line and headers": f"{LIMITS.head_bytes // KIB} KiB",
        "body, which no page needs": (
            f"{LIMITS.body_bytes // KIB} KiB in {LIMITS.body_seconds:.0f} s"
        ),
        "making the page": f"{LIMITS.answer_seconds:.0f} s",
        "the client's time to take an answer": f"{LIMITS.write_seconds:.0f} s",
        "what the kernel keeps of an answer (SO_SNDBUF)": (
            f"{2 * LIMITS.send_buffer_bytes // KIB} KiB"
        ),
        "idle between two requests": f"{LIMITS.idle_seconds:.0f} s",
    }
