"""TURN credentials, with which browsers behind NAT connect calls."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, signed_in
from api.request_context import container
from api.schemas import json_answer, moment
from domain.ids import short_id
from domain.turn_credentials import credential

blueprint = Blueprint("turn-credentials", __name__, description="What a call needs besides the two people.")


class IceServer(ma.Schema):
    """An RTCIceServer, as browsers take it."""

    urls = ma.fields.List(ma.fields.String(), required=True)
    username = ma.fields.String()
    credential = ma.fields.String()


class TurnAnswer(ma.Schema):
    """The relays, if there are any, and when the credential expires for new calls."""

    ice_servers = ma.fields.List(ma.fields.Nested(IceServer), required=True)
    expires_at = ma.fields.DateTime(required=True, allow_none=True)


@blueprint.get("/turn-credentials")
@signed_in
@blueprint.answers(200, TurnAnswer)
def turn_credentials() -> Response:
    """Issue a TURN credential, valid for an hour. Without a relay, calls work only over a direct connection."""
    parts = container()
    urls = [url.strip() for url in parts.settings.turn_urls.split(",") if url.strip()]
    secret = parts.settings.turn_secret
    if not urls:
        return json_answer({"ice_servers": [], "expires_at": None})
    server: dict[str, Any] = {"urls": urls}
    expires_at = None
    if secret is not None:
        given = credential(secret.reveal(), short_id(caller().user_id), now=parts.now())
        server |= {"username": given.username, "credential": given.password}
        expires_at = moment(given.expires_at)
    return json_answer({"ice_servers": [server], "expires_at": expires_at})
