"""The page of one alert: its meaning, its history, its acknowledgement, and what to do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import pairwise
from typing import Final
from uuid import UUID

from flask import Blueprint, Response

from api import guards
from api.guards import role
from api.pages import sentences
from api.pages.context import every_asset, page, sentence
from api.pages.shapes import AssetName, Evidence, Money
from api.pages.wording import exact, spoken
from api.request_context import container
from domain.alert_rule import NODATA
from domain.ids import short_id
from domain.rails import RAILS
from models.alert import OpsAlert
from models.audit import AuditLog
from models.flow import Flow
from services.alerts import dossier
from services.alerts.dossier import Dossier

blueprint = Blueprint("alert-page", __name__)

ALERTS: Final = "/operator/alerts"
MEANINGS: Final[Mapping[str, str]] = {"critical": "wrong", "warning": "waiting", "info": "seen"}
"""The colour of each severity."""
PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "asset": ("/operator/buffers", "Buffers and funding"),
    "chain": ("/operator/controls", "Controls"),
    "deposit": ("/operator/deposits", "Deposits set aside"),
    "price": ("/operator/prices", "Prices"),
    "webhook": ("/operator/webhooks", "Webhooks"),
    "logins": ("/operator/audit?event=login&outcome=failure", "Sign-ins that failed"),
    "tokens": ("/operator/audit?event=oauth.token_issued", "Tokens in the audit log"),
    "api": ("/operator/overwatch", "Overwatch"),
    "conversions": ("/operator/conversions", "Conversions"),
    "withdrawals": ("/operator", "Withdrawals that wait"),
    "sweeps": ("/operator/buffers", "Buffers and funding"),
}
"""Further pages, by the noun of a scope."""


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A flow that the alert names."""

    short_id: str
    kind: str
    meaning: str
    state: str
    money: Money


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an alert: raised, worse, cleared, or an operator's comment."""

    at: datetime
    meaning: str
    sentence: str
    told: str
    by: str = ""
    lasted: timedelta | None = None


@dataclass(frozen=True, slots=True)
class AlertView:
    """The page."""

    found: Dossier
    meaning: str
    sentence: str
    facts: tuple[Evidence, ...]
    changes: tuple[Change, ...]
    flows: tuple[FlowLine, ...]
    place: tuple[str, str] | None
    explorer: str | None


@blueprint.get(f"{ALERTS}/<uuid:event_id>")
@role("viewer")
def show(event_id: UUID) -> Response:
    """Show the alert of this transition."""
    return show_alert(event_id)


def show_alert(event_id: UUID, *, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    """Show the alert with an error message on top. Raises UnknownAlert."""
    parts, roles = container(), guards.caller().roles
    with parts.reading() as session:
        found = dossier.of_event(session, event_id, now=parts.now())
        shown = view(found, every_asset(session))
    may_acknowledge = bool(roles & {"approver", "admin"})
    return page(
        "alert.html",
        status=status,
        problem=problem,
        alert=shown,
        may_acknowledge=may_acknowledge and found.stands,
        may_settle=may_acknowledge and found.ends_by_word,
        may_silence="admin" in roles,
    )


def view(found: Dossier, known: Mapping[str, AssetName]) -> AlertView:
    """The page's values for its template."""
    row = found.newest
    changes = [*_transitions(found), *(change for line in found.said if (change := _said(line)))]
    noun = row.service_scope.removeprefix(NODATA).partition(":")[0]
    asset = known.get(row.asset_id or "")
    rail = RAILS.get(asset.chain) if asset is not None else None
    return AlertView(
        found=found,
        meaning=MEANINGS[row.severity] if found.stands else "yours",
        sentence=sentence(row.reason) if found.stands else f"Over: {sentence(row.reason)}",
        facts=_facts(found, asset),
        changes=tuple(sorted(changes, key=lambda change: change.at, reverse=True)),
        flows=tuple(_flow(flow, known) for flow in found.flows),
        place=PLACES.get(noun),
        explorer=rail.explorer_url(row.tx_hash) if rail is not None and row.tx_hash is not None else None,
    )


def _transitions(found: Dossier) -> list[Change]:
    """The transitions; the clearing one has the duration."""
    oldest_first = list(reversed(found.transitions))
    changes = [_change(row, None) for row in oldest_first[:1]]
    return [*changes, *(_change(row, before) for before, row in pairwise(oldest_first))]


def _change(row: OpsAlert, before: OpsAlert | None) -> Change:
    if row.status == "cleared":
        return Change(row.recorded_at, "yours", "Over.", sentence(row.reason), lasted=row.recorded_at - row.raised_at)
    is_worse = before is not None and before.status == "raised"
    told = f"It got worse: {row.severity}." if is_worse else f"Raised: {row.severity}."
    return Change(row.recorded_at, MEANINGS[row.severity], told, sentence(row.reason))


def _said(line: AuditLog) -> Change | None:
    detail, by = line.detail, sentences.actor(line.actor)
    if line.event == "alert.acknowledged":
        return Change(line.at, "seen", "Somebody looks after it.", detail.get("note") or "", by)
    if line.event == "alert.silenced":
        until = exact(datetime.fromisoformat(detail["until"]))
        return Change(line.at, "ended", f"Silenced until {until}.", detail.get("reason") or "", by)
    return Change(line.at, "ended", "The silence was ended.", "", by)


def _facts(found: Dossier, asset: AssetName | None) -> tuple[Evidence, ...]:
    row = found.newest
    facts = [Evidence("About", row.service_scope, copy=True)]
    if asset is not None:
        facts.append(Evidence("Asset", asset.name))
    if row.pair is not None:
        facts.append(Evidence("Pair", row.pair))
    facts += [Evidence(spoken(name).capitalize(), _told(value)) for name, value in sorted(row.details.items())]
    return tuple(facts)


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_told(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flow(flow: Flow, known: Mapping[str, AssetName]) -> FlowLine:
    return FlowLine(
        short_id=short_id(flow.group_id),
        kind=sentences.kind_word(flow.kind),
        meaning=sentences.meaning(flow.kind, flow.state),
        state=flow.state,
        money=Money(flow.amount_minor, known[flow.asset_id]),
    )
