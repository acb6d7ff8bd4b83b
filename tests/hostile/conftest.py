"""The exporters under attack, one over HTTP and one over HTTPS, each for all tests of a module."""

import base64
import resource
import ssl
from collections.abc import Iterator

import bcrypt
import pytest

from tests.hostile.target import Figures, Target, warm_target
from tests.support.labs.certificates import Authority
from tests.support.labs.exporter_process import Access

USER, PASSWORD = "prometheus", "correct horse"
FIGURES = pytest.StashKey[list[Figures]]()
COST = 10  # as in htpasswd's and exporter-toolkit's examples: about 60 ms for each password


@pytest.fixture(scope="module", autouse=True)
def _many_descriptors() -> Iterator[None]:
    """Allow descriptors for clients in this process; the exporter inherits the old limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def target(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Target]:
    """Serve over HTTP."""
    with warm_target(tmp_path_factory.mktemp("plain") / "log") as target:
        yield target
    pytestconfig.stash.setdefault(FIGURES, []).extend(target.figures)


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Target]:
    """Serve over HTTPS, to a user with a password."""
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    authority.sign("server")
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST)).decode()
    (folder / "web.yml").write_text(
        f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\n"
        f"basic_auth_users: {{{USER}: {hashed}}}\n"
    )
    context = ssl.create_default_context(cafile=str(authority.cert))
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    access = Access(context, {"Authorization": f"Basic {credentials}"})
    flag = f"--web.config.file={folder / 'web.yml'}"
    with warm_target(folder / "log", flag, access=access) as target:
        yield target
    pytestconfig.stash.setdefault(FIGURES, []).extend(target.figures)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what each attack cost: the table of docs/security.md."""
    figures = config.stash.get(FIGURES, [])
    if not figures:
        return
    terminalreporter.section("hostile clients")
    terminalreporter.line("| attack | scrapes | slowest | memory at most | memory kept |")
    terminalreporter.line("|---|---|---|---|---|")
    for cost in figures:
        terminalreporter.line(
            f"| {cost.attack} | {cost.scrapes} | {cost.slowest:.2f} s"
            f" | {cost.peak / 1e6:+.1f} MB | {cost.kept / 1e6:+.1f} MB |"
        )
