"""The shipped dashboards and rules are what Grafana and Prometheus take. That each name exists is for a real scrape to
say: tests/front_door/test_metrics.py.
"""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.stack import metrics_ports, programs
from tests.deploy import grafana
from tests.deploy.monitoring import DASHBOARDS, DEPLOY, expressions, names_in, panels, rules
from wiring.settings import read_settings

GRID_WIDTH = 24


def test_every_expression_is_of_the_language_and_asks_for_something() -> None:
    assert len(expressions()) > 40
    for expression in expressions():
        assert names_in(expression), expression
    assert names_in('sum(rate(a[5m])) / clamp_min(max by (x) (deriv(b[10m] offset 1m)), 0) > topk(3, c{d="e"})') == {
        *"abc"
    }


@pytest.mark.parametrize("wrong", ["sum(", "rate(strongroom_requests_total)", "a{b=}", "nothing(a)"])
def test_what_is_not_of_the_language_is_noticed(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        names_in(wrong)


def test_every_rule_says_what_is_wrong_how_bad_it_is_and_what_to_do() -> None:
    told = rules()
    assert len({rule.get("alert") or rule["record"] for rule in told}) == len(told)
    for rule in told:
        assert set(rule) <= {"record", "alert", "expr", "for", "labels", "annotations"}
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"warning", "critical"}
            assert set(rule["annotations"]) == {"summary", "what_to_do"}


def test_prometheus_itself_takes_its_files() -> None:
    prometheus = DEPLOY / "prometheus"
    checks: Sequence[Sequence[str | Path]] = (
        ("config", "--syntax-only", prometheus / "prometheus.yml"),
        ("rules", prometheus / "strongroom.rules.yml"),
    )
    for check in checks:
        said = subprocess.run(["promtool", "check", *check], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
        assert "SUCCESS" in said.stdout


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_dashboard_has_what_grafana_needs_to_show_it_anywhere(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    assert dashboard["uid"]
    assert dashboard["title"]
    assert isinstance(dashboard["schemaVersion"], int)
    assert "id" not in dashboard, "a number is the installation's to give"
    [variable] = [one for one in dashboard["templating"]["list"] if one["type"] == "datasource"]
    source = {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
    shown = list(panels(dashboard))
    assert len({panel["id"] for panel in shown}) == len(shown)
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        assert panel["title"]
        at = panel["gridPos"]
        covers = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= GRID_WIDTH
        assert not covers & taken, panel["title"]
        taken |= covers
        if panel["type"] != "row":
            assert panel["datasource"] == source
            assert {target["refId"]: target["datasource"] for target in panel["targets"]} == dict.fromkeys(
                sorted({target["refId"] for target in panel["targets"]}), source
            )


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_grafana_knows_every_name_and_word_of_a_dashboard(path: Path) -> None:
    assert grafana.faults(json.loads(path.read_text())) == []


@pytest.mark.parametrize(
    ("panel", "place", "name", "wrong"),
    [
        ("stat", "", "tittle", "a title"),
        ("stat", "", "type", "statt"),
        ("stat", "gridPos", "w", "wide"),
        ("stat", "", "title", ["a title"]),
        ("stat", "options", "colorMode", "bakground"),
        ("stat", "targets.0", "instant", "yes"),
        ("timeseries", "fieldConfig.defaults.custom", "drawStile", "line"),
        ("timeseries", "options.legend", "placement", "botom"),
        ("table", "transformations.0", "topik", "a"),
    ],
)
def test_what_grafana_does_not_know_is_noticed(panel: str, place: str, name: str, wrong: object) -> None:
    dashboard = json.loads(DASHBOARDS[0].read_text())
    part: Any = next(one for one in panels(dashboard) if one["type"] == panel)
    for step in filter(None, place.split(".")):
        part = part[int(step)] if step.isdigit() else part.setdefault(step, {})
    part[name] = wrong
    assert len(grafana.faults(dashboard)) == 1


def test_no_two_dashboards_are_the_same_to_grafana() -> None:
    uids = [json.loads(path.read_text())["uid"] for path in DASHBOARDS]
    assert len(set(uids)) == len(uids) > 0


def test_the_example_asks_every_program_where_it_answers(tmp_path: Path) -> None:
    told = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    assert [(DEPLOY / "prometheus" / name).exists() for name in told["rule_files"]] == [True]
    asked = {
        target: group.get("labels", {}).get("program", job["job_name"].removeprefix("strongroom-"))
        for job in told["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    settings = read_settings({"STRONGROOM_VAR_DIR": str(tmp_path), "STRONGROOM_METRICS_PORT": "9200"})
    ports = {"web": settings.web_port, "realtime": settings.realtime_port, **metrics_ports(settings)}
    assert asked == {f"127.0.0.1:{port}": name for name, port in ports.items()}
    # Flower has figures of its own, behind its password.
    assert {program.name for program in programs(settings)} == {*ports, "flower"}
    for program in programs(settings):
        if program.name in metrics_ports(settings):
            assert program.environ["STRONGROOM_METRICS_PORT"] == str(ports[program.name])
