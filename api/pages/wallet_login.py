"""Signing in with a Lightning wallet on the page: a code to scan, which counts down, renews, and moves on by itself."""

import secrets
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from werkzeug.urls import iri_to_uri

from api import guards, lnurl_sign_in
from api.guards import public
from api.limits import limited, origin, spend
from api.lnurl_sign_in import Question
from api.pages import qr
from api.pages.context import onward, onward_query, page, see
from api.request_context import container
from auth import lnurl

blueprint = Blueprint("wallet_login", __name__)


def fresh(target: str, *, action: str | None = None, asked_by: UUID | None = None) -> tuple[dict[str, Any], str]:
    """What a page needs to show a new question, and the secret that its answer must hand to the browser."""
    # Counted apart from attempts: a form that is shown again brings a new code along.
    spend("sign_in", page=origin())
    browser = lnurl_sign_in.browser_secret() or secrets.token_urlsafe(lnurl_sign_in.BROWSER_SECRET_BYTES)
    asked = lnurl_sign_in.ask(container(), action=action, browser=browser, asked_by=asked_by)
    return shown(asked, "waiting", target), browser


def shown(asked: Question, status: str, target: str) -> dict[str, Any]:
    """A question as the template wants it."""
    return {
        "wallet": asked,
        "wallet_status": status,
        "wallet_left": asked.challenge.expires_at - container().now(),
        "onward": onward_query(target),
    }


@blueprint.post("/login/wallet")
@public
def renew() -> Response:
    """Show a new code. Read by htmx it is the fragment alone; without scripts it is the page with the code."""
    target = onward(request.args.get("next"))
    if request.headers.get("HX-Request") != "true":
        return see(f"/login{onward_query(target)}")
    values, browser = fresh(target)
    response = page("login_wallet.html", **values)
    lnurl_sign_in.set_browser_secret(response, browser)
    return response


@blueprint.get("/login/wallet/<uuid:session_id>")
@public
@limited("read")
def look(session_id: UUID) -> Response:
    """How far it has come. Once the wallet has answered, the browser is signed in and sent on."""
    target = onward(request.args.get("next"))
    parts, browser = container(), lnurl_sign_in.browser_secret()
    seen = lnurl_sign_in.progress(parts, session_id, browser=browser, previous_token=guards.session_token())
    if seen.signed_in is not None:
        response = _moved_on(target)
        guards.set_session_cookie(response, seen.signed_in.session)
        return response
    if seen.status == "claimed" and guards.principal() is not None:
        return _moved_on(target)
    if request.headers.get("HX-Request") != "true" and seen.status != "waiting":
        return see(f"/login{onward_query(target)}")
    return page("login_wallet.html", **shown(lnurl_sign_in.question(parts, seen.challenge), seen.status, target))


@blueprint.get("/login/wallet/<uuid:session_id>/qr.svg")
@public
@limited("read")
def code(session_id: UUID) -> Response:
    """The question as a QR code (LUD-01), for the browser that asked alone."""
    with container().reading() as session:
        challenge = lnurl.of_browser(session, session_id, lnurl_sign_in.browser_secret())
    drawing = qr.drawn(lnurl_sign_in.question(container(), challenge).lnurl)
    return Response(drawing, mimetype="image/svg+xml")


def _moved_on(target: str) -> Response:
    if request.headers.get("HX-Request") == "true":
        # A header holds no more than Latin-1, and what fails here has used the wallet's answer up.
        return Response(headers={"HX-Redirect": iri_to_uri(target)})
    return see(target)
