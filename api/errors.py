"""The one place where a refusal becomes an HTTP answer: which status each kind has, and the shape that all share."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar, Final

import structlog
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from adapters.http_json import NoAnswer
from adapters.mail import MailRefused, MailUnavailable
from api.request_context import request_id
from auth import challenges, keys, lnurl, roles, signatures, users
from auth.oauth import clients, device_grant, dpop, grants
from domain import webhooks
from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork
from domain.descriptors import InvalidDescriptor, InvalidRange
from domain.errors import StrongroomError
from domain.flows import WrongState
from domain.ledger import IdempotencyConflict, InsufficientFunds, LedgerRefusal
from domain.money import InvalidAmount
from domain.node_refusals import ChainError, DescriptorRefused
from domain.prices import InvalidPrice, PriceDisputed, PriceStale
from domain.provider_facts import BadNotification
from domain.verification import InvalidTransactionHash
from services import (
    addresses,
    assets,
    chains,
    chat,
    flows,
    idempotency,
    leases,
    mail,
    notifications_in,
    prices,
    replenishments,
    screening,
    spending,
    transfers,
    webhooks_out,
)
from services.alerts.handling import UnknownAlert
from services.deposits import DepositNotFound, SelfDecision
from services.events.shape import InvalidPosition
from services.payouts import AlreadyBooked, CannotCancel, InputsTaken, NoProof, NotThesePayments, PayoutNotFound
from services.verifications import ClaimOfDeposit, NotAReceivingAddress, VerificationNotFound
from services.watch_wallets import TooManyWatchWallets, WatchWalletNotFound
from services.withdrawals import WithdrawalNotFound, deciding, policy

log = structlog.get_logger(__name__)

ERROR_PAGE: Final = "strongroom.error_page"
"""Key in `app.extensions` of a function (status, body) -> Response | None that answers browsers with a page."""


class InvalidRequest(StrongroomError):
    """The request was understood, and one or more of its fields are not as they must be; `fields` says which."""

    code: ClassVar[str] = "invalid_request"


class MalformedJson(StrongroomError):
    """The body is not a JSON object."""

    code: ClassVar[str] = "malformed_json"


class NotJson(StrongroomError):
    """This endpoint takes a JSON body, sent with Content-Type: application/json."""

    code: ClassVar[str] = "unsupported_media_type"


class NotSignedIn(StrongroomError):
    """Sign in first: there is no session, or it has ended."""

    code: ClassVar[str] = "not_signed_in"


class InvalidToken(StrongroomError):
    """This access token has expired, was revoked, or is not for this."""

    code: ClassVar[str] = "invalid_token"


class ScopeMissing(StrongroomError):
    """The app's token does not allow this; its user can be asked for more."""

    code: ClassVar[str] = "insufficient_scope"


class RoleMissing(StrongroomError):
    """You are signed in, and this needs a role that you do not have."""

    code: ClassVar[str] = "role_missing"


class CrossSiteRefused(StrongroomError):
    """This request may have been made by another site: send X-CSRF-Token, or Authorization instead of a cookie."""

    code: ClassVar[str] = "cross_site_refused"


class RateLimited(StrongroomError):
    """Too many attempts: wait for as many seconds as Retry-After says."""

    code: ClassVar[str] = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many attempts: try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class LimitsUnavailable(StrongroomError):
    """Attempts cannot be counted now, so none is allowed. Try again in a moment."""

    code: ClassVar[str] = "limits_unavailable"


class InvalidCursor(StrongroomError):
    """The cursor is not one that this listing gave out."""

    code: ClassVar[str] = "invalid_cursor"


class UserOffline(StrongroomError):
    """This person is not connected now, so they cannot be called."""

    code: ClassVar[str] = "user_offline"


class UnknownEvent(StrongroomError):
    """There is no event of this name; the names are those of docs/realtime.md."""

    code: ClassVar[str] = "unknown_event"


class TooManySockets(StrongroomError):
    """You are connected too many times at once: close a window or another program."""

    code: ClassVar[str] = "too_many_sockets"


