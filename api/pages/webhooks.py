"""Pages of webhook endpoints: a developer's own under /developer, the installation's under /operator."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from api import guards
from api.access import provider
from api.guards import role, signed_in
from api.limits import spend
from api.pages.context import page, see, typed
from api.request_context import actor, container, operator
from api.statuses import status_of
from auth.oauth import clients
from domain import webhooks
from domain.actor import Actor
from domain.errors import StrongroomError
from models.webhook_out import WebhookEndpoint
from services import webhooks_out
from services.webhooks_out import Owner

blueprint = Blueprint("webhooks-page", __name__)

DEVELOPER: Final = "/developer/webhooks"
OPERATOR: Final = "/operator/webhooks"
LINES_MAX: Final = 50
_DESCRIPTION_LENGTH_MAX: Final = 120
_SINCE: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "all": timedelta(days=30)}
OF_PEOPLE: Final[Mapping[str, str]] = {
    "deposit": "Every step of deposits",
    "withdrawal": "Every step of withdrawals",
    "internal_transfer": "Every transfer to another user, or from one",
    "conversion": "Every step of conversions",
    "verification": "Every step of claimed payments",
}
OF_THE_HOUSE: Final[Mapping[str, str]] = {
    **OF_PEOPLE,
    "replenishment": "Every step of orders to fund buffers",
    "sweep": "Every step of sweeps",
    "loss": "Every step of losses",
    "alert": "Every alert that is raised or cleared",
}
"""The events on offer, in words: people have no use for internal ones."""
Move = Callable[[Session, Owner, UUID, datetime, Actor], str | None]


@blueprint.get(DEVELOPER)
@signed_in
def show() -> Response:
    """Show the developer's endpoints, and a form for a new one."""
    return _list(_mine())


@blueprint.post(DEVELOPER)
@signed_in
def create() -> Response:
    """Create an endpoint; its secret is shown on this answer only."""
    return _create(_mine())


@blueprint.get(f"{DEVELOPER}/<uuid:endpoint_id>")
@signed_in
def show_one(endpoint_id: UUID) -> Response:
    """Show one endpoint with its deliveries."""
    return _one(_mine(), endpoint_id)


@blueprint.post(f"{DEVELOPER}/<uuid:endpoint_id>/<move>")
@signed_in
def act(endpoint_id: UUID, move: str) -> Response:
    """Change, rotate, test, disable, enable, redeliver or delete an endpoint."""
    return _act(_mine(), endpoint_id, move)


@blueprint.get(OPERATOR)
@role("viewer")
def show_house() -> Response:
    """Show the installation's endpoints."""
    return _list(_HOUSE)


@blueprint.post(OPERATOR)
@role("admin")
def create_house() -> Response:
    """Create an endpoint for the installation."""
    return _create(_HOUSE)


@blueprint.get(f"{OPERATOR}/<uuid:endpoint_id>")
@role("viewer")
def show_house_one(endpoint_id: UUID) -> Response:
    """Show one of the installation's endpoints with its deliveries."""
    return _one(_HOUSE, endpoint_id)


@blueprint.post(f"{OPERATOR}/<uuid:endpoint_id>/<move>")
@role("admin")
def act_house(endpoint_id: UUID, move: str) -> Response:
    """Change, rotate, test, disable, enable, redeliver or delete one of the installation's endpoints."""
    return _act(_HOUSE, endpoint_id, move)


_HOUSE: Final = Owner(None)


def _mine() -> Owner:
    return Owner(guards.person().user_id)


def _base(owner: Owner) -> str:
    return OPERATOR if owner.user_id is None else DEVELOPER


def _doer(owner: Owner) -> Actor:
    return operator() if owner.user_id is None else actor()


def _may_change(owner: Owner) -> bool:
    return owner.user_id is not None or "admin" in guards.caller().roles


def _create(owner: Owner) -> Response:
    parts = container()
    app = typed("client_id")
    try:
        with parts.transaction() as session:
            client = clients.own(session, app, owner_id=owner.user_id) if app and owner.user_id is not None else None
            row, secret = webhooks_out.create(
                session, owner, url=typed("url"), kinds=_kinds(), description=_description(), box=provider(parts).box(),
                client_id=None if client is None else client.id, allow_private=parts.settings.webhook_private,
                now=parts.now(), by=_doer(owner),
            )  # fmt: skip
    except StrongroomError as refusal:
        return _list(owner, problem=_in_words(refusal), status=status_of(type(refusal)))
    return _one(owner, row.id, secret=secret)


def _act(owner: Owner, endpoint_id: UUID, move: str) -> Response:
    chosen = _MOVES.get(move)
    if chosen is None:
        abort(HTTPStatus.NOT_FOUND)
    parts = container()
    try:
        with parts.transaction() as session:
            secret = chosen(session, owner, endpoint_id, parts.now(), _doer(owner))
    except (webhooks.InvalidWebhookUrl, webhooks.InvalidWebhookKind) as refusal:
        return _one(owner, endpoint_id, problem=_in_words(refusal), status=status_of(type(refusal)))
    if secret is not None:
        return _one(owner, endpoint_id, secret=secret)
    return see(_base(owner) if move == "remove" else f"{_base(owner)}/{endpoint_id}")


