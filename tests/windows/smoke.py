"""The exporter on Windows' Python under wine: the code paths, not proof of how Windows behaves.

Run by `make test-windows`. wine shows the sockets of the Linux namespace that it runs in.
"""

import http.client
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.labs.lab import Lab, Observer, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import set_sysctl
from tests.windows.wine import Wine, wine

pytestmark = pytest.mark.time_limit(300)
PORT = 18190
PATIENCE_SECONDS = 60
DYNAMIC_PORTS = "Protocol tcp Dynamic Port Range|---|Start Port : 49152|Number of Ports : 16384|"


@pytest.fixture
def windows(netns: None, tmp_path: Path) -> Iterator[Wine]:  # noqa: ARG001 - wine lives in it
    """Run Windows programs whose network is the test's own namespace."""
    with wine(tmp_path / "prefix") as made:
        yield made


def values(page: str, name: str, label: str) -> dict[str, float]:
    """Return a metric's values by one of its labels."""
    rows = re.compile(rf'^{name}{{.*?{label}="(\w+)".*}} (\S+)$', re.MULTILINE)
    return {key: float(value) for key, value in rows.findall(page)}


def test_once(windows: Wine) -> None:
    """The sockets and the registry are shown; what wine's netsh does not say is an error."""
    windows.set_number("TcpTimedWaitDelay", 5)
    windows.set_number("MaxUserPort", 65534)
    done = windows.run(windows.python("exporter_main.py", "--once"))
    assert done.returncode == 1, done.stderr  # because of netsh
    page = done.stdout
    assert 'parser="portable"' in page
    success = values(page, "tcp_pressure_collector_success", "collector")
    assert success == {"sockets": 1, "local_ports": 0, "pools": 0, "sysctls": 1, "findings": 0}
    assert "reason=\"netsh dynamicport: expected two numbers, got ''\"" in done.stderr
    assert len(re.findall(r"^tcp_pressure_sockets{", page, re.MULTILINE)) == 22
    sysctls = values(page, "tcp_pressure_sysctl", "name")
    assert sysctls == {"TcpTimedWaitDelay": 5, "MaxUserPort": 65534}
    findings = values(page, "tcp_pressure_finding", "finding")
    assert findings == {"timed_wait_delay_out_of_bounds": 1, "max_user_port_leftover": 1}


def test_pools(lab: Lab, observer: Observer, windows: Wine) -> None:
    """Windows' Python counts the same pools as netlink does for the same sockets."""
    set_sysctl("ip_local_port_range", "49152 65535")
    set_sysctl("tcp_tw_reuse", 0)
    for remote in ("127.0.0.9", "127.0.0.9", "127.0.0.8", "::1"):
        lab.connect(remote)
    for _ in range(5):
        time_wait_here(lab.connect("127.0.0.9"))
    for _ in range(3):
        time_wait_there(lab.connect("127.0.0.9"))
    done = windows.run(windows.python("pools_main.py", DYNAMIC_PORTS))
    assert done.returncode == 0, done.stderr
    expected = [
        [
            *(direction, pool.local_address, pool.remote_address, pool.port),
            *(pool.usage.used, pool.usage.limit, pool.usage.time_wait),
        ]
        for direction, table in observer.tables().items()
        for pool in table.listed
    ]
    assert json.loads(done.stdout) == sorted(expected)


def ask(path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        with suppress(OSError):
            if ask("/-/ready")[0] == 200:
                return
        time.sleep(0.2)


def test_service(windows: Wine) -> None:
    """The exporter answers on a Windows console, and Ctrl-C ends it with exit code 0."""
    command = windows.python("exporter_main.py", f"--web.listen-address=127.0.0.1:{PORT}")
    with subprocess.Popen(
        command,
        env=windows.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until_ready(process)
            for path in ("/metrics", "/", "/-/healthy"):
                assert ask(path)[0] == 200
            process.send_signal(signal.SIGINT)  # wine turns it into Ctrl-C
            _output, log = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
    assert process.returncode == 0, log
    assert "msg=stopped" in log
    assert "Traceback" not in log


def test_bad_flag(windows: Wine) -> None:
    """A bad flag is one line on standard error, and exit code 2, as elsewhere."""
    done = windows.run(windows.python("exporter_main.py", "--web.max-requests=many"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--web.max-requests" in done.stderr


def test_report(windows: Wine) -> None:
    """The report runs, but without the port range it has no verdict."""
    done = windows.run(windows.python("exporter_main.py", "report"))
    assert done.returncode == 3, done.stderr
    assert "Not shown without netlink, through psutil" in " ".join(done.stdout.split())