STATUS: Final[Mapping[type[StrongroomError], int]] = MappingProxyType(
    {
        # The edge itself
        InvalidRequest: 422,
        MalformedJson: 400,
        NotJson: 415,
        NotSignedIn: 401,
        InvalidToken: 401,
        ScopeMissing: 403,
        RoleMissing: 403,
        CrossSiteRefused: 403,
        InvalidCursor: 422,
        RateLimited: 429,
        LimitsUnavailable: 503,
        UserOffline: 409,
        UnknownEvent: 404,
        UnknownAlert: 404,
        TooManySockets: 429,
        # Chat
        chat.SelfMessage: 422,
        chat.TooManyStrangers: 429,
        chat.ConversationNotFound: 404,
        # What providers post to us
        BadNotification: 401,
        notifications_in.TooManyUnverified: 503,
        # Sign-in
        signatures.MalformedKey: 400,
        signatures.MalformedSignature: 400,
        signatures.InvalidSignature: 401,
        challenges.ChallengeNotFound: 404,
        challenges.ChallengeUsed: 409,
        challenges.ChallengeExpired: 410,
        challenges.ChallengeForAnother: 401,
        lnurl.LnurlNotFound: 404,
        lnurl.LnurlUsed: 409,
        lnurl.LnurlExpired: 410,
        lnurl.LnurlMalformed: 400,
        lnurl.LnurlNotSigned: 401,
        keys.KeyOfAnother: 409,
        keys.KeyNotFound: 404,
        keys.LastKeyStays: 409,
        keys.BadKeyName: 422,
        users.KeyRemoved: 401,
        users.UserNotFound: 404,
        roles.UnknownRole: 422,
        # Apps
        clients.InvalidClientMetadata: 400,
        clients.InvalidRedirectUri: 400,
        clients.TooManyClients: 409,
        clients.ClientNotFound: 404,
        grants.GrantNotFound: 404,
        device_grant.UserCodeNotFound: 404,
        dpop.InvalidDpopProof: 401,
        # What was asked cannot be meant
        InvalidAmount: 422,
        InvalidPosition: 422,
        InvalidAddress: 422,
        WrongNetwork: 422,
        UnsupportedAddress: 422,
        InvalidTransactionHash: 422,
        NotAReceivingAddress: 422,
        ClaimOfDeposit: 422,
        InvalidDescriptor: 422,
        InvalidRange: 422,
        DescriptorRefused: 422,
        assets.UnknownAsset: 422,
        addresses.UnknownNetwork: 422,
        assets.NoTokensThere: 422,
        assets.AssetExists: 409,
        InvalidPrice: 422,
        screening.NotScreenable: 422,
        screening.SpellingRefused: 422,
        transfers.RecipientNotFound: 422,
        transfers.SelfTransfer: 422,
        policy.AmountBelowMinimum: 422,
        # What was asked does not fit what is
        WrongState: 409,
        idempotency.IdempotencyKeyMissing: 400,
        InsufficientFunds: 409,
        IdempotencyConflict: 409,
        addresses.TooManyUnusedAddresses: 409,
        policy.DailyLimitExceeded: 409,
        policy.SystemLimitExceeded: 409,
        policy.DestinationNotAllowed: 409,
        policy.KeyCooldown: 409,
        deciding.AlreadyDecided: 409,
        AlreadyBooked: 409,
        NotThesePayments: 409,
        NoProof: 409,
        CannotCancel: 409,
        TooManyWatchWallets: 409,
        # Webhooks
        webhooks.InvalidWebhookUrl: 422,
        webhooks.InvalidWebhookKind: 422,
        webhooks_out.TooManyWebhookEndpoints: 409,
        webhooks_out.WebhookEndpointNotFound: 404,
        webhooks_out.WebhookDeliveryNotFound: 404,
        replenishments.ReplenishmentOpen: 409,
        mail.InvalidMailAddress: 422,
        mail.MailCodeWrong: 404,
        MailUnavailable: 503,
        MailRefused: 422,
        # Not by you
        spending.SpendingLimitExceeded: 403,
        deciding.SelfApproval: 403,
        # Not there, or not yours to see
        flows.FlowNotFound: 404,
        DepositNotFound: 404,
        SelfDecision: 403,
        WithdrawalNotFound: 404,
        VerificationNotFound: 404,
        PayoutNotFound: 404,
        chains.ChainNotFollowed: 404,
        WatchWalletNotFound: 404,
        replenishments.ReplenishmentNotFound: 404,
        prices.PairMissing: 404,
        prices.SourceMissing: 404,
        # Not now
        PriceStale: 503,
        PriceDisputed: 503,
        policy.WithdrawalsPaused: 503,
        chains.ForkDetected: 503,
        chains.ReorganisationTooDeep: 503,
        addresses.AddressPoolEmpty: 503,
        ChainError: 503,
        # Facts that workers state to each other: one that reaches an answer is a bug, and is answered as one
        LedgerRefusal: 500,
        leases.LeaseLost: 500,
        idempotency.AlreadyAnswered: 500,
        InputsTaken: 500,
        NoAnswer: 500,
    }
)
"""Every refusal's HTTP status; a class that is not here has the status of its nearest base that is."""

