"""One protected address for app developers to try their tokens on."""

from http import HTTPStatus

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, scope
from api.schemas import json_answer, moment

blueprint = Blueprint("demo", __name__, description="Try a token.")


class ProtectedAnswer(ma.Schema):
    """Who asked, through which app, and what that app may do."""

    user = ma.fields.UUID(required=True)
    client_id = ma.fields.String(required=True, allow_none=True)
    scopes = ma.fields.List(ma.fields.String(), required=True)
    expires_at = ma.fields.DateTime(required=True)


@blueprint.get("/api/demo/protected")
@scope("profile:read")
@blueprint.answers(HTTPStatus.OK, ProtectedAnswer)
def protected() -> Response:
    """Open to signed-in people, and to apps whose token has the scope profile:read."""
    who = caller()
    app = who.delegation
    return json_answer(
        {
            "user": str(who.user_id),
            "client_id": app.client_id if app else None,
            "scopes": sorted(app.scopes) if app else [],
            "expires_at": moment(who.expires_at),
        }
    )
