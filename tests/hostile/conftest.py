"""The exporters under attack, one by HTTP and one by HTTPS, each for all tests of a module.

`pytest tests/hostile --write` keeps what attacks cost that had real scrapes beside them, and shows
it in tests/reliability/README.md.
"""

import base64
import resource
import ssl
from collections.abc import Iterator

import bcrypt
import pytest

from tests.hostile.target import Figures, Target, warm_target
from tests.reliability.results import WRITE, keep
from tests.support.labs.certificates import Authority
from tests.support.labs.exporter_process import Access

USER, PASSWORD = "prometheus", "correct horse"
FIGURES = pytest.StashKey[list[Figures]]()
COST = 10  # as in htpasswd's and exporter-toolkit's examples: about 60 ms for each password


def pytest_addoption(parser: pytest.Parser) -> None:
    """If only these tests are run, their figures can be kept."""
    parser.addoption(WRITE, action="store_true", help="keep what each attack cost")


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
    """Print what each attack cost, and keep it if asked to."""
    figures = config.stash.get(FIGURES, [])
    if not figures:
        return
    terminalreporter.section("hostile clients")
    for cost in figures:
        terminalreporter.line(
            f"{cost.attack}: {cost.scrapes} scrapes, the slowest {cost.slowest:.2f} s;"
            f" memory {cost.peak / 1e6:+.1f} MB at most, {cost.kept / 1e6:+.1f} MB kept"
        )
        if cost.scrapes and config.getoption(WRITE, default=False):
            keep("hostile", cost.attack, cost.figures)
