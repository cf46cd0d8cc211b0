"""The Prometheus queries of the shipped dashboards and rules, parsed as PromQL."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml

DEPLOY: Final = Path(__file__).resolve().parent.parent.parent / "deploy"
DASHBOARDS: Final = sorted((DEPLOY / "grafana").glob("*.json"))
RULES: Final = sorted((DEPLOY / "prometheus").glob("*.rules.yml"))
MADE_BY_PROMETHEUS: Final = frozenset({"up"})
_VARIABLE: Final = re.compile(r"\$__(rate_interval|interval|range)\b")


def rules() -> list[dict[str, Any]]:
    """Every rule of every group."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, including those in rows."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def expressions() -> list[str]:
    """Every query of rules and dashboards."""
    drawn = [
        target["expr"]
        for path in DASHBOARDS
        for panel in panels(json.loads(path.read_text()))
        for target in panel.get("targets", ())
    ]
    return [rule["expr"] for rule in rules()] + drawn


def names_in(expression: str) -> set[str]:
    """The metrics in an expression. Raises ValueError for invalid PromQL."""
    return set(_names(promql_parser.parse(_VARIABLE.sub("5m", expression))))


def names_asked_for() -> set[str]:
    """The metrics that processes have to export for dashboards and rules to work."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    return {name for each in expressions() for name in names_in(each)} - recorded - MADE_BY_PROMETHEUS


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, promql_parser.VectorSelector):
        assert part.name, "a selector without a name asks for everything"
        yield part.name
    for attribute in ("expr", "lhs", "rhs", "param", "vs", "vector_selector"):
        inner = getattr(part, attribute, None)
        if inner is not None:
            yield from _names(inner)
    for inner in getattr(part, "args", None) or ():
        yield from _names(inner)