# Refusals that come from Flask and Werkzeug rather than from this house, by status.
_HTTP_CODES: Final = MappingProxyType(
    {
        400: "bad_request",
        404: "not_found",
        405: "method_not_allowed",
        413: "body_too_large",
        415: "unsupported_media_type",
    }
)
HTTP_ERRORS: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "bad_request": (400, "The request cannot be read."),
        "not_found": (404, "There is nothing at this address."),
        "method_not_allowed": (405, "This address does not take that method; the Allow header says which it takes."),
        "request_timeout": (408, "The request took too long to arrive."),
        "body_too_large": (413, "The body is larger than 64 kB."),
        "address_too_long": (414, "The address is too long."),
        "internal_error": (500, "Something went wrong here. It was recorded under the request id of this answer."),
        "database_unavailable": (
            503,
            "The database cannot be reached or is busy. Try again, with the same Idempotency-Key.",
        ),
        "unavailable": (503, "The application cannot be reached. Try again, with the same Idempotency-Key."),
    }
)
"""Codes without an exception class of ours: their status and meaning. The front door says some in the same words."""

RETRY_AFTER_S: Final = 5


def status_of(kind: type[StrongroomError]) -> int:
    """The HTTP status of a kind of refusal. Raises LookupError when neither it nor a base of it is in the table."""
    for base in kind.__mro__:
        if issubclass(base, StrongroomError) and base in STATUS:
            return STATUS[base]
    raise LookupError(f"{kind.__name__} has no HTTP status in api/errors.py")


def error_body(code: str, description: str, fields: Mapping[str, list[str]] | None = None) -> dict[str, object]:
    """The one shape that every refusal has."""
    body: dict[str, object] = {
        "error": code,
        "error_description": description,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": request_id(),
    }
    if fields:
        body["fields"] = fields
    return body


def refusal_body(refusal: StrongroomError) -> dict[str, object]:
    """The body for one of our refusals."""
    return error_body(refusal.code, str(refusal), refusal.fields)


def register(app: Flask) -> None:
    """Have every exception of `app` answered in the one shape."""
    app.register_error_handler(StrongroomError, _refused)
    app.register_error_handler(HTTPException, _http)
    for kind in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(kind, _database)
    app.register_error_handler(Exception, _bug)


def _refused(refusal: StrongroomError) -> Response:
    status = status_of(type(refusal))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _bug(refusal)
    response = _answer(status, refusal_body(refusal))
    if status == HTTPStatus.UNAUTHORIZED or isinstance(refusal, ScopeMissing):
        for challenge in _challenges(refusal, status):
            response.headers.add("WWW-Authenticate", challenge)
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def _challenges(refusal: StrongroomError, status: int) -> list[str]:
    """How to prove oneself instead (RFC 6750 3, RFC 9449 7.1): who sent no token is told nothing but the schemes."""
    says = isinstance(refusal, InvalidToken | ScopeMissing | dpop.InvalidDpopProof)
    error = f'error="{refusal.code}"' if says else ""
    algorithms = f'algs="{" ".join(dpop.ALGORITHMS)}"'
    if request.headers.get("Authorization", "").lower().startswith("dpop "):
        return [f"DPoP {error}, {algorithms}" if error else f"DPoP {algorithms}"]
    bearer = f"Bearer {error}".strip()
    return [bearer, f"DPoP {algorithms}"] if status == HTTPStatus.UNAUTHORIZED else [bearer]


def _http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status < HTTPStatus.BAD_REQUEST:
        # A redirect that routing asks for is an answer, not a refusal.
        return current_app.make_response(error.get_response())
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _bug(error)
    code = _HTTP_CODES.get(status, "bad_request")
    response = _answer(status, error_body(code, HTTP_ERRORS.get(code, (status, error.name))[1]))
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after"}:
            response.headers[name] = value
    return response


def _database(error: DBAPIError | PoolTimeout) -> Response:
    log.error("database unavailable", path=request.path, exc_info=error)
    return _known("database_unavailable")


def _bug(error: Exception) -> Response:
    log.error("bug", path=request.path, method=request.method, exc_info=error)
    return _known("internal_error")


def _known(code: str) -> Response:
    status, description = HTTP_ERRORS[code]
    return _answer(status, error_body(code, description))


def _answer(status: int, body: dict[str, object]) -> Response:
    page: Callable[[int, dict[str, object]], Response | None] | None = current_app.extensions.get(ERROR_PAGE)
    response = page(status, body) if page is not None else None
    if response is None:
        response = Response(json.dumps(body), status=status, mimetype="application/json")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
