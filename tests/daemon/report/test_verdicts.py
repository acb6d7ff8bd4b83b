"""Verdicts on real sockets: exit codes, and numbers that agree with ss."""

import json
import signal
import socket
import subprocess
from pathlib import Path

from tests.daemon.report.process import LOCAL, POOL, REMOTE, REPORT, look, report, ss, the_pool
from tests.support.labs.exporter_process import run_exporter
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.labs.network_namespace import set_sysctl


def test_calm(small_range: Lab) -> None:
    """With a few connections all is calm: exit code 0 and a sentence.

    It covers only this namespace, as there is the machine's own one besides.
    """
    for _ in range(5):
        small_range.connect(REMOTE, LOCAL)
    done = report()
    assert done.returncode == 0
    assert "CALM" in done.stdout
    assert "All is calm here: nothing is near its limit. Not looked at:" in done.stdout
    assert f"outbound {LOCAL} → {REMOTE}" in done.stdout


def test_warning(small_range: Lab) -> None:
    """Above 70 % of the local ports the report warns: exit code 1."""
    for _ in range(75):
        small_range.connect(REMOTE, LOCAL)
    code, document = look()
    assert (code, document["verdict"]) == (1, "warning")
    pool = the_pool(document)
    assert (pool["severity"], pool["used"], pool["limit"]) == ("warning", 75, 100)
    owned = sum(owner["sockets"] for owner in pool["owners"])
    assert owned == 75


def test_critical(small_range: Lab) -> None:
    """Above 90 % it is critical: exit code 2."""
    for _ in range(95):
        small_range.connect(REMOTE, LOCAL)
    code, document = look()
    assert (code, document["verdict"], the_pool(document)["ratio"]) == (2, "critical", 0.95)


def test_full(small_range: Lab) -> None:
    """A full pool is shown by the kernel's own verdict, and so is the lack of any port."""
    made = small_range.connect_until_full(REMOTE, LOCAL)
    assert made == 100
    done = report()
    assert done.returncode == 2
    assert "is full: the kernel has no port left for a new connection." in done.stdout.replace(
        "\n", " "
    )
    assert "full now" in done.stdout


def test_growth_is_seen(small_range: Lab) -> None:
    """If live connections grow, the second look tells when they will fill the pool."""
    for _ in range(75):
        small_range.connect(REMOTE, LOCAL)
    with subprocess.Popen(
        [*REPORT, "--json", "--watch=1500ms"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = the_pool(json.loads(process.stdout.readline()))
        for _ in range(20):
            small_range.connect(REMOTE, LOCAL)
        second = the_pool(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert (first["exhaustion"], first["seconds_left"]) == ("not_in_sight", None)
    assert (second["exhaustion"], second["used"]) == ("soon", 95)
    assert 0 < second["seconds_left"] < 60
    assert process.returncode == 2


def test_numbers_of_ss(small_range: Lab) -> None:
    """The document has the numbers of ss: the pool's ports, TIME_WAIT, and CLOSE_WAIT."""
    pairs = [small_range.connect(REMOTE, LOCAL) for _ in range(40)]
    for pair in pairs[:20]:
        time_wait_here(pair)
    for _client, accepted in pairs[20:25]:
        accepted.close()
    _code, document = look()
    pool, towards = the_pool(document), ("dst", f"{REMOTE}:{SERVER_PORT}")
    assert pool["used"] == ss(*towards) == 40
    assert pool["time_wait"] == ss("state", "time-wait", *towards) == 20
    assert document["close_wait"]["sockets"] == ss("state", "close-wait") == 5
    assert [cause["cause"] for cause in document["close_wait"]["causes"]] == ["eof_unread"]


def test_accept_queue(small_range: Lab) -> None:
    """An accept queue that overflows is a warning, with the address of its listener."""
    listener = small_range.keep(socket.socket())
    listener.bind((LOCAL, 9200))
    listener.listen(4)
    for _ in range(5):  # the queue takes one more than the backlog
        client = small_range.keep(socket.socket())
        client.connect((LOCAL, 9200))
    code, document = look()
    assert code == 1
    worst = document["pressures"][0]
    assert (worst["kind"], worst["name"]) == ("listen_queue", f"{LOCAL}:9200")
    assert (worst["used"], worst["limit"], worst["severity"]) == (5, 4, "warning")


def test_what_to_type(small_range: Lab) -> None:
    """A pool full of TIME_WAIT gets the command, how to keep it, and what it would lead to."""
    set_sysctl("tcp_tw_reuse", 0)
    for _ in range(80):
        time_wait_here(small_range.connect(REMOTE, LOCAL))
    done = report("--what-if=tw_reuse=1")
    assert "sysctl -w net.ipv4.tcp_tw_reuse=1" in done.stdout
    assert "net.ipv4.tcp_tw_reuse = 1" in done.stdout
    assert 'sysctl -w net.ipv4.ip_local_port_range="16384 60999"' in done.stdout
    assert f"What if ({POOL})" in done.stdout
    set_sysctl("tcp_timestamps", 0)
    refused = report("--what-if=tw_reuse=1").stdout
    assert "sysctl -w net.ipv4.tcp_tw_reuse=1" not in refused
    assert "does not help: tcp_timestamps is off" in refused


def test_top_and_config_file(small_range: Lab, tmp_path: Path) -> None:
    """--pool.top and the file's groups count as they do for the exporter."""
    small_range.connect(REMOTE, LOCAL)
    config = tmp_path / "config.yml"
    config.write_text(f"groups: [{{name: upstream, cidrs: [{REMOTE}/32]}}]\n")
    _code, grouped = look(f"--config.file={config}")
    names = {pressure["name"] for pressure in grouped["pressures"]}
    assert f"{LOCAL} → upstream:{SERVER_PORT}" in names
    _code, none = look("--pool.top=0")
    assert not [p for p in none["pressures"] if p["kind"] in {"outbound", "listen_queue"}]


def test_bad_config_file(tmp_path: Path) -> None:
    """A bad file is one line that names the file, the line and the key, and exit code 2."""
    config = tmp_path / "config.yml"
    config.write_text("pools:\n  top: x\n")
    done = report(f"--config.file={config}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"tcp-pressure-exporter: error: --config.file: {config}: line 2: pools.top:"
        " must be an integer from 0 to 100, got a string\n"
    )


def test_help_of_the_command_names_the_report() -> None:
    """The exporter's --help mentions the report."""
    assert "tcp-pressure-exporter report" in run_exporter("--help").stdout
