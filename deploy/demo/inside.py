"""The part of the demonstration inside its own network namespace: the exporter, and the load.

Its standard input ends when the demonstration does. The exporter's listening socket was opened
outside, so Prometheus reaches it on the host's loopback; the same goes for the second host, a load
balancer. Another one, opened here, serves the stories, which ask what was counted.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from fcntl import F_DUPFD, fcntl
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from deploy.demo import stories
from deploy.demo.balancer_host import BACKEND, BalancerHost, balancer_host
from deploy.demo.exporter import LISTEN_FD, started

PORTS = "20000 21999"  # a small range fills sooner
SYSCTLS = {"ip_local_port_range": PORTS, "tcp_tw_reuse": "0"}
OWN_FD = LISTEN_FD + 1
COUNTED_WITHIN = 6.0  # seconds: a sample, and a little


def main() -> None:
    """Run the stories one after the other; the exporter ends with them."""
    config, pause = sys.argv[1], float(sys.argv[2])
    # Clear of the descriptors that the exporter takes.
    listening, of_balancer = (fcntl(int(fd), F_DUPFD, OWN_FD + 1) for fd in sys.argv[3:])
    os.dup2(listening, LISTEN_FD)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as own:
        port: int = own.getsockname()[1]
        os.dup2(own.detach(), OWN_FD)
    for name, value in SYSCTLS.items():
        (Path("/proc/sys/net/ipv4") / name).write_text(value)
    with started(2, f"--config.file={config}") as exporter:
        threading.Thread(target=_end_with_input, args=(exporter,), daemon=True).start()
        try:
            with balancer_host(of_balancer) as balancer:
                _tell(pause, port, balancer)
        except KeyboardInterrupt:
            pass  # Ctrl-C is how a person ends it
        finally:
            exporter.terminate()


def _tell(pause: float, port: int, balancer: BalancerHost) -> None:
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
    _say("story 4: a load balancer on a host of its own, with an exporter: both ends are seen")
    _say("  the backend closes first: TIME_WAIT is there, and the balancer sees no pressure")
    with stories.server(BACKEND, closes_first=True, keeps=stories.KEPT):
        balancer.connect(30, 45, closes_first=False)
    _say("  the balancer closes first: now its own ports wait (dashboard TCP pressure: both ends)")
    with stories.server(BACKEND, closes_first=False, keeps=stories.KEPT):
        balancer.connect(30, 45, closes_first=True)
    _say("all is quiet again: the alerts resolve")
    time.sleep(pause)


def _status(port: int) -> Any:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/api/v1/status")
        return json.load(connection.getresponse())


def counted(status: Any) -> str:
    """Return what the exporter's status document says about refused connections."""
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
    """End everything once the demonstration's own process has gone, however it ended."""
    sys.stdin.read()
    exporter.terminate()
    exporter.wait()
    os._exit(0)  # the main thread may be in the middle of a story


if __name__ == "__main__":
    main()
