"""The HTTP status of each error."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.http_json import NoAnswer
from adapters.mail import MailRefused, MailUnavailable
from api.refusals import (
    CrossSiteRefused,
    InvalidCursor,
    InvalidRequest,
    InvalidToken,
    LimitsUnavailable,
    MalformedJson,
    NotJson,
    NotSignedIn,
    RateLimited,
    RoleMissing,
    ScopeMissing,
    TooManySockets,
    UnknownEvent,
    UserOffline,
)
from auth import challenges, keys, lnurl, roles, signatures, users
from auth.oauth import clients, device_grant, dpop, grants
from domain import webhooks
from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork
from domain.beneficiaries import InvalidBeneficiary
from domain.conversions import ConversionTooSmall, RateOutOfRange
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
    blocked,
    chains,
    chat,
    conversions,
    flows,
    idempotency,
    leases,
    losses,
    mail,
    notifications_in,
    prices,
    replenishments,
    screening,
    spending,
    streams,
    transfers,
    webhooks_out,
)
from services.alerts.handling import EndsByItself, UnknownAlert
from services.deposits import DepositNotFound, SelfDecision
from services.events.shape import InvalidPosition
from services.payouts import (
    AlreadyBooked,
    AlreadySaid,
    CannotCancel,
    InputsTaken,
    MayStillBeMade,
    NoProof,
    NotAProviderId,
    NotMadeAfterAll,
    NotReturned,
    NotThesePayments,
    PayoutNotFound,
)
from services.sweeps import SweepNotFound
from services.verifications import ClaimOfDeposit, NotAReceivingAddress, VerificationNotFound
from services.watch_wallets import TooManyWatchWallets, WatchWalletNotFound
from services.withdrawals import WithdrawalNotFound, deciding, policy

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
        EndsByItself: 409,
        TooManySockets: 429,
        # Chat
        chat.SelfMessage: 422,
        chat.TooManyStrangers: 429,
        chat.ConversationNotFound: 404,
        blocked.Blocked: 403,
        blocked.TooManyBlocked: 429,
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
        # Invalid input
        InvalidAmount: 422,
        InvalidPosition: 422,
        InvalidAddress: 422,
        InvalidBeneficiary: 422,
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
        addresses.NothingComesIn: 422,
        assets.NoTokensThere: 422,
        assets.AssetExists: 409,
        InvalidPrice: 422,
        screening.NotScreenable: 422,
        screening.SpellingRefused: 422,
        transfers.RecipientNotFound: 422,
        transfers.SelfTransfer: 422,
        conversions.ConversionPairMissing: 422,
        conversions.InvalidConversionPair: 422,
        conversions.ConversionOutOfRange: 422,
        ConversionTooSmall: 422,
        policy.AmountBelowMinimum: 422,
        # Conflicts with the present state
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
        AlreadySaid: 409,
        MayStillBeMade: 409,
        NoProof: 409,
        NotAProviderId: 422,
        NotMadeAfterAll: 409,
        NotReturned: 409,
        CannotCancel: 409,
        conversions.QuoteUsed: 409,
        conversions.QuoteExpired: 410,
        conversions.EquityShort: 409,
        TooManyWatchWallets: 409,
        # Webhooks
        webhooks.InvalidWebhookUrl: 422,
        webhooks.InvalidWebhookKind: 422,
        webhooks_out.TooManyWebhookEndpoints: 409,
        webhooks_out.WebhookEndpointNotFound: 404,
        webhooks_out.WebhookDeliveryNotFound: 404,
        replenishments.ReplenishmentOpen: 409,
        losses.NotThatMuch: 409,
        mail.InvalidMailAddress: 422,
        mail.MailCodeWrong: 404,
        MailUnavailable: 503,
        MailRefused: 422,
        # Not permitted
        spending.SpendingLimitExceeded: 403,
        spending.NotThisAppsDoing: 403,
        deciding.SelfApproval: 403,
        losses.ProposedByYou: 403,
        # Not found, or not visible to the caller
        flows.FlowNotFound: 404,
        DepositNotFound: 404,
        SelfDecision: 403,
        WithdrawalNotFound: 404,
        VerificationNotFound: 404,
        conversions.QuoteNotFound: 404,
        conversions.ConversionNotFound: 404,
        PayoutNotFound: 404,
        SweepNotFound: 404,
        chains.ChainNotFollowed: 404,
        streams.UnknownStream: 404,
        WatchWalletNotFound: 404,
        replenishments.ReplenishmentNotFound: 404,
        losses.LossNotFound: 404,
        prices.PairMissing: 404,
        prices.SourceMissing: 404,
        # Not now
        PriceStale: 503,
        PriceDisputed: 503,
        RateOutOfRange: 503,
        conversions.ConversionPairPaused: 503,
        conversions.ConversionUnavailable: 503,
        policy.WithdrawalsPaused: 503,
        chains.ForkDetected: 503,
        chains.ReorganisationTooDeep: 503,
        addresses.AddressPoolEmpty: 503,
        ChainError: 503,
        # Errors among workers: one that reaches an answer is a bug, and is answered as one
        LedgerRefusal: 500,
        leases.LeaseLost: 500,
        idempotency.AlreadyAnswered: 500,
        InputsTaken: 500,
        NoAnswer: 500,
    }
)
"""Every refusal's HTTP status; a class that is not here has the status of its nearest base that is."""

# Refusals that come from Flask and Werkzeug rather than from this house, by status.
HTTP_CODES: Final = MappingProxyType(
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
        "method_not_allowed": (
            405,
            "This address does not support the method; the Allow header lists those that it does.",
        ),
        "request_timeout": (408, "The request took too long to arrive."),
        "body_too_large": (413, "The body is larger than 64 kB."),
        "address_too_long": (414, "The address is too long."),
        "internal_error": (500, "An internal error. It was logged under the request id of this response."),
        "database_unavailable": (
            503,
            "The database is unreachable or busy. Retry with the same Idempotency-Key.",
        ),
        "unavailable": (503, "The application is unreachable. Retry with the same Idempotency-Key."),
    }
)
"""Codes without an exception class of ours: their status and meaning. The front door says some in the same words."""


def status_of(kind: type[StrongroomError]) -> int:
    """The HTTP status of an error class. Raises LookupError when neither it nor a base of it is in the table."""
    for base in kind.__mro__:
        if issubclass(base, StrongroomError) and base in STATUS:
            return STATUS[base]
    raise LookupError(f"{kind.__name__} has no HTTP status in api/statuses.py")
