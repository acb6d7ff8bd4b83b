"""The systemd unit that ships with the exporter, its socket, and its drop-ins."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import COMMAND, run_exporter
from tests.support.labs.without_netlink import with_calls_alone
from tests.support.places import DEPLOY

FOLDER = DEPLOY / "systemd"
UNIT = "tcp-pressure-exporter.service"
DROP_INS = sorted(path.stem for path in (FOLDER / "drop-ins").glob("*.conf"))
# Ten times the most exposure systemd may report. All features together need a bit more.
EACH, ALL = 20, 25
VARIANTS = [((), EACH), *(((name,), EACH) for name in DROP_INS), ((*DROP_INS,), ALL)]

each_variant = pytest.mark.parametrize(
    ("drop_ins", "most"),
    VARIANTS,
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def unit_with(drop_ins: tuple[str, ...], folder: Path) -> Path:
    """Copy the units, and some drop-ins, to where systemd looks for them; return the service."""
    for unit in FOLDER.glob("tcp-pressure-exporter.[!e]*"):
        shutil.copy(unit, folder)
    (folder / f"{UNIT}.d").mkdir()
    for name in drop_ins:
        shutil.copy(FOLDER / "drop-ins" / f"{name}.conf", folder / f"{UNIT}.d")
    return folder / UNIT


@each_variant
def test_systemd_accepts_the_unit(drop_ins: tuple[str, ...], most: int, tmp_path: Path) -> None:
    """Systemd knows every key. The programs need not be installed: stand-ins replace them."""
    del most
    unit = unit_with(drop_ins, tmp_path)
    text = re.sub(r"^(Exec\w+)=\S+", r"\1=/bin/true", unit.read_text(), flags=re.MULTILINE)
    unit.write_text(text)
    run = systemd_analyze("verify", "--man=no", str(unit))
    assert (run.returncode, run.stderr) == (0, "")  # a misspelt key only shows on stderr


@each_variant
def test_the_unit_is_well_confined(drop_ins: tuple[str, ...], most: int, tmp_path: Path) -> None:
    """Systemd rates the exposure at 2.0 of 10 or less, also with each of the drop-ins."""
    unit = unit_with(drop_ins, tmp_path)
    run = systemd_analyze("security", "--offline=true", f"--threshold={most}", str(unit))
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_environment_file_changes_nothing() -> None:
    """As it ships it sets no flag."""
    lines = (FOLDER / "tcp-pressure-exporter.env").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ['OPTIONS=""']


def system_calls(unit: Path, drop_in: Path) -> set[str]:
    """Return what SystemCallFilter= lets through (systemd.exec(5)): "~" removes."""
    allowed: set[str] = set()
    for line in (unit.read_text() + drop_in.read_text()).splitlines():
        key, _equals, value = line.partition("=")
        if key == "SystemCallFilter":
            calls = {call for name in value.lstrip("~").split() for call in expanded(name)}
            allowed = allowed - calls if value.startswith("~") else allowed | calls
    return allowed


def expanded(name: str) -> set[str]:
    """Return the calls of a group, at any depth, or the one of that name."""
    if not name.startswith("@"):
        return {name}
    lines = systemd_analyze("syscall-filter", name).stdout.splitlines()[1:]
    inside = [line.strip() for line in lines if line.strip() and "#" not in line]
    return {call for one in inside for call in expanded(one)}


@pytest.mark.bpf
def test_bpf_under_the_filter_of_its_drop_in() -> None:
    """The drop-in adds the calls needed to load programs and to give up rights."""
    calls = system_calls(FOLDER / UNIT, FOLDER / "drop-ins" / "bpf.conf")
    rights = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+bpf,+perfmon"]
    done = run_exporter("--once", command=[*rights, *with_calls_alone(calls, [str(COMMAND)])])
    assert "tcp_pressure_connect_failures_total{" in done.stdout
    assert "tcp_pressure_local_ports_hidden{" in done.stdout
    told = [line for line in done.stderr.splitlines() if "failing bind() calls" not in line]
    assert "BPF" not in "".join(told)
    calls.discard("capset")
    kept = run_exporter("--once", command=[*rights, *with_calls_alone(calls, [str(COMMAND)])])
    assert "the privileges to load BPF programs are kept" in kept.stderr


@pytest.fixture
def textfile_units(tmp_path: Path) -> tuple[Path, Path]:
    """Copy the service and timer that take one sample at a time, with stand-ins for programs."""
    service, timer = (
        tmp_path / f"tcp-pressure-exporter-textfile.{kind}" for kind in ("service", "timer")
    )
    for unit in (service, timer):
        text = (FOLDER / unit.name).read_text()
        unit.write_text(re.sub(r"^(ExecStart)=\S+", r"\1=/bin/true", text, flags=re.MULTILINE))
    return service, timer


def test_systemd_accepts_the_textfile_units(textfile_units: tuple[Path, Path]) -> None:
    """Systemd knows every key of the service and its timer."""
    run = systemd_analyze("verify", "--man=no", *map(str, textfile_units))
    assert (run.returncode, run.stderr) == (0, "")


def test_the_textfile_service_is_well_confined(textfile_units: tuple[Path, Path]) -> None:
    """As root without rights it is no more exposed than the exporter that keeps running."""
    flags = ("--offline=true", f"--threshold={EACH}")
    run = systemd_analyze("security", *flags, str(textfile_units[0]))
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_interval_is_the_timers(textfile_units: tuple[Path, Path]) -> None:
    """Alerts on old samples use --sample.interval, which is the time between runs."""
    service, timer = (unit.read_text() for unit in textfile_units)
    assert "--sample.interval=1m " in service
    assert "\nOnUnitActiveSec=1min\n" in timer
