"""The caller's allowlist of withdrawal destinations, for assets that require one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response

from api import guards
from api.guards import signed_in
from api.pages.context import chosen_of, every_asset, field_errors, on_rails, page, see, typed
from api.pages.shapes import AssetName, FormField
from api.request_context import actor, container
from api.statuses import status_of
from domain.errors import StrongroomError
from models.asset import WithdrawalPolicy
from services import assets, withdrawals

blueprint = Blueprint("destinations", __name__)

DESTINATIONS: Final = "/account/destinations"


@dataclass(frozen=True, slots=True)
class DestinationLine:
    """One address of the list; it can be used from `usable_at` on."""

    id: UUID
    asset: AssetName
    address: str
    added_at: datetime
    usable_at: datetime


@dataclass(frozen=True, slots=True)
class ListRule:
    """The rule of the assets that use the list."""

    assets: tuple[AssetName, ...]
    is_required: bool
    cooldown: timedelta


@blueprint.get(DESTINATIONS)
@signed_in
def show() -> Response:
    """Show the list and its rules."""
    return _list()


@blueprint.post(DESTINATIONS)
@signed_in
def add() -> Response:
    """Add an address; its cool-down begins."""
    parts = container()
    try:
        with parts.transaction() as session:
            withdrawals.allow(
                session,
                user_id=guards.caller().user_id,
                asset_id=typed("asset"),
                destination=typed("destination"),
                now=parts.now(),
                by=actor(),
            )
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "destination")
        field = FormField(typed("destination"), beside.get("destination", []))
        return _list(field, chosen=typed("asset"), problem=above, status=status_of(type(refusal)))
    return see(DESTINATIONS)


@blueprint.post(f"{DESTINATIONS}/<uuid:destination_id>/remove")
@signed_in
def remove(destination_id: UUID) -> Response:
    """Remove an address at once."""
    parts = container()
    with parts.transaction() as session:
        withdrawals.forget(
            session,
            user_id=guards.caller().user_id,
            destination_id=destination_id,
            now=parts.now(),
            by=actor(),
        )
    return see(DESTINATIONS)


def _list(
    field: FormField | None = None, *, chosen: str | None = None, problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    with container().reading() as session:
        known = every_asset(session)
        policies = {asset_id: assets.policy(session, asset_id) for asset_id in known}
        lines = [
            DestinationLine(
                row.id,
                known[row.asset_id],
                row.destination,
                row.added_at,
                row.added_at + timedelta(seconds=policies[row.asset_id].key_cooldown_s),
            )
            for row in withdrawals.allowed(session, guards.caller().user_id)
        ]
    choice = on_rails(known)
    return page(
        "destinations.html",
        status=status,
        lines=lines,
        rules=_rules(choice, policies),
        choice=choice,
        chosen=chosen_of(choice, chosen),
        destination=field or FormField(),
        problem=problem,
    )


def _rules(choice: Sequence[AssetName], policies: Mapping[str, WithdrawalPolicy]) -> list[ListRule]:
    """The rules in force, each once for all assets that share it."""
    alike: dict[tuple[bool, int], list[AssetName]] = {}
    for asset in choice:
        policy = policies[asset.asset_id]
        alike.setdefault((policy.allowlist_only, policy.key_cooldown_s), []).append(asset)
    return [
        ListRule(tuple(them), is_required, timedelta(seconds=wait_s)) for (is_required, wait_s), them in alike.items()
    ]
