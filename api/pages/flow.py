"""The page of one flow: its state, its steps, and the evidence for each."""

from http import HTTPStatus

from flask import Blueprint, Response

from api import guards
from api.guards import signed_in
from api.pages import flow_actions, flow_steps
from api.pages.context import every_asset, page
from api.pages.flow_facts import Reading
from api.request_context import container
from services import activity, evidence, flow_stats, replenishments

blueprint = Blueprint("flow", __name__)


@blueprint.get("/flows/<reference>")
@signed_in
def show(reference: str) -> Response:
    """Show a flow, by id or short id: to its owner, its recipient, or an operator."""
    return show_flow(reference)


def show_flow(reference: str, *, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    """Show the flow with an error message on top. Raises FlowNotFound."""
    parts, caller = container(), guards.caller()
    is_operator = "viewer" in caller.roles
    with parts.reading() as session:
        flow = evidence.find(session, reference, user_id=None if is_operator else caller.user_id)
        found = evidence.of_flow(session, flow)
        known = every_asset(session)
        asset = known[flow.asset_id]
        fee_asset = known[found.payout.fee_asset_id] if found.payout is not None else None
        heights = activity.heights(session)
        reading = Reading(
            found,
            asset,
            heights.get(asset.chain),
            parts.now(),
            caller.user_id,
            is_operator,
            "approver" in caller.roles,
            fee_asset,
            known=known,
            usual=flow_stats.usual(session, flow.kind),
            alerts=evidence.alerts_about(session, found) if is_operator else (),
            lines=evidence.lines_about(session, found) if is_operator else (),
            fund_at=replenishments.address_of(session, found.replenishment) if found.replenishment else None,
        )
    actions = flow_actions.possible(found, caller)
    return page("flow.html", status=status, page=flow_steps.view(reading, actions), problem=problem)
