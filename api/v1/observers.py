"""Operators' controls over one chain's observer and over the withdrawals of an asset."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import json_answer, moment
from models.chain import ChainCursor
from services import chains, withdrawals

blueprint = Blueprint("controls", __name__, description="Refresh, pause and resume.")


class Observer(ma.Schema):
    """One observer: how far it has read its chain, and its health. Times are null for what never happened."""

    chain = ma.fields.String(required=True)
    height = ma.fields.Integer(required=True)
    tip_height = ma.fields.Integer(required=True)
    hash = ma.fields.String(required=True)
    polled_at = ma.fields.DateTime(required=True, allow_none=True)
    advanced_at = ma.fields.DateTime(required=True, allow_none=True)
    failing_since = ma.fields.DateTime(required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True)
    paused_at = ma.fields.DateTime(required=True, allow_none=True)
    paused_by = ma.fields.String(required=True, allow_none=True)


class WithdrawalSwitch(ma.Schema):
    """Whether withdrawals of an asset are paused."""

    asset = ma.fields.String(required=True)
    paused = ma.fields.Boolean(required=True)


@blueprint.post("/observers/<chain>/refresh")
@role("admin")
@blueprint.answers(200, Observer)
def refresh(chain: str) -> Response:
    """Observe a chain now instead of at the next turn."""
    return _act(chains.refresh, chain)


@blueprint.post("/observers/<chain>/pause")
@role("admin")
@blueprint.answers(200, Observer)
def pause(chain: str) -> Response:
    """Pause a chain's observer: nothing on it is seen or credited until it is resumed."""
    return _act(chains.pause, chain)


@blueprint.post("/observers/<chain>/resume")
@role("admin")
@blueprint.answers(200, Observer)
def resume(chain: str) -> Response:
    """Resume a chain's observer from where it stopped."""
    return _act(chains.resume, chain)


@blueprint.post("/operator/assets/<asset>/withdrawals/pause")
@role("admin")
@blueprint.answers(200, WithdrawalSwitch)
def pause_withdrawals(asset: str) -> Response:
    """Pause an asset's withdrawals: none is accepted or sent until they are resumed."""
    return _switch(withdrawals.pause, asset)


@blueprint.post("/operator/assets/<asset>/withdrawals/resume")
@role("admin")
@blueprint.answers(200, WithdrawalSwitch)
def resume_withdrawals(asset: str) -> Response:
    """Resume an asset's withdrawals."""
    return _switch(withdrawals.resume, asset)


def shape(cursor: ChainCursor) -> dict[str, Any]:
    """An observer, for operators."""
    return {
        "chain": cursor.chain,
        "height": cursor.height,
        "tip_height": cursor.tip_height,
        "hash": cursor.hash,
        "polled_at": moment(cursor.polled_at),
        "advanced_at": moment(cursor.advanced_at),
        "failing_since": moment(cursor.failing_since),
        "error": cursor.error,
        "paused_at": moment(cursor.paused_at),
        "paused_by": cursor.paused_by,
    }


def _act(control: Any, chain: str) -> Response:
    parts = container()
    with parts.transaction() as session:
        cursor = control(session, _plain(chain), now=parts.now(), by=operator())
        session.flush()
        body = shape(cursor)
    return json_answer(body)


def _switch(control: Any, asset_id: str) -> Response:
    parts = container()
    with parts.transaction() as session:
        policy = control(session, _plain(asset_id), now=parts.now(), by=operator())
        body = {"asset": policy.asset_id, "paused": policy.paused}
    return json_answer(body)


def _plain(name: str) -> str:
    """The name if it is printable, since PostgreSQL refuses NUL; else an empty one, which nothing has."""
    return name if name.isprintable() else ""
