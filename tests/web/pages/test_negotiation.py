import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.web.pages.negotiation import (
    CLASSIC,
    OPENMETRICS,
    Format,
    choose_format,
    gzip_accepted,
)

_PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
_PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", CLASSIC),
        ("*/*", CLASSIC),
        ("text/plain", CLASSIC),
        ("text/html,application/xhtml+xml,*/*;q=0.8", CLASSIC),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        (_PROMETHEUS_2_42, OPENMETRICS),
        (_PROMETHEUS_3, OPENMETRICS),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.8", CLASSIC),
        ("text/plain;q=0.2,application/openmetrics-text;q=0.8", OPENMETRICS),
        ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.5", CLASSIC),
        ("application/openmetrics-text;q=0", CLASSIC),
        ("application/openmetrics-text;version=0.0.1", CLASSIC),
        ("application/openmetrics-text;version=99", CLASSIC),
        ("application/openmetrics-text;q=nan", CLASSIC),
        ("application/openmetrics-text;q=1e9,text/plain", CLASSIC),
    ],
)
def test_choice_of_format(accept: str, expected: Format) -> None:
    """The higher-rated of the two formats wins; classic text is the default."""
    assert choose_format(accept) is expected


def test_content_types() -> None:
    """The content types are those by which Prometheus 2 and 3 know the formats."""
    assert CLASSIC.content_type == "text/plain; version=0.0.4; charset=utf-8"
    expected = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert OPENMETRICS.content_type == expected


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=0.5, br", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("gzip;q=bogus", False),
    ],
)
def test_gzip(accept_encoding: str, accepted: bool) -> None:  # noqa: FBT001 - a table's column
    """Gzip is used when it is named or covered by '*', and not weighted 0 (RFC 9110 12.5.3)."""
    assert gzip_accepted(accept_encoding) is accepted


@settings(deadline=None)
@given(st.text())
def test_any_header(header: str) -> None:
    """No header value, however odd, makes the choice fail."""
    assert choose_format(header) in (CLASSIC, OPENMETRICS)
    assert gzip_accepted(header) in (True, False)
