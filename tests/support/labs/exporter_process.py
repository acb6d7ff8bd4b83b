"""The real exporter as a separate process: started, asked over HTTP, stopped."""

import http.client
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

COMMAND = Path(sys.executable).with_name("tcp-pressure-exporter")
URL = re.compile(r'msg="serving metrics" url=https?://127\.0\.0\.1:(\d+)/')
START_SECONDS = 10.0

# Runs the command as user nobody, who may not be able to read the checkout or even Python's own
# files: everything is imported, and whatever is read at the start is read, before giving up root's
# rights.
AS_NOBODY = """
import concurrent.futures.thread, difflib, encodings.idna, os, sys
from tcp_pressure_exporter.daemon import command as cli
from tcp_pressure_exporter.pages.status import source
from tcp_pressure_exporter.settings import strict_yaml
from tcp_pressure_exporter.settings.flags import VERSION
files = source.load_assets()
source.load_assets = lambda: files
options = cli.parse_options(sys.argv[1:], {name: "" for name in cli.COLLECTORS})
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
raise SystemExit(cli.run(options, VERSION))
"""


@dataclass(frozen=True)
class Access:
    """How to ask an exporter: by HTTPS if there is a context, with these headers."""

    context: ssl.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def connection(self, port: int) -> http.client.HTTPConnection:
        if self.context is None:
            return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=self.context)


@dataclass(frozen=True)
class Exporter:
    """A running exporter; `log` is the file of its standard error, `access` how it is asked."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    access: Access

    def get(self, path: str) -> tuple[int, str]:
        """Return the status and the body of one request."""
        with closing(self.access.connection(self.port)) as connection:
            connection.request("GET", path, headers=dict(self.access.headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def metrics(self) -> str:
        """Return the exposition."""
        status, body = self.get("/metrics")
        assert status == 200, body
        return body

    def wait_until_ready(self) -> None:
        """Wait for the first sample."""
        deadline = time.monotonic() + START_SECONDS
        while self.get("/-/ready")[0] != 200:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def wait_for_log(self, text: str) -> str:
        """Wait until the log holds the text, and return the log."""
        deadline = time.monotonic() + START_SECONDS
        while text not in (log := self.log.read_text()):
            assert time.monotonic() < deadline, f"no {text!r} in {log}"
            time.sleep(0.02)
        return log

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@contextmanager
def running_exporter(
    log: Path,
    *flags: str,
    command: Sequence[str] = (str(COMMAND),),
    access: Access | None = None,
) -> Iterator[Exporter]:
    """Start the exporter on a free loopback port and wait for its first sample; stop it after."""
    address = "--web.listen-address=127.0.0.1:0"
    with log.open("wb") as stderr:
        process = subprocess.Popen([*command, address, *flags], stderr=stderr)
    with process:
        try:
            exporter = Exporter(process, _port(process, log), log, access or Access())
            exporter.wait_until_ready()
            yield exporter
        finally:
            process.terminate()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while not (found := URL.search(log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return int(found[1])


def run_exporter(
    *flags: str, command: Sequence[str] = (str(COMMAND),)
) -> subprocess.CompletedProcess[str]:
    """Run the exporter to its end, which must come within 20 s."""
    return subprocess.run(
        [*command, *flags], capture_output=True, text=True, timeout=20, check=False
    )


def value_of(exposition: str, series: str) -> float:
    """Return the value of the one series written exactly like this in the exposition."""
    (line,) = [line for line in exposition.splitlines() if line.startswith(f"{series} ")]
    return float(line.rsplit(" ", 1)[1])
