"""Example pages of alerts."""

from typing import Any

from domain.alert_rules import RULES
from domain.ids import new_id
from models.alert import OpsAlert
from models.alert_state import AlertAcknowledgement, AlertSilence
from services.alerts.handling import Standing
from tests.browser.facts import ago


def _row(code: str, scope: str, severity: str, reason: str, *, status: str = "raised", hours: int = 2) -> OpsAlert:
    return OpsAlert(
        alert_event_id=new_id(),
        alert_code=code,
        fingerprint=f"{code}:{scope}",
        service_scope=scope,
        status=status,
        severity=severity,
        reason=reason,
        raised_at=ago(hours=hours),
        recorded_at=ago(hours=hours),
        details={},
    )


def alerts() -> dict[str, Any]:
    grave = _row("dependency_down", "queue:money", "critical", "nothing came out of the queue money since 03:12:44 UTC")
    mild = _row("disk_low", "disk:a-host-with-quite-a-long-name.example", "warning", "8.3 % of the disk is free")
    ends = ago(hours=-6)
    said = AlertAcknowledgement(
        fingerprint=mild.fingerprint,
        raised_at=mild.raised_at,
        acknowledged_at=ago(hours=1),
        acknowledged_by="operator 4e5f6g7h8j",
        note="A larger disk comes tomorrow.",
    )
    silence = AlertSilence(
        id=new_id(),
        alert_code="disk_low",
        service_scope=None,
        begins_at=ago(hours=1),
        ends_at=ends,
        reason="A larger disk comes tomorrow.",
        created_by="operator 4e5f6g7h8j",
    )
    cleared = _row("chain_source_stale", "bitcoin", "warning", "the node answers", status="cleared", hours=9)
    return {
        "problem": "Nothing was changed: a silence has a reason and lasts 1 to 720 hours.",
        "standing": [Standing(grave, None, None), Standing(mild, said, ends)],
        "silences": [silence],
        "history": [grave, mild, cleared],
        "rules": RULES,
        "may_acknowledge": True,
        "may_silence": True,
    }


def alerts_none() -> dict[str, Any]:
    return {**alerts(), "problem": "", "standing": [], "silences": [], "history": []}


ALERTS = {"alerts": ("alerts.html", True, alerts), "alerts-none": ("alerts.html", True, alerts_none)}
