"""Every movement of money as a flow: its state, its steps, and the evidence for them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, scope
from api.possessives import for_reader
from api.request_context import container
from api.schemas import PageQuery, Text, id_cursor, json_answer, moment, page, page_schema
from domain.addresses import ADDRESS_LENGTH_MAX
from domain.flows import FLOW_KINDS
from domain.money import format_amount
from models.flow import Flow, FlowEvent
from services import assets, evidence, flow_search, flows
from services.evidence import BookedTransfer, Evidence
from services.flow_search import Wanted

blueprint = Blueprint("flows", __name__, description="Where is my money?")


class FlowQuery(PageQuery):
    """Filters, all of which must match."""

    everyone = ma.fields.Boolean(
        load_default=False, metadata={"description": "All users' flows; for viewers, approvers and admins."}
    )
    id = Text(load_default=None, length_max=36, metadata={"description": "A flow's id or its short id."})
    user = ma.fields.UUID(load_default=None, metadata={"description": "One user's flows; with `everyone`."})
    kind = ma.fields.String(load_default=None, validate=ma.validate.OneOf(list(FLOW_KINDS)))
    state = ma.fields.String(
        load_default=None,
        validate=ma.validate.OneOf(sorted({state for kind in FLOW_KINDS.values() for state in kind.states})),
    )
    asset = Text(load_default=None, length_max=40)
    tx_hash = Text(
        load_default=None,
        length_max=130,
        metadata={"description": "A transaction on any chain, or a provider's id of a transfer."},
    )
    address = Text(
        load_default=None,
        length_max=ADDRESS_LENGTH_MAX,
        metadata={"description": "What was paid to this address, or swept from it."},
    )
    opened_after = ma.fields.AwareDateTime(load_default=None, metadata={"description": "RFC 3339."})
    opened_before = ma.fields.AwareDateTime(load_default=None, metadata={"description": "RFC 3339."})


class FlowItem(ma.Schema):
    """One flow. `short_id` is a short form to read out."""

    id = ma.fields.UUID(required=True)
    short_id = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(list(FLOW_KINDS)))
    state = ma.fields.String(required=True)
    meaning = ma.fields.String(required=True)
    sentence = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    opened_at = ma.fields.DateTime(required=True)
    state_since = ma.fields.DateTime(required=True)
    closed_at = ma.fields.DateTime(required=True, allow_none=True)


class FlowStep(ma.Schema):
    """One event: a transition, or a note within a state."""

    at = ma.fields.DateTime(required=True)
    from_state = ma.fields.String(required=True, allow_none=True)
    state = ma.fields.String(required=True)
    actor = ma.fields.String(required=True)
    correlation_id = ma.fields.String(required=True, allow_none=True)
    detail = ma.fields.Dict(required=True)


class FlowTransfer(ma.Schema):
    """One ledger transfer."""

    transfer_id = ma.fields.Integer(required=True)
    transaction_id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    phase = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    debit = ma.fields.String(required=True)
    credit = ma.fields.String(required=True)
    recorded_at = ma.fields.DateTime(required=True)


class FlowChainTransaction(ma.Schema):
    """One chain transaction."""

    chain = ma.fields.String(required=True)
    txid = ma.fields.String(required=True)
    vout = ma.fields.Integer(required=True, allow_none=True)
    direction = ma.fields.String(required=True, validate=ma.validate.OneOf(["in", "out"]))
    block_height = ma.fields.Integer(required=True, allow_none=True)
    replaced_by = ma.fields.String(required=True, allow_none=True)


class FlowApproval(ma.Schema):
    """One operator's decision."""

    approver_id = ma.fields.UUID(required=True)
    decision = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    decided_at = ma.fields.DateTime(required=True)


class FlowDetail(FlowItem):
    """One flow with everything on record about it, oldest first."""

    timeline = ma.fields.List(ma.fields.Nested(FlowStep), required=True)
    transfers = ma.fields.List(ma.fields.Nested(FlowTransfer), required=True)
    chain_transactions = ma.fields.List(ma.fields.Nested(FlowChainTransaction), required=True)
    approvals = ma.fields.List(ma.fields.Nested(FlowApproval), required=True)


