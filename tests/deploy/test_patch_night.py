"""A patch night in a large fleet: hosts go and come back all night, and nobody is woken."""

from pathlib import Path

import yaml

from tests.deploy.rule_files import FOLDER, alerts, promtool

HOSTS = 2_000
WAVE = 200  # reboot together: a tenth
AWAY, APART = 4, 6  # minutes: how long a host is away, and between waves
NIGHT = HOSTS // WAVE * APART


def reboots(number: int) -> str:
    """Return `up` of a host, minute by minute, in promtool's notation."""
    before = 1 + number // WAVE * APART
    return f"1x{before - 1} 0x{AWAY - 1} 1x{NIGHT + 20}"


def test_a_patch_night_pages_nobody(tmp_path: Path) -> None:
    """2,000 hosts reboot, a tenth at a time, and no paging alert about exporters ever fires.

    One host that does not come back is a warning.
    """
    series = [
        {"series": f'up{{job="tcp-pressure-exporter", instance="h{n}"}}', "values": reboots(n)}
        for n in range(HOSTS)
    ]
    series[7]["values"] = f"1 0x{NIGHT + 20}"
    critical = ("TcpPressureManyExportersDown", "TcpPressureExporterAbsent")
    silent = [
        {"eval_time": f"{minute}m", "alertname": name}
        for name in critical
        for minute in range(NIGHT + 10)
    ]
    down = alerts()["TcpPressureExporterDown"]
    where = {"job": "tcp-pressure-exporter", "instance": "h7"}
    warned = {
        "eval_time": f"{NIGHT}m",
        "alertname": down["alert"],
        "exp_alerts": [{"exp_labels": down["labels"] | where}],
    }
    # The texts are those of deploy/prometheus/tests.
    rules = tmp_path / "rules.yml"
    groups = yaml.safe_load((FOLDER / "rules" / "exporter.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        rule.pop("annotations")
    rules.write_text(yaml.safe_dump({"groups": groups}))
    night = {"interval": "1m", "input_series": series, "alert_rule_test": [*silent, warned]}
    test = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [night]}
    (tmp_path / "night.yml").write_text(yaml.safe_dump(test))
    promtool("test", "rules", "night.yml", folder=tmp_path)
