"""Example pages of alerts."""

from typing import Any
from uuid import UUID

from api.pages import alert
from domain.alert_rules import RULES
from domain.ids import new_id
from models.alert import OpsAlert
from models.alert_state import AlertAcknowledgement, AlertPause, AlertSilence
from models.audit import AuditLog
from models.flow import Flow
from services.alerts.dossier import Dossier
from services.alerts.handling import Standing
from tests.browser.facts import BTC, COIN, TXID, ago


def _row(
    code: str, scope: str, severity: str, reason: str, *, status: str = "raised", hours: int = 2,
    recorded: int | None = None, asset_id: str | None = None, details: dict[str, Any] | None = None,
) -> OpsAlert:  # fmt: skip
    """One transition: it was raised so many hours ago, and this was recorded then or since."""
    return OpsAlert(
        alert_event_id=new_id(),
        alert_code=code,
        fingerprint=f"{code}:{scope}",
        service_scope=scope,
        status=status,
        severity=severity,
        reason=reason,
        raised_at=ago(hours=hours),
        recorded_at=ago(hours=hours if recorded is None else recorded),
        asset_id=asset_id,
        details=details or {},
    )


def alerts() -> dict[str, Any]:
    grave = _row("dependency_down", "queue:money", "critical", "nothing came out of the queue money since 03:12:44 UTC")
    mild = _row("disk_low", "disk:a-host-with-quite-a-long-name.example", "warning", "8.3 % of the disk is free")
    ends = ago(hours=-6)
    said = AlertAcknowledgement(
        fingerprint=mild.fingerprint,
        raised_at=mild.raised_at,
        acknowledged_at=ago(hours=1),
        acknowledged_by="operator:4e5f6g7h8j",
        note="A larger disk comes tomorrow.",
    )
    silence = AlertSilence(
        id=new_id(),
        alert_code="disk_low",
        service_scope=None,
        begins_at=ago(hours=1),
        ends_at=ends,
        reason="A larger disk comes tomorrow.",
        created_by="operator:4e5f6g7h8j",
    )
    cleared = _row("chain_source_stale", "chain:bitcoin", "critical", "the node answers", status="cleared", hours=9)
    return {
        "pause": None,
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


def pause() -> AlertPause:
    """Nobody looks for two hours more."""
    return AlertPause(
        paused_at=ago(minutes=40), ends_at=ago(hours=-2), paused_by="operator:4e5f6g7h8j",
        reason="The database moves to another host; everything would be wrong until it has.",
    )  # fmt: skip


def alerts_paused() -> dict[str, Any]:
    """Nobody looks, and what stands is shown as it was, with that which says so."""
    told = "nobody looks for alerts until 2026-11-21 14:00 UTC: the database moves to another host"
    row = Standing(_row("alerts_paused", "rules:all", "critical", told), None, None)
    return {**alerts(), "problem": "", "silences": [], "standing": [row, *alerts()["standing"]], "pause": pause()}


def _said(event: str, hours: int, **detail: str) -> AuditLog:
    return AuditLog(at=ago(hours=hours), event=event, actor="operator:4e5f6g7h8j", success=True, detail=detail)


def _page(found: Dossier, **may: bool) -> dict[str, Any]:
    known = {BTC.asset_id: BTC, COIN.asset_id: COIN}
    rights = {"may_acknowledge": True, "may_settle": False, "may_silence": True, **may}
    return {"problem": "", "alert": alert.view(found, known), **rights}


def alert_critical() -> dict[str, Any]:
    """One that got worse, about somebody's money, looked after and silenced."""
    scope, code = f"payout:{UUID(int=7)}", "withdrawal_uncertain"
    told = "a payment may or may not have left: the node did not answer in time"
    details = {"payout_id": str(UUID(int=7)), "code": "node_timeout", "attempts": 9}
    worse = _row(code, scope, "critical", told, hours=5, recorded=2, details=details, asset_id=BTC.asset_id)
    worse.tx_hash = TXID
    rows = [
        worse,
        _row(code, scope, "warning", told, hours=5),
        _row(code, scope, "warning", "the network has it", status="cleared", hours=30, recorded=29),
        _row(code, scope, "warning", told, hours=30),
    ]
    note = "The node's host was restarted; I watch whether it comes back with the transaction."
    flow = Flow(group_id=UUID(int=99), kind="withdrawal", state="uncertain", amount_minor=5_000_000)
    flow.asset_id = BTC.asset_id
    silence = AlertSilence(
        id=UUID(int=3), alert_code=code, service_scope=scope, begins_at=ago(hours=1), ends_at=ago(hours=-6),
        reason="Known until the morning.", created_by="operator:4e5f6g7h8j",
    )  # fmt: skip
    said = [
        _said("alert.silenced", 1, until=ago(hours=-6).isoformat(), reason="Known until the morning."),
        _said("alert.acknowledged", 2, note=note),
    ]
    keeper = AlertAcknowledgement(
        fingerprint=worse.fingerprint, raised_at=worse.raised_at, acknowledged_at=ago(hours=2),
        acknowledged_by="operator:4e5f6g7h8j", note=note,
    )  # fmt: skip
    return _page(Dossier(worse, RULES[code], rows, said, keeper, [silence], None, [flow]))


def alert_settling() -> dict[str, Any]:
    """One that only a person ends, refused at the last press."""
    code, scope = "chain_backfill_found", "block:a-chain-with-quite-a-long-name:123456789"
    row = _row(code, scope, "warning", "2 deposits on it were missed when their blocks were read", hours=1)
    row.details = {"deposits": 2, "heights": [123_456_789, 123_456_790, 123_456_791]}
    page = _page(Dossier(row, RULES[code], [row], [], None, [], None, []), may_settle=True)
    return {**page, "problem": "Nothing was changed: say how it was settled."}


def alert_over() -> dict[str, Any]:
    """One that is over, as a viewer sees it."""
    code, scope = "disk_low", "disk:a-host-with-quite-a-long-name.example"
    rows = [
        _row(code, scope, "critical", "it is so no more", status="cleared", hours=9, recorded=1),
        _row(code, scope, "critical", "8.3 % of the disk is free", hours=9),
    ]
    found = Dossier(rows[0], RULES[code], rows, [], None, [], None, [])
    return _page(found, may_acknowledge=False, may_silence=False)


ALERTS = {
    "alert": ("alert.html", True, alert_critical),
    "alert-settling": ("alert.html", True, alert_settling),
    "alert-over": ("alert.html", True, alert_over),
    "alerts": ("alerts.html", True, alerts),
    "alerts-none": ("alerts.html", True, alerts_none),
    "alerts-paused": ("alerts.html", True, alerts_paused),
}
