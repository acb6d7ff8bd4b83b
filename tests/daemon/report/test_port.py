"""`report --port`: who holds a port, according to a real kernel."""

import errno
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tcp_pressure_exporter.daemon.report.command import main
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.labs.network_namespace import set_sysctl

REMOTE = "127.0.0.9"
OWN_NAME = Path("/proc/self/comm").read_text().strip()
Asked = Callable[[int], dict[str, Any]]


@pytest.fixture
def asked(lab: Lab, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Give a function that asks about a port in JSON; the local ports are 40000-40099."""
    assert lab
    set_sysctl("ip_local_port_range", "40000 40099")

    def ask(port: int) -> dict[str, Any]:
        assert main(["--json", "--port", str(port)]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    return ask


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def test_outgoing_connection(lab: Lab, asked: Asked) -> None:
    """An outgoing connection is shown with its ends and process; reserving the port is the cure."""
    client, _ = lab.connect(REMOTE)
    port = port_of(client)
    assert not starts(port)
    held = asked(port)
    assert held["sentence"] == f"Port {port} is held by 1 outgoing connection of {OWN_NAME}."
    [found] = held["sockets"]
    found.pop("service")
    assert found == {
        "state": "established",
        "local_address": client.getsockname()[0],
        "remote": f"{REMOTE}:{SERVER_PORT}",
        "process": OWN_NAME,
        "accepted": True,
        "seconds_left": None,
    }
    assert f"add {port} to net.ipv4.ip_local_reserved_ports" in held["advice"]
    assert (held["in_local_port_range"], held["reserved"], held["unlisted"]) == (True, False, 0)


def starts(port: int) -> bool:
    """Tell whether a service that sets SO_REUSEADDR, as services do, can listen on a port."""
    with socket.socket() as service:
        service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            service.bind(("0.0.0.0", port))
            service.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def test_reserved_port_stays_free(lab: Lab, asked: Asked) -> None:
    """A port reserved as advised is given to no connection, and a service can start."""
    client, accepted = lab.connect(REMOTE)
    port = port_of(client)
    set_sysctl("ip_local_reserved_ports", port)
    held = asked(port)
    assert (held["in_local_port_range"], held["reserved"]) == (True, True)
    assert "ip_local_reserved_ports" not in held["advice"]
    assert held["advice"].startswith("Close the connection")
    accepted.close()  # first, so that TIME_WAIT stays there
    client.close()
    assert lab.connect_until_full(REMOTE) == 99
    assert starts(port)


def test_time_wait(lab: Lab, asked: Asked) -> None:
    """TIME_WAIT belongs to no process, and the time until it is over is shown."""
    pair = lab.connect(REMOTE)
    port = port_of(pair[0])
    time_wait_here(pair)
    held = asked(port)
    [found] = held["sockets"]
    assert (found["state"], found["process"], found["service"]) == ("time_wait", "", "")
    assert 50 < found["seconds_left"] <= 60
    assert "an outgoing one usually lacks it" in held["advice"]
    assert not starts(port)


def test_time_wait_of_a_service(lab: Lab, asked: Asked) -> None:
    """A service's own TIME_WAIT lets it start again if it also set SO_REUSEADDR before."""
    with socket.socket() as service:
        service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        service.bind((REMOTE, 9001))
        service.listen()
        client = lab.keep(socket.create_connection((REMOTE, 9001)))
        service.accept()[0].close()
    client.close()
    held = asked(9001)
    assert held["states"] == {"time_wait": 1}
    assert "an accepted connection inherits it from its listener" in held["advice"]
    assert starts(9001)


def test_bound_only(lab: Lab, asked: Asked) -> None:
    """A socket that is only bound is shown, with its process."""
    lab.bind("127.0.0.7", 40007)
    held = asked(40007)
    [found] = held["sockets"]
    assert (found["state"], found["local_address"]) == ("bound", "127.0.0.7")
    assert (found["remote"], found["process"]) == ("", OWN_NAME)
    assert held["sentence"] == f"Port 40007 is bound by {OWN_NAME}, which is not listening on it."


def test_listener(lab: Lab, asked: Asked) -> None:
    """A listener comes first; connections not accepted yet belong to its owner."""
    with socket.create_connection((REMOTE, SERVER_PORT)):
        held = asked(SERVER_PORT)
    assert [one["state"] for one in held["sockets"]] == ["listen", "listen", "established"]
    assert [one["accepted"] for one in held["sockets"]] == [True, True, False]
    assert {one["process"] for one in held["sockets"]} == {OWN_NAME}
    assert not held["in_local_port_range"]
    assert "reserved_ports" not in held["advice"]
    assert lab.server6


def test_bound_to_a_device(lab: Lab, asked: Asked) -> None:
    """A socket bound to an interface has its name after the address."""
    bound = lab.bind("127.0.0.7", 40007)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    [found] = asked(40007)["sockets"]
    assert found["local_address"] == "127.0.0.7%lo"


def test_free(lab: Lab, asked: Asked) -> None:
    """A free port is called free, whatever others are bound, with what may be unseen."""
    lab.bind("127.0.0.7", 40007)
    held = asked(40050)
    assert (held["sockets"], held["states"]) == ([], {})
    assert "No TCP socket in this network namespace holds port" in held["sentence"]
    assert "Not seen: " in held["advice"]


def test_text(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has the sentence, the sockets (at most the first twenty) and the advice."""
    for _ in range(25):
        lab.connect(REMOTE)
    assert main(["--port", str(SERVER_PORT)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Port {SERVER_PORT} is taken by a listener: {OWN_NAME}.\n")
    assert out.count("\nestablished ") == 18
    assert "7 more sockets; in total: Listen 2, established 25" in out
    assert "Stop that service, or give one of the two another port." in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "0"], "--port: "),
        (["--port", "65536"], "--port: "),
        (["--port", "x"], "--port: "),
        (["--port", "80", "--watch"], "--port: cannot be combined with --watch"),
    ],
)
def test_bad_flag(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad port is one line, and exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_no_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If nothing can tell, there is one line on stderr, and exit code 3."""
    assert main(["--port", "80", "--path.procfs", str(tmp_path)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
