import socket
import stat
from pathlib import Path

import pytest

from tcp_pressure_exporter.web.listen import ListenError, open_listeners


def opened(path: Path) -> socket.socket:
    [listener] = open_listeners([f"unix://{path}"], systemd=False)
    return listener


def test_listener(tmp_path: Path) -> None:
    """Owner and group can connect; the file is removed when the listener is closed."""
    path = tmp_path / "x.sock"
    with opened(path) as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert listener.gettimeout() == 0
    assert not path.exists()


def test_left_behind(tmp_path: Path) -> None:
    """A socket file whose process has died is replaced."""
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    with opened(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_in_use(tmp_path: Path) -> None:
    """A path that another process listens on is left alone."""
    path = tmp_path / "x.sock"
    with opened(path), socket.socket(socket.AF_UNIX) as client:
        with pytest.raises(ListenError, match="Address already in use"):
            opened(path)
        client.connect(str(path))


def test_other_file(tmp_path: Path) -> None:
    """A file that is not a socket is left alone."""
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ListenError, match="there is a file that is not a socket"):
        opened(path)
    assert path.read_text() == "data"


def test_no_folder(tmp_path: Path) -> None:
    """A folder that does not exist is a clear error."""
    with pytest.raises(ListenError, match="No such file or directory"):
        opened(tmp_path / "missing" / "x.sock")


def test_replaced_by_another(tmp_path: Path) -> None:
    """A listener does not remove the file of a process that has replaced it."""
    path = tmp_path / "x.sock"
    with opened(path):
        path.unlink()
        second = opened(path)
    with second, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
