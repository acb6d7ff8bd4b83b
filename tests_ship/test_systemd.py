"""The unit on a booted Debian: what systemd makes of it, and what drop-ins add."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests_ship.commands import wait_until
from tests_ship.machine import Machine
from tests_ship.places import PORT

UNIT = "tcp-pressure-exporter.service"
TEXTFILE = "tcp-pressure-exporter-textfile"
FOLDER = "/var/lib/prometheus/node-exporter"  # as Debian's node_exporter package makes it
FILE = f"{FOLDER}/tcp-pressure.prom"
TOO_LONG = "[Service]\nTimeoutStartSec=500ms\nExecStart=\nExecStart=/bin/sleep 60\n"
DROP_INS = "/run/systemd/system/tcp-pressure-exporter.service.d"
URL = f"http://127.0.0.1:{PORT}"
# A /proc of links to the real one, except for the port range: that becomes a pipe that nothing
# writes to, so the sampling thread hangs in open(2) while all others go on.
HOLLOW = "/var/lib/hollow"
MAKE_HOLLOW = f"""
mkdir -p {HOLLOW}/sys/net/ipv4
ln -s /proc/* {HOLLOW} 2>/dev/null
rm {HOLLOW}/self {HOLLOW}/thread-self
ln -s /proc/self /proc/thread-self {HOLLOW}
ln -s /proc/sys/net/ipv4/* {HOLLOW}/sys/net/ipv4
"""
HANG = f"cd {HOLLOW}/sys/net/ipv4; rm ip_local_port_range; mkfifo ip_local_port_range"


@contextmanager
def changed(machine: Machine, *names: str, text: str = "[Service]\n") -> Iterator[None]:
    """Start the unit with drop-ins of the project, and another; remove them at the end."""
    machine.run("mkdir", "-p", DROP_INS)
    for name in names:
        machine.run("cp", f"/root/drop-ins/{name}.conf", DROP_INS)
    machine.run("sh", "-c", 'printf "$1" >"$2/zz-test.conf"', "sh", text, DROP_INS)
    machine.systemctl("daemon-reload")
    try:
        machine.systemctl("restart", UNIT)
        yield
    finally:
        machine.run("rm", "-r", DROP_INS)
        machine.systemctl("stop", UNIT, "tcp-pressure-exporter.socket")
        machine.systemctl("daemon-reload")
        machine.systemctl("reset-failed")


def capabilities(machine: Machine) -> int:
    """Return the effective capabilities of the exporter."""
    status = machine.run("cat", f"/proc/{machine.show(UNIT, 'MainPID')}/status")
    (line,) = (line for line in status.splitlines() if line.startswith("CapEff:"))
    return int(line.split()[1], 16)


def log_since_start(machine: Machine) -> str:
    invocation = machine.show(UNIT, "InvocationID")
    match = f"_SYSTEMD_INVOCATION_ID={invocation}"
    return machine.run("journalctl", "--no-pager", "--output=cat", match)


def test_ready_with_the_first_sample(machine: Machine) -> None:
    """When `systemctl start` returns, there is a current sample, and a status in words."""
    with changed(machine):
        assert machine.get(f"{URL}/-/ready")
        assert 'parser="compiled"' in machine.get(f"{URL}/metrics")
        assert machine.show(UNIT, "StatusText") == "No port pool is near its limit"
        assert machine.show(UNIT, "ActiveState") == "active"


def test_it_has_no_rights(machine: Machine) -> None:
    """It runs as its own user, without a capability, with nothing to write to."""
    with changed(machine):
        pid = machine.show(UNIT, "MainPID")
        uids = machine.run("cat", f"/proc/{pid}/status").split("Uid:")[1].split()[:4]
        assert all(int(uid) > 60000 for uid in uids)  # systemd's range for dynamic users
        assert capabilities(machine) == 0
        assert machine.show(UNIT, "StatusErrno") in {"0", ""}


def test_its_environment_file(machine: Machine) -> None:
    """Flags are in /etc/default; a wrong one ends it with exit code 2, without a restart."""
    with changed(machine, text="[Service]\nEnvironment=OPTIONS=--web.telemetry-path=/other\n"):
        # The shipped file sets OPTIONS to nothing, and a file overrides Environment=.
        assert machine.get(f"{URL}/metrics")
    default = "/etc/default/tcp-pressure-exporter"
    machine.run(
        "sh", "-c", f"cp {default} /root/default && echo OPTIONS=--sample.interval=0s >{default}"
    )
    try:
        with pytest.raises(AssertionError), changed(machine):
            pass
    finally:
        machine.run("mv", "/root/default", default)
    assert "--sample.interval: must be" in machine.log(UNIT)


def test_reload(machine: Machine) -> None:
    """`systemctl reload` returns once the file has been read again."""
    machine.run("sh", "-c", "echo 'pools: {top: 5}' >/etc/tcp-pressure.yml")
    flag = "[Service]\nEnvironment=SOCKET_OPTIONS=--config.file=/etc/tcp-pressure.yml\n"
    with changed(machine, text=flag):
        machine.systemctl("reload", UNIT)
        wait_until(lambda: "configuration reloaded" in log_since_start(machine), "the reload")
        assert machine.show(UNIT, "ActiveState") == "active"
        assert 'config_reloads_total{result="success"} 1.0' in machine.get(f"{URL}/metrics")


def test_a_hanging_sample_is_ended(machine: Machine) -> None:
    """If the sampling thread hangs while all others go on, the watchdog restarts it."""
    machine.run("sh", "-c", MAKE_HOLLOW)
    flags = f"--path.procfs={HOLLOW} --sample.interval=200ms"
    short = f'[Service]\nWatchdogSec=2s\nRestartSec=100ms\nEnvironment="SOCKET_OPTIONS={flags}"\n'
    with changed(machine, text=short):
        pid = machine.show(UNIT, "MainPID")
        machine.run("sh", "-c", HANG)
        assert machine.get(f"{URL}/-/healthy")  # the web server sees nothing wrong
        wait_until(lambda: "Watchdog timeout" in machine.log(UNIT), "the watchdog")
        machine.run("rm", "-r", HOLLOW)
        machine.run("sh", "-c", MAKE_HOLLOW)
        wait_until(lambda: machine.show(UNIT, "ActiveState") == "active", "the restart")
        assert machine.show(UNIT, "MainPID") != pid
        assert int(machine.show(UNIT, "NRestarts")) >= 1
    machine.run("rm", "-r", HOLLOW)


def test_a_long_interval_is_no_hang(machine: Machine) -> None:
    """An interval far above WatchdogSec= is bridged."""
    text = "[Service]\nWatchdogSec=1s\nEnvironment=SOCKET_OPTIONS=--sample.interval=10m\n"
    with changed(machine, text=text):
        machine.run("sleep", "3")  # three times the watchdog's wait
        assert machine.show(UNIT, "NRestarts") == "0"
        assert machine.show(UNIT, "ActiveState") == "active"


def test_socket_activation(machine: Machine) -> None:
    """The first scrape starts the exporter, on the socket systemd holds."""
    with changed(machine, "socket"):
        machine.systemctl("stop", UNIT)
        assert machine.show("tcp-pressure-exporter.socket", "ActiveState") == "active"
        assert machine.get(f"{URL}/-/healthy")
        wait_until(lambda: machine.show(UNIT, "ActiveState") == "active", "the first sample")
        assert "tcp_pressure_sockets{" in machine.get(f"{URL}/metrics")


@pytest.mark.parametrize(
    ("drop_in", "numbers", "off"),
    [
        ("process-names", {2, 19}, "process names are off"),
        ("nat", {12}, "collector=nat"),
        ("bpf", set(), "collector=active_closes,failures"),  # dropped once the programs are loaded
        ("namespaces", {19, 21}, "collector=netns"),
    ],
)
def test_drop_ins(machine: Machine, drop_in: str, numbers: set[int], off: str) -> None:
    """Each gives exactly the capabilities of its feature (capability.h), which then works."""
    with changed(machine, drop_in):
        assert capabilities(machine) == sum(1 << number for number in numbers)
        assert off not in log_since_start(machine)


def test_bpf(machine: Machine) -> None:
    """With its drop-in, the kernel lets the exporter load its programs, and they count."""
    with changed(machine, "bpf"):
        metrics = machine.get(f"{URL}/metrics")
        for collector in ("failures", "active_closes"):
            assert f'collector_success{{collector="{collector}",netns="host"}} 1.0' in metrics
        assert 'tcp_pressure_connect_failures_total{cause="no_port",netns="host"} 0.0' in metrics


def test_all_drop_ins_together(machine: Machine) -> None:
    """They add up: every feature is on, on systemd's socket, and namespaces are entered."""
    with changed(machine, "process-names", "nat", "bpf", "namespaces", "socket"):
        lines = log_since_start(machine).splitlines()
        # Many kernels do not let programs be attached to functions, whatever the rights.
        told = [line for line in lines if "failing bind() calls" not in line]
        assert " off" not in "\n".join(told)
        assert 'tcp_pressure_namespaces{state="unreadable"} 0.0' in machine.get(f"{URL}/metrics")


@pytest.fixture
def textfile(machine: Machine) -> Iterator[None]:
    """Make node_exporter's folder; at the end remove it and all that ran."""
    machine.run("mkdir", "-p", FOLDER)
    yield
    machine.systemctl("stop", f"{TEXTFILE}.timer", f"{TEXTFILE}.service")
    machine.run("rm", "-rf", FOLDER)


@pytest.mark.usefixtures("textfile")
def test_a_sample_a_minute(machine: Machine) -> None:
    """The timer brings the first sample at once, in a world-readable file."""
    machine.systemctl("start", f"{TEXTFILE}.timer")
    wait_until(lambda: FILE in machine.run("find", FOLDER), "the file")
    service = f"{TEXTFILE}.service"
    wait_until(lambda: machine.show(service, "ActiveState") == "inactive", "its end")
    page = machine.run("cat", FILE)
    assert "tcp_pressure_sockets{" in page
    assert "\ntcp_pressure_sample_interval_configured_seconds 60.0\n" in page
    assert machine.run("find", FOLDER, "-type", "f", "-perm", "0644").split() == [FILE]
    assert machine.show(service, "Result") == "success"


@pytest.mark.usefixtures("textfile")
def test_a_run_that_hangs_leaves_no_old_file(machine: Machine) -> None:
    """A process that systemd killed could not tidy up: the unit does."""
    drop_in = f"/run/systemd/system/{TEXTFILE}.service.d"
    machine.run("touch", FILE)
    machine.run("mkdir", "-p", drop_in)
    machine.run("sh", "-c", 'printf "%s" "$1" >"$2/test.conf"', "sh", TOO_LONG, drop_in)
    machine.systemctl("daemon-reload")
    try:
        with pytest.raises(AssertionError):
            machine.systemctl("start", f"{TEXTFILE}.service")
        assert machine.run("find", FOLDER, "-type", "f") == ""
    finally:
        machine.run("rm", "-r", drop_in)
        machine.systemctl("daemon-reload")
        machine.systemctl("reset-failed")