@blueprint.get("/flows")
@scope("wallet:read")
@blueprint.takes(FlowQuery, location="query")
@blueprint.answers(200, page_schema("FlowPage", FlowItem))
def list_flows(query: dict[str, Any]) -> Response:
    """List the caller's flows, newest first; with `everyone`, those of all users, for operators."""
    before = id_cursor(query["cursor"])
    wanted = Wanted(
        reference=query["id"],
        owner_id=_whose(query["everyone"]),
        user_id=query["user"],
        kind=query["kind"],
        state=query["state"],
        asset_id=query["asset"],
        tx_hash=query["tx_hash"],
        address=query["address"],
        opened_after=query["opened_after"],
        opened_before=query["opened_before"],
    )
    with container().reading() as session:
        rows = flow_search.search(session, wanted, before=before, limit=query["limit"] + 1)
        decimals = assets.decimals(session)
    return json_answer(
        page(rows, query["limit"], lambda row: _shape(row, decimals[row.asset_id]), lambda row: row.group_id)
    )


@blueprint.get("/flows/<reference>")
@scope("wallet:read")
@blueprint.answers(200, FlowDetail)
def read_flow(reference: str) -> Response:
    """Read a flow by its id or short id: one of the caller's own, or any for holders of a role."""
    if not reference.isascii() or not reference.isprintable():
        raise flows.FlowNotFound
    with container().reading() as session:
        flow = evidence.find(session, reference, user_id=_whose("viewer" in caller().roles))
        proof = evidence.of_flow(session, flow)
        decimals = assets.decimals(session)
    body = _shape(flow, decimals[flow.asset_id])
    body["timeline"] = [_event(event) for event in proof.events]
    body.update(_evidence(proof, decimals))
    return json_answer(body)


def _whose(everyone: bool) -> UUID | None:  # noqa: FBT001 - the one fact it turns on
    """The caller's id; None, for all users, where a holder of a role asked for that."""
    return None if everyone and "viewer" in caller().roles else caller().user_id


def _shape(flow: Flow, decimals: int) -> dict[str, Any]:
    state = FLOW_KINDS[flow.kind].states[flow.state]
    return {
        "id": str(flow.group_id),
        "short_id": flow.short_id,
        "kind": flow.kind,
        "state": flow.state,
        "meaning": state.meaning,
        "sentence": for_reader(state.sentence, is_owner=flow.user_id == caller().user_id),
        "asset": flow.asset_id,
        "amount": format_amount(flow.amount_minor, decimals),
        "opened_at": moment(flow.opened_at),
        "state_since": moment(flow.state_since),
        "closed_at": moment(flow.closed_at),
    }


def _event(event: FlowEvent) -> dict[str, Any]:
    return {
        "at": moment(event.at),
        "from_state": event.from_state,
        "state": event.state,
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        "detail": event.detail,
    }


def _evidence(proof: Evidence, decimals: Mapping[str, int]) -> dict[str, Any]:
    return {
        "transfers": [_transfer(row, decimals[row.asset_id]) for row in proof.transfers],
        "chain_transactions": _chain_transactions(proof),
        "approvals": [
            {
                "approver_id": str(row.approver_id),
                "decision": row.decision,
                "reason": row.reason,
                "decided_at": moment(row.decided_at),
            }
            for row in proof.approvals
        ],
    }


def _transfer(row: BookedTransfer, decimals: int) -> dict[str, Any]:
    return {
        "transfer_id": row.transfer_id,
        "transaction_id": row.transaction_id,
        "kind": row.kind,
        "phase": row.phase,
        "asset": row.asset_id,
        "amount": format_amount(row.amount_minor, decimals),
        "debit": row.debit_code,
        "credit": row.credit_code,
        "recorded_at": moment(row.recorded_at),
    }


def _chain_transactions(proof: Evidence) -> list[dict[str, Any]]:
    deposit, payout = proof.deposit, proof.payout
    seen: list[dict[str, Any]] = []
    if deposit is not None:
        seen.append(
            {
                "chain": deposit.chain,
                "txid": deposit.txid,
                "vout": deposit.vout,
                "direction": "in",
                "block_height": deposit.block_height,
                "replaced_by": deposit.replaced_by,
            }
        )
    if payout is not None and proof.forms:
        standing = payout.txid or proof.forms[-1].txid
        seen.extend(
            {
                "chain": form.chain,
                "txid": form.txid,
                "vout": None,
                "direction": "out",
                "block_height": payout.block_height if form.txid == payout.txid else None,
                "replaced_by": None if form.txid == standing else standing,
            }
            for form in proof.forms
        )
    return seen
