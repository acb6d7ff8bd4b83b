"""--config.check: the files are read, and nothing is started."""

import socket
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import run_exporter

USER = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Write two good files."""
    config, web = tmp_path / "x.yml", tmp_path / "web.yml"
    config.write_text("pools: {top: 3}\n")
    web.write_text(f"basic_auth_users: {{prometheus: {USER}}}\n")
    return config, web


def test_good(files: tuple[Path, Path]) -> None:
    """Good files are named, with exit code 0, even while an exporter holds the port."""
    config, web = files
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}"
        flags = (address, f"--config.file={config}", f"--web.config.file={web}")
        done = run_exporter("--config.check", *flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{config}: ok\n{web}: ok\n"


def test_bad(files: tuple[Path, Path]) -> None:
    """Each bad file gives one line on stderr, all are reported, and the exit code is 2."""
    config, web = files
    config.write_text("pools:\n  tops: 3\n")
    web.write_text("rate_limit:\n  interval: soon\n")
    flags = (f"--config.file={config}", f"--web.config.file={web}", "--web.listen-address=x")
    done = run_exporter("--config.check", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    address, first, second = done.stderr.splitlines()
    assert "--web.listen-address: " in address
    assert f"--config.file: {config}: line 2: pools.tops: unknown key" in first
    assert f"--web.config.file: {web}: line 2: rate_limit.interval: must be a duration" in second


def test_one_of_two(files: tuple[Path, Path]) -> None:
    """A good file is named along with a bad one."""
    config, web = files
    web.unlink()
    done = run_exporter("--config.check", f"--config.file={config}", f"--web.config.file={web}")
    assert (done.returncode, done.stdout) == (2, f"{config}: ok\n")
    assert f"--web.config.file: {web}: No such file or directory" in done.stderr


def test_no_file() -> None:
    """Without a file, the flags are checked."""
    done = run_exporter("--config.check")
    assert (done.returncode, done.stdout) == (0, "The flags are valid. They name no file.\n")
    assert run_exporter("--config.check", "--web.telemetry-path=x").returncode == 2
