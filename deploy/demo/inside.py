"""The part of the demonstration inside its own network namespace: the exporter, and the load.

Its standard input ends when the demonstration does. The listening socket of the exporter was opened
outside: so Prometheus reaches it on the loopback of the host. A second one, opened here, serves the
stories, which ask what the exporter counted.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from deploy.demo import stories

PORTS = "20000 21999"  # a small range fills sooner
SYSCTLS = {"ip_local_port_range": PORTS, "tcp_tw_reuse": "0"}
EXPORTER = Path(sys.executable).with_name("tcp-pressure-exporter")
LISTEN_FD = 3  # SD_LISTEN_FDS_START
OWN_FD = LISTEN_FD + 1
COUNTED_WITHIN = 6.0  # seconds: a sample, and a little
# LISTEN_PID must be the process that takes the sockets over: sd_listen_fds(3).
TAKE_SOCKETS = 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" --web.systemd-socket "$@"'


def main() -> None:
    """Run the stories one after the other; the exporter ends with them."""
    config, pause, listening = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    os.dup2(listening, LISTEN_FD)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as own:
        port: int = own.getsockname()[1]
        os.dup2(own.detach(), OWN_FD)
    for name, value in SYSCTLS.items():
        (Path("/proc/sys/net/ipv4") / name).write_text(value)
    command = ["sh", "-c", TAKE_SOCKETS, str(EXPORTER), f"--config.file={config}"]
    passed = (LISTEN_FD, OWN_FD)
    with subprocess.Popen(command, pass_fds=passed, stdin=subprocess.DEVNULL) as exporter:
        threading.Thread(target=_end_with_input, args=(exporter,), daemon=True).start()
        try:
            _tell(pause, port)
        except KeyboardInterrupt:
            pass  # Ctrl-C is how a person ends it
        finally:
            exporter.terminate()


def _tell(pause: float, port: int) -> None:
    _say("a healthy minute: a few connections a second, nothing fires")
    stories.proxy(5, pause, _say)
    _say("story 1: a proxy opens 40 short connections a second to one upstream")
    _say("  2000 ports last 50 s: TcpPressurePoolExhaustionSoon fires before connect() fails")
    refused = stories.proxy(40, 75, _say)
    _say(f"  {len(refused)} connections could not be made")
    time.sleep(COUNTED_WITHIN)
    _say(f"  {counted(_status(port))}")
    _say("story 2: a load balancer in NAT mode has 1000 ports; the service behind closes first")
    _say("  its ports lie in TIME_WAIT here, where it cannot see them: TcpPressureInboundPoolHigh")
    stories.balancer(40, 120, hold=30)
    _say("story 3: a worker does not close what its peers have closed: TcpPressureCloseWaitLeak")
    stories.leak(10, 20, hold=150)
    _say("all is quiet again: the alerts resolve")
    time.sleep(pause)


def _status(port: int) -> Any:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/api/v1/status")
        return json.load(connection.getresponse())


def counted(status: Any) -> str:
    """Say what the exporter's status document tells of refused connections."""
    [here] = status["namespaces"]
    if here["refused"] is None:
        return "(as root, on Linux 6.1 or later, the exporter would count them and say whose)"
    told = [
        f"{one['process'] or 'others'} {one['calls']}, to {one['remote_address']}:{one['port']}"
        if one["port"]
        else f"others {one['calls']}"
        for one in here["refused"]["listed"]
    ]
    return f"the exporter counted {here['refused']['calls']}: {'; '.join(told) or 'none'}"


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


def _end_with_input(exporter: "subprocess.Popen[bytes]") -> None:
    """End everything when the demonstration's own process has gone, however it went."""
    sys.stdin.read()
    exporter.terminate()
    exporter.wait()
    os._exit(0)  # the main thread may be in the middle of a story


if __name__ == "__main__":
    main()