def _change(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, by: Actor) -> None:
    webhooks_out.update(
        session, owner, endpoint_id, url=typed("url"), kinds=_kinds(), description=_description(),
        allow_private=container().settings.webhook_private, now=now, by=by,
    )  # fmt: skip


def _rotate(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, by: Actor) -> str:
    box = provider(container()).box()
    return webhooks_out.rotate(session, owner, endpoint_id, box=box, now=now, by=by)[1]


def _count() -> None:
    """Count requests that make us call an endpoint, so that nobody floods a third party by us. Raises RateLimited."""
    spend("sign_in", user=str(guards.person().user_id))


def _test(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, _: Actor) -> None:
    _count()
    webhooks_out.send_test(session, owner, endpoint_id, now=now)


def _stop(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, by: Actor) -> None:
    webhooks_out.disable(session, owner, endpoint_id, now=now, by=by)


def _start(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, by: Actor) -> None:
    webhooks_out.enable(session, owner, endpoint_id, now=now, by=by)


def _remove(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, by: Actor) -> None:
    webhooks_out.remove(session, owner, endpoint_id, now=now, by=by)


def _again(session: Session, owner: Owner, endpoint_id: UUID, now: datetime, by: Actor) -> None:
    """Redeliver one message if named, else all failed ones, or all, since a time."""
    _count()
    if typed("delivery_id"):
        try:
            delivery_id = UUID(typed("delivery_id"))
        except ValueError as fault:
            raise webhooks_out.WebhookDeliveryNotFound from fault
        webhooks_out.redeliver(session, owner, endpoint_id, delivery_id, now=now, by=by)
        return
    since = now - _SINCE.get(typed("since"), _SINCE["hour"])
    failed = typed("which") != "all"
    webhooks_out.redeliver_since(session, owner, endpoint_id, since=since, only_failed=failed, now=now, by=by)


_MOVES: Final[Mapping[str, Move]] = {
    "change": _change,
    "rotate": _rotate,
    "test": _test,
    "disable": _stop,
    "enable": _start,
    "remove": _remove,
    "redeliver": _again,
}


def _list(owner: Owner, *, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        rows = webhooks_out.of_owner(session, owner)
        apps = [] if owner.user_id is None else clients.owned(session, owner.user_id)
    return page(
        "webhooks.html",
        status=status,
        endpoints=rows,
        apps=apps,
        base=_base(owner),
        may_change=_may_change(owner),
        problem=problem,
        form=request.form,
        kinds=_choices(owner),
        chosen=request.form.getlist("kinds"),
    )


def _one(
    owner: Owner, endpoint_id: UUID, *, secret: str = "", problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    with container().reading() as session:
        row = webhooks_out.one(session, owner, endpoint_id)
        messages = webhooks_out.deliveries(session, owner, endpoint_id, limit=LINES_MAX)
        attempts = webhooks_out.attempts_of(session, [message.id for message in messages])
    values: dict[str, Any] = {
        "endpoint": row,
        "messages": [(message, attempts[message.id]) for message in messages],
        "kinds": _choices(owner, row),
        "chosen": row.kinds,
        "rotating_until": _rotating(row, container().now()),
    }
    may_change = _may_change(owner)
    return page(
        "webhook.html",
        status=status,
        base=_base(owner),
        may_change=may_change,
        secret=secret,
        problem=problem,
        **values,
    )


def _rotating(row: WebhookEndpoint, now: datetime) -> datetime | None:
    until = row.previous_secret_until
    return until if until is not None and until > now.astimezone(UTC) else None


def _choices(owner: Owner, row: WebhookEndpoint | None = None) -> list[tuple[str, str]]:
    """The form's events: whole kinds, and any exact types that the endpoint got through the API."""
    kinds = OF_THE_HOUSE if owner.user_id is None else OF_PEOPLE
    offered = [(webhooks.EVERYTHING, "Everything"), *((f"{kind}.*", words) for kind, words in kinds.items())]
    known = {name for name, _ in offered}
    return offered + [(name, name) for name in (row.kinds if row is not None else []) if name not in known]


def _kinds() -> list[str]:
    return request.form.getlist("kinds")


def _description() -> str:
    text = typed("description")[:_DESCRIPTION_LENGTH_MAX]
    return text if text.isprintable() else ""


def _in_words(refusal: StrongroomError) -> str:
    name, colon, reason = str(refusal).partition(": ")
    labels = {"url": "The address", "kinds": "What it is told"}
    return f"{labels[name]}: {reason}." if colon and name in labels else str(refusal)
