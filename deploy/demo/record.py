"""Records docs/images/report.svg: `report --watch` while a proxy runs out of ports.

`python -m deploy.demo.record`, as root. The program, the kernel and the load are real, in their own
network namespace. The picture shows a minute in a third of the time.
"""

import os
import pty
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path

from rich.text import Text

from deploy.demo import stories
from deploy.demo.terminal import Frame, animated, lines_of, screens

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "report.svg"
LABEL = "tcp-pressure-exporter report --watch: an outbound pool fills up, and what to do about it"
COLUMNS, ROWS = 80, 22
PROXY, UPSTREAM = "10.77.0.1", ("10.77.0.2", 8080)
# A host of its own: this machine's other namespaces and processes are not in the picture.
ALONE = ["unshare", "--net", "--uts", "--pid", "--fork", "--mount-proc", "sh", "-c"]
SETTLED = """
    hostname edge-1
    if [ -d /run/netns ]; then mount -t tmpfs none /run/netns; fi
    exec "$@"
"""
NETWORK = (
    ("link", "set", "lo", "up"),
    ("address", "add", f"{PROXY}/32", "dev", "lo"),
    ("address", "add", f"{UPSTREAM[0]}/32", "dev", "lo"),
    ("route", "replace", "local", UPSTREAM[0], "dev", "lo", "table", "local", "src", PROXY),
)
PORTS = "32768 42767"  # 10,000: with more, each search takes a slow machine too long
RATE, SECONDS = 230.0, 50.0  # connections a second: the pool is full in 43 s
CALM = 6  # seconds before it begins
EVERY = 4  # seconds between looks
SHOWN, HELD = 1.2, 6.0  # seconds for which a frame, and the last one, are shown
COMMAND = ("report", "--watch", f"{EVERY}s")
LEFT = "\x1b[?1049l"  # the alternate screen: xterm's control sequences


def main() -> None:
    """Record the picture, in a network namespace that unshare(1) makes."""
    if sys.argv[1:] == ["inside"]:
        record()
    else:
        inside = [sys.executable, "-m", "deploy.demo.record", "inside"]
        raise SystemExit(
            subprocess.run([*ALONE, SETTLED, "sh", *inside], cwd=ROOT, check=False).returncode
        )


def record() -> None:
    """Let a proxy run out of ports, watch it, and write the picture."""
    for arguments in NETWORK:
        subprocess.run(["ip", *arguments], check=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(PORTS)
    Path("/proc/self/comm").write_text("edge-proxy")
    load = threading.Timer(CALM, stories.proxy, (RATE, SECONDS, print, UPSTREAM))
    load.start()
    drawn = watched(CALM + SECONDS)
    load.join()
    PICTURE.write_text(animated([*frames(drawn)], COLUMNS, ROWS, LABEL), encoding="utf-8")


def watched(seconds: float) -> str:
    """Return what `report --watch` writes to a terminal until its key q is pressed."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (ROWS, COLUMNS))
    program = [sys.executable, "-m", "tcp_pressure_exporter", *COMMAND]
    variables = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(program, stdin=its, stdout=its, env=variables):
        os.close(its)
        quits = threading.Timer(seconds, os.write, (ours, b"q"))
        quits.start()
        written = bytearray()
        with suppress(OSError):  # EIO: the program has closed its side
            while part := os.read(ours, 65536):
                written += part
    os.close(ours)
    return written.decode()


def frames(drawn: str) -> list[Frame]:
    """Return the frames of the picture: the command, then each screen."""
    prompt = Text.assemble(("$ ", "dim"), " ".join(("tcp-pressure-exporter", *COMMAND[:2])))
    drawings = [lines_of(screen, ROWS) for screen in screens(drawn.partition(LEFT)[0])]
    # rich clears the screen first, and the key q redraws the last look.
    shown = {str(lines): lines for lines in drawings if any(line.plain.strip() for line in lines)}
    seen = [Frame(lines, SHOWN) for lines in ([prompt], *shown.values())]
    return [*seen[:-1], seen[-1]._replace(seconds=HELD)]


if __name__ == "__main__":
    main()
