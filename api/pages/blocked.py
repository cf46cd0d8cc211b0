"""The users whom the reader has blocked."""

from flask import Blueprint, Response

from api import conversing, guards
from api.guards import signed_in
from api.pages.context import page, see, typed
from api.request_context import container
from services import blocked

blueprint = Blueprint("blocked", __name__)


@blueprint.get("/chat/blocked")
@signed_in
def list_blocked() -> Response:
    """List the users whom the reader has blocked."""
    with container().reading() as session:
        people = blocked.listed(session, guards.caller().user_id)
    return page("blocked.html", people=people)


@blueprint.post("/chat/blocked")
@signed_in
def block() -> Response:
    """Block a user."""
    other = conversing.block(container(), guards.caller(), typed("person"))
    return see(f"/chat/{other.public_key}")


@blueprint.post("/chat/blocked/end")
@signed_in
def unblock() -> Response:
    """Unblock a user."""
    other = conversing.unblock(container(), guards.caller(), typed("person"))
    return see(f"/chat/{other.public_key}")
