"""The caller's deposits and their states."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import caller, scope
from api.request_context import container
from api.schemas import PageQuery, id_cursor, json_answer, moment, page, page_schema
from domain.flows import DEPOSIT
from domain.ids import short_id
from domain.money import format_amount
from models.deposit import Deposit
from services import assets, chains, deposits

blueprint = Blueprint("deposits", __name__, description="Payments to the caller's addresses.")


class DepositItem(ma.Schema):
    """One deposit. It can be spent once `state` is credited."""

    id = ma.fields.UUID(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(list(DEPOSIT.states)))
    meaning = ma.fields.String(required=True)
    sentence = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    address = ma.fields.String(required=True)
    txid = ma.fields.String(required=True)
    vout = ma.fields.Integer(required=True)
    confirmations = ma.fields.Integer(required=True)
    confirmations_needed = ma.fields.Integer(required=True)
    block_height = ma.fields.Integer(required=True, allow_none=True)
    replaced_by = ma.fields.String(required=True, allow_none=True)
    first_seen_at = ma.fields.DateTime(required=True)
    credited_at = ma.fields.DateTime(required=True, allow_none=True)
    flow = ma.fields.String(required=True)


@blueprint.get("/deposits")
@scope("deposits:read")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("DepositPage", DepositItem))
def list_deposits(query: dict[str, Any]) -> Response:
    """List the caller's deposits, newest first."""
    with container().reading() as session:
        before = id_cursor(query["cursor"])
        rows = deposits.newest(session, caller().user_id, before=before, limit=query["limit"] + 1)
        facts = Facts(session)
    return json_answer(page(rows, query["limit"], facts.shape, lambda row: row.id))


@blueprint.get("/deposits/<uuid:deposit_id>")
@scope("deposits:read")
@blueprint.answers(200, DepositItem)
def read_deposit(deposit_id: UUID) -> Response:
    """Read one of the caller's deposits."""
    with container().reading() as session:
        row = deposits.one(session, deposit_id, user_id=caller().user_id)
        facts = Facts(session)
    return json_answer(facts.shape(row))


class Facts:
    """Facts for shaping deposits, read once for a whole page."""

    def __init__(self, session: Session) -> None:
        self._decimals: Mapping[str, int] = assets.decimals(session)
        self._heights = {cursor.chain: cursor.height for cursor in chains.every(session)}

    def shape(self, row: Deposit) -> dict[str, Any]:
        """One deposit as its owner sees it."""
        state = DEPOSIT.states[row.state]
        return {
            "id": str(row.id),
            "asset": row.asset_id,
            "amount": format_amount(row.amount_minor, self._decimals[row.asset_id]),
            "state": row.state,
            "meaning": state.meaning,
            "sentence": state.sentence,
            "chain": row.chain,
            "address": row.address,
            "txid": row.txid,
            "vout": row.vout,
            "confirmations": self._confirmations(row),
            "confirmations_needed": row.confirmations_needed,
            "block_height": row.block_height,
            "replaced_by": row.replaced_by,
            "first_seen_at": moment(row.first_seen_at),
            "credited_at": moment(row.credited_at),
            "flow": short_id(row.flow_id),
        }

    def _confirmations(self, row: Deposit) -> int:
        if row.block_height is None:
            return 0
        return max(0, self._heights.get(row.chain, row.block_height - 1) - row.block_height + 1)
