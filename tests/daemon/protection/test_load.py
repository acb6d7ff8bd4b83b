import json
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.daemon.protection import build_protection, parse_web_config
from tcp_pressure_exporter.settings.reading import ConfigError
from tcp_pressure_exporter.settings.web_file import go_duration
from tcp_pressure_exporter.web.protection.protection import Protection
from tests.support.labs.certificates import Authority
from tests.support.labs.prometheus_server import PROMTOOL
from tests.support.places import DEPLOY

SAMPLE = DEPLOY / "web-config.yml"
HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"  # exporter-toolkit's example
TLS13_SUITE = "TLS_AES_128_GCM_SHA256"
PAIR = "cert_file: server.pem, key_file: server.key"
MUTUAL = f"{PAIR}, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates: ca, server, a client's authority, another's key, an encrypted key, rubbish."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    authority.sign("server")
    authority.sign("other")
    Authority(folder, "client-ca")
    encrypt = "openssl ec -in server.key -out locked.key -aes256 -passout pass:x"
    subprocess.run(encrypt.split(), cwd=folder, check=True, capture_output=True)
    (folder / "rubbish.pem").write_text("rubbish")
    return folder


def load(text: str, folder: Path) -> Protection:
    return build_protection(parse_web_config(text), folder)


@pytest.mark.parametrize("text", ["", "{}", "tls_server_config:", "basic_auth_users: {}"])
def test_nothing(folder: Path, text: str) -> None:
    """An empty file, and empty sections, protect nothing."""
    assert load(text, folder) == Protection()


def test_relative_paths(folder: Path) -> None:
    """The names of files start at the folder of the configuration file."""
    assert load(f"tls_server_config: {{{PAIR}}}", folder).tls
    absolute = f"cert_file: {folder}/server.pem, key_file: {folder}/server.key"
    assert load(f"tls_server_config: {{{absolute}}}", Path("/nowhere")).tls


def test_inline(folder: Path) -> None:
    """Certificate, key and authority can be in the file itself."""
    texts = {
        key: (folder / name).read_text().replace("\n", "\n    ")
        for key, name in {"cert": "server.pem", "key": "server.key", "client_ca": "ca.pem"}.items()
    }
    lines = "".join(f"  {key}: |\n    {text}\n" for key, text in texts.items())
    client = "  client_auth_type: VerifyClientCertIfGiven\n"
    assert load(f"tls_server_config:\n{lines}{client}", Path("/nowhere")).tls


def test_everything(folder: Path) -> None:
    """A file with every key that can be honoured is accepted."""
    protection = load(
        f"""
tls_server_config:
  {MUTUAL.replace(", ", chr(10) + "  ")}
  client_allowed_sans: [prom.example.org, 192.0.2.1]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP256]
http_server_config:
  http2: false
  headers: {{X-Frame-Options: sameorigin, X-XSS-Protection: "", X-Content-Type-Options: nosniff}}
basic_auth_users:
  prometheus: {HASH}
rate_limit: {{interval: 1.5s, burst: 3}}
""",
        folder,
    )
    assert protection.tls
    assert protection.auth
    assert protection.rate_limit
    assert protection.headers["X-Frame-Options"] == "sameorigin"


def test_a_curve_that_not_every_python_can_set(folder: Path) -> None:
    """X25519 is set, or refused in one line; OpenSSL never surprises."""
    text = f"tls_server_config: {{{PAIR}, curve_preferences: [X25519]}}"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ecdh_curve("X25519")
    except ssl.SSLError:
        with pytest.raises(ConfigError, match="curve_preferences: this Python cannot set X25519"):
            load(text, folder)
    else:
        assert load(text, folder).tls


