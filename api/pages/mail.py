"""An operator's e-mail address: enter it, confirm it by a link, remove it, also from any message."""

import hmac
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request

from api import guards
from api.access import provider
from api.guards import from_anywhere, public, role
from api.pages.context import page, see, typed
from api.request_context import actor, container
from api.statuses import status_of
from domain.errors import StrongroomError
from services import mail

blueprint = Blueprint("mail-page", __name__)

MAIL: Final = "/operator/mail"
_LETTER: Final = "/mail/unsubscribe/<uuid:user_id>/<tag>"


@blueprint.get(MAIL)
@role("viewer")
def show() -> Response:
    """Show the operator's address and which messages go there."""
    return _page()


@blueprint.post(MAIL)
@role("approver")
def ask() -> Response:
    """Send a message with a link that confirms the address."""
    parts = container()
    try:
        with parts.transaction() as session:
            mail.request(
                session, guards.person().user_id, typed("address"), public_url=parts.settings.public_url,
                now=parts.now(), by=actor(),
            )  # fmt: skip
    except StrongroomError as refusal:
        return _page(problem=str(refusal), status=status_of(type(refusal)))
    return see(MAIL)


@blueprint.get(f"{MAIL}/confirm")
@role("viewer")
def asked() -> Response:
    """Show a form for the link of that message, so that a program that opens links confirms nothing."""
    return page("mail_confirm.html", code=request.args.get("code", ""), problem="")


@blueprint.post(f"{MAIL}/confirm")
@role("approver")
def confirm() -> Response:
    """Confirm the address."""
    parts = container()
    try:
        with parts.transaction() as session:
            mail.confirm(session, guards.person().user_id, typed("code"), now=parts.now(), by=actor())
    except mail.MailCodeWrong as refusal:
        return page("mail_confirm.html", status=status_of(type(refusal)), code="", problem=str(refusal))
    return see(MAIL)


@blueprint.post(f"{MAIL}/forget")
@role("approver")
def forget() -> Response:
    """Remove the operator's address."""
    parts = container()
    with parts.transaction() as session:
        mail.forget(session, guards.person().user_id, now=parts.now(), by=actor())
    return see(MAIL)


@blueprint.get(_LETTER)
@public
def leave(user_id: UUID, tag: str) -> Response:  # noqa: ARG001 - the form goes to the same address
    """Show a form for the unsubscribe link, for the same reason."""
    return page("mail_leave.html", done=False)


@blueprint.post(_LETTER)
@from_anywhere
@public
def leave_now(user_id: UUID, tag: str) -> Response:
    """Unsubscribe an address (RFC 8058): only messages contain this link, and it can do nothing else."""
    parts = container()
    with parts.transaction() as session:
        row = mail.of_user(session, user_id)
        ours = "" if row is None else provider(parts).tag(f"mail:{user_id}:{row.address}")
        if row is not None and hmac.compare_digest(ours.encode(), tag.encode("utf-8", "replace")):
            mail.forget(session, user_id, now=parts.now(), by=actor())
    return page("mail_leave.html", done=True)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    parts = container()
    with parts.reading() as session:
        row = mail.of_user(session, guards.person().user_id)
    has_server = parts.settings.smtp_host is not None
    return page("mail.html", status=status, row=row, problem=problem, has_server=has_server, typed=typed("address"))
