"""The part of the demonstration inside its own network namespace: the exporter, and the load.

Its standard input ends when the demonstration does. The listening socket of the exporter was opened
outside: so Prometheus reaches it on the loopback of the host.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from deploy.demo import stories

PORTS = "20000 21999"  # a small range fills sooner
SYSCTLS = {"ip_local_port_range": PORTS, "tcp_tw_reuse": "0"}
EXPORTER = Path(sys.executable).with_name("tcp-pressure-exporter")
LISTEN_FD = 3  # SD_LISTEN_FDS_START
# LISTEN_PID must be the process that takes the socket over: sd_listen_fds(3).
TAKE_SOCKET = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --web.systemd-socket "$@"'


def main() -> None:
    """Run the stories one after the other; the exporter ends with them."""
    config, pause, listening = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    os.dup2(listening, LISTEN_FD)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in SYSCTLS.items():
        (Path("/proc/sys/net/ipv4") / name).write_text(value)
    command = ["sh", "-c", TAKE_SOCKET, str(EXPORTER), f"--config.file={config}"]
    with subprocess.Popen(command, pass_fds=(LISTEN_FD,), stdin=subprocess.DEVNULL) as exporter:
        threading.Thread(target=_end_with_input, args=(exporter,), daemon=True).start()
        try:
            _tell(pause)
        except KeyboardInterrupt:
            pass  # Ctrl-C is how a person ends it
        finally:
            exporter.terminate()


def _tell(pause: float) -> None:
    _say("a healthy minute: a few connections a second, nothing fires")
    stories.proxy(5, pause, _say)
    _say("story 1: a proxy opens 40 short connections a second to one upstream")
    _say("  2000 ports last 50 s: TcpPressurePoolExhaustionSoon fires before connect() fails")
    refused = stories.proxy(40, 75, _say)
    _say(f"  {len(refused)} connections could not be made")
    _say("story 2: a load balancer in NAT mode has 1000 ports; the service behind closes first")
    _say("  its ports lie in TIME_WAIT here, where it cannot see them: TcpPressureInboundPoolHigh")
    stories.balancer(40, 120, hold=30)
    _say("story 3: a worker does not close what its peers have closed: TcpPressureCloseWaitLeak")
    stories.leak(10, 20, hold=150)
    _say("all is quiet again: the alerts resolve")
    time.sleep(pause)


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


def _end_with_input(exporter: "subprocess.Popen[bytes]") -> None:
    """End everything when the demonstration's own process has gone, however it went."""
    sys.stdin.read()
    exporter.terminate()
    os._exit(0)  # the main thread may be in the middle of a story


if __name__ == "__main__":
    main()