def test_sample_file(folder: Path, tmp_path: Path) -> None:
    """The file in deploy/ is valid for us and for promtool, and its commented parts for us."""
    for name in ("server.pem", "server.key", "client-ca.pem"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    sample = tmp_path / "web-config.yml"
    sample.write_text(SAMPLE.read_text())
    subprocess.run([PROMTOOL, "check", "web-config", sample], check=True, capture_output=True)
    assert load(SAMPLE.read_text(), tmp_path).auth
    whole = SAMPLE.read_text().replace("  # client_allowed", "  client_allowed")
    whole = whole.replace("# rate_limit:\n#   interval", "rate_limit:\n  interval")
    protection = load(whole.replace("#   burst", "  burst"), tmp_path)
    assert protection.rate_limit


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tls: {}", "tls: unknown key"),
        ("tls_server_config: {cert_fil: x}", "tls_server_config.cert_fil: unknown key"),
        ("tls_server_config: x", "tls_server_config: must be a mapping, got a string"),
        ("tls_server_config: {cert_file: 1}", "cert_file: must be a string, got an integer"),
        ("tls_server_config: {min_version: TLS13}", "tls_server_config.cert_file: is missing"),
        ("tls_server_config: {cert_file: server.pem}", "tls_server_config.key_file: is missing"),
        ("tls_server_config: {key_file: server.key}", "tls_server_config.cert_file: is missing"),
        (f"tls_server_config: {{{PAIR}, cert: x}}", "cert: cannot be combined with cert_file"),
        (
            "tls_server_config: {cert_file: nope.pem, key_file: server.key}",
            "tls_server_config.cert_file: ",
        ),
        (
            "tls_server_config: {cert_file: rubbish.pem, key_file: server.key}",
            "tls_server_config.cert_file: not a PEM certificate",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: rubbish.pem}",
            "tls_server_config.key_file: not a PEM private key without a passphrase",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: locked.key}",
            "tls_server_config.key_file: not a PEM private key without a passphrase",
        ),
        (
            "tls_server_config: {cert_file: server.pem, key_file: other.key}",
            "tls_server_config.key_file: does not belong to the certificate",
        ),
        ("tls_server_config: {cert: x, key: y}", "tls_server_config.cert: not a PEM certificate"),
        (
            f"tls_server_config: {{{MUTUAL.replace('ca.pem', 'rubbish.pem')}}}",
            "tls_server_config.client_ca_file: not a PEM certificate",
        ),
        (
            f"tls_server_config: {{{PAIR}, client_ca_file: ca.pem}}",
            "client_auth_type: must verify certificates when client_ca_file is set",
        ),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert}}",
            "client_ca_file: is missing; RequireAndVerifyClientCert needs it",
        ),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: RequireAnyClientCert}}",
            "RequireAnyClientCert is not supported: it does not verify",
        ),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: always}}",
            "must be one of NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
        ),
        (f"tls_server_config: {{{MUTUAL}, client_allowed_sans: []}}", "sans: must not be empty"),
        (
            f"tls_server_config: {{{PAIR}, client_allowed_sans: [x]}}",
            "client_allowed_sans: needs client_auth_type: RequireAndVerifyClientCert",
        ),
        (f"tls_server_config: {{{PAIR}, min_version: TLS10}}", "TLS10 is obsolete (RFC 8996)"),
        (f"tls_server_config: {{{PAIR}, max_version: TLS14}}", "must be one of TLS12, TLS13"),
        (
            f"tls_server_config: {{{PAIR}, min_version: TLS13, max_version: TLS12}}",
            "tls_server_config.min_version: is above max_version",
        ),
        (
            f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}",
            'cipher_suites[0]: unknown cipher suite (got "TLS_RSA_WITH_RC4_128_SHA")',
        ),
        (
            f"tls_server_config: {{{PAIR}, max_version: TLS12, cipher_suites: [{TLS13_SUITE}]}}",
            "tls_server_config.cipher_suites: none of them is for TLS12",
        ),
        (f"tls_server_config: {{{PAIR}, curve_preferences: [P-256]}}", "must be one of X25519"),
        (
            f"tls_server_config: {{{PAIR}, curve_preferences: [X25519, CurveP256]}}",
            "curve_preferences: only one curve can be set",
        ),
        (
            f"tls_server_config: {{{MUTUAL}, curve_preferences: [X25519]}}",
            "curve_preferences: needs min_version: TLS13 when clients have certificates",
        ),
        ("http_server_config: {http2: maybe}", "http2: must be true or false, got a string"),
        ("http_server_config: {headers: {Server: x}}", "headers.Server: must be one of Content-"),
        (
            "http_server_config: {headers: {X-Frame-Options: DENY}}",
            'X-Frame-Options: must be deny or sameorigin (got "DENY")',
        ),
        (
            'http_server_config: {headers: {Content-Security-Policy: "a\\nb: c"}}',
            "headers.Content-Security-Policy: must be printable ASCII",
        ),
        ("basic_auth_users: {a: secret}", "basic_auth_users.a: must be a bcrypt hash"),
        (f"basic_auth_users: {{'a:b': {HASH}}}", "a name cannot have a colon (RFC 7617)"),
        (f"basic_auth_users: {{a: {HASH.replace('10', '03')}}}", "the cost must be from 4 to 31"),
        (f"basic_auth_users: {{a: {HASH}, a: {HASH}}}", 'duplicate key "a"'),
        ("rate_limit: {interval: 5}", "rate_limit.interval: must be a duration such as 100ms"),
        ("rate_limit: {interval: []}", "interval: must be a string or an integer, got a list"),
        ("rate_limit: {interval: -1s}", "rate_limit.interval: must be a duration"),
        ("rate_limit: {interval: 2h}", "rate_limit.interval: must be at most 1h"),
        ("rate_limit: {interval: 1s}", "rate_limit.burst: must be from 1 to 1000000"),
        ("rate_limit: {interval: 1s, burst: x}", "burst: must be an integer, got a string"),
    ],
)
def test_bad_file(folder: Path, text: str, error: str) -> None:
    """What cannot be honoured is refused in one line that names the key and the reason."""
    with pytest.raises(ConfigError) as caught:
        load(text, folder)
    assert error in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_tls_on_other_systems(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no file can be kept in memory only, TLS is refused, and the key is not written to disk."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigError, match=r"key_file: only Linux can"):
        load(f"tls_server_config: {{{PAIR}}}", folder)


def test_errors_show_no_secret() -> None:
    """A password in the place of its hash is not repeated."""
    with pytest.raises(ConfigError) as caught:
        parse_web_config("basic_auth_users: {prometheus: hunter2}")
    assert "hunter2" not in str(caught.value)


KEYS = st.sampled_from(
    [
        "tls_server_config",
        "http_server_config",
        "basic_auth_users",
        "rate_limit",
        "headers",
        "burst",
    ]
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
        max_leaves=8,
    )
)
def test_any_document(document: object) -> None:
    """Any document is a valid file or a one-line error."""
    try:
        parse_web_config(json.dumps(document))  # JSON is YAML
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017  # both outcomes are checked


@given(st.text(alphabet="0123456789.nuµmsh-+ "))
def test_any_duration(text: str) -> None:
    """Any text is a duration of 0 or more, or an error."""
    try:
        seconds = go_duration(text)
    except ValueError:
        return
    assert seconds >= 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    # the examples of Go's time.ParseDuration, and of what an interval may be
    [("0", 0), ("1s", 1), ("300ms", 0.3), ("1.5h", 5400), ("2h45m", 9900), ("1us", 1e-6)],
)
def test_go_duration(text: str, seconds: float) -> None:
    """Durations are read as Go reads them."""
    assert go_duration(text) == pytest.approx(seconds)
