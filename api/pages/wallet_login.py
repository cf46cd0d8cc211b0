"""Sign in with a Lightning wallet: a QR code with a countdown, which renews itself and redirects after the sign-in."""

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
    """The values of a new challenge, and the secret for the browser's cookie."""
    # Counted apart from attempts: a form shown again has a new code.
    spend("sign_in", page=origin())
    browser = lnurl_sign_in.browser_secret() or secrets.token_urlsafe(lnurl_sign_in.BROWSER_SECRET_BYTES)
    asked = lnurl_sign_in.ask(container(), action=action, browser=browser, asked_by=asked_by)
    return shown(asked, "waiting", target), browser


def shown(asked: Question, status: str, target: str) -> dict[str, Any]:
    """A challenge, for the template."""
    return {
        "wallet": asked,
        "wallet_status": status,
        "wallet_left": asked.challenge.expires_at - container().now(),
        "onward": onward_query(target),
    }


@blueprint.post("/login/wallet")
@public
def renew() -> Response:
    """Show a new code: the fragment for htmx, else the whole page."""
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
    """Show the state. Once the wallet has answered, sign in and redirect."""
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
    """Draw the challenge as a QR code (LUD-01), only for the browser that asked."""
    with container().reading() as session:
        challenge = lnurl.of_browser(session, session_id, lnurl_sign_in.browser_secret())
    drawing = qr.drawn(lnurl_sign_in.question(container(), challenge).lnurl)
    return Response(drawing, mimetype="image/svg+xml")


def _moved_on(target: str) -> Response:
    if request.headers.get("HX-Request") == "true":
        # Headers hold only Latin-1, and a failure here would already have consumed the wallet's answer.
        return Response(headers={"HX-Redirect": iri_to_uri(target)})
    return see(target)
