"""What the names in the API's description mean, said once for all places where nothing more is said of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_MONEY: Final = {
    "amount": "In whole units of the asset, as a decimal string.",
    "asset": "Id of an asset, such as BTC; `GET /api/v1/assets` has them all.",
    "asset_id": "Id of an asset, such as BTC; `GET /api/v1/assets` has them all.",
    "credited": "How much became spendable, in whole units of the asset.",
    "fee": "What the house takes, in whole units of the asset.",
    "from_asset": "Id of the asset that is sold.",
    "maximum": "The most at once, in whole units of the asset.",
    "minimum": "The least at once, in whole units of the asset.",
    "pair": "A price's name, such as BTC/USD: what one BTC is worth in USD.",
    "price": "What one unit is worth, as a decimal string.",
    "quote_id": "The quote, as `POST /api/v1/conversions/quotes` answered it.",
    "quote_lifetime_s": "For how many seconds a quote holds.",
    "rate": "Units of the asset bought for one unit of the asset sold, before spread and fee.",
    "receives": "What arrives, in whole units of the asset bought.",
    "spread": "Between buying and selling: a share where terms are listed, an amount of the asset sold on a quote.",
    "to_asset": "Id of the asset that is bought.",
}
_STATES: Final = {
    "approvals": "How many approvers have agreed.",
    "approvals_needed": "How many approvers have to agree.",
    "failed_because": "Why nothing came of it, as a code; null unless it failed.",
    "flow": "Short id of the flow, whose story `GET /api/v1/flows/{reference}` tells.",
    "kind": "What kind of movement it is.",
    "meaning": "What the state means for the money: seen, yours, waiting, wrong or sent.",
    "sentence": "The state in words, for people.",
    "state": "Where it stands; docs/states.md draws what follows on what.",
    "state_changed_at": "Since when it is in this state.",
    "waiting_reason": "Why it does not go on yet, as a code; null when nothing keeps it.",
}
_CHAINS: Final = {
    "address": "As its chain spells it.",
    "block_height": "The block that it is in; null while it is in none.",
    "chain": "The chain's name, such as bitcoin or gnosis.",
    "confirmations": "How deep it is: 1 is the newest block.",
    "confirmations_needed": "How deep it has to be to count.",
    "destination": "Where it goes: an address of the asset's chain, or what its provider calls a receiver.",
    "height": "Number of a block.",
    "network": "On which network, for an asset of a custodian that has several; not needed for others.",
    "replaced_by": "What was sent in its place; null when nothing was.",
    "tx_hash": "The transaction, as its chain spells it.",
    "txid": "The transaction, as its chain spells it.",
    "vout": "Which output of the transaction.",
}
_MOMENTS: Final = {
    "at": "When, in RFC 3339 and UTC.",
    "cleared_at": "When it was over; null while it is not.",
    "closed_at": "When it ended; null while it has not.",
    "created_at": "When it was made.",
    "credited_at": "When it became spendable; null while it is not.",
    "decided_at": "When somebody decided; null while nobody has.",
    "duration_s": "For how many seconds.",
    "ends_at": "When it ends by itself.",
    "expires_at": "From then on it counts no more.",
    "first_seen_at": "When it was first seen.",
    "raised_at": "When it was raised.",
    "requested_at": "When it was asked for.",
    "since": "From this moment on, in RFC 3339.",
}
_PEOPLE: Final = {
    "challenge_id": "The challenge, as it was answered when it was asked for.",
    "client_id": "Id of an app.",
    "label": "What you call it.",
    "message": "The text, exactly as it was given.",
    "note": "Words to go with it; they are kept.",
    "person": "Who: a public key or an address that signs in here.",
    "pubkey": "Another name for `subject`.",
    "reason": "Why. It is kept, with who said it.",
    "signature": "Of the text, by the key: hex or base64, or as the address's kind of wallet signs messages.",
    "subject": "A public key in hex, or an address that can sign.",
    "url": "An address that is told by POST.",
    "user_id": "Id of a user.",
}
_OPERATORS: Final = {
    "alert_code": "Which rule: docs/alerts.md has them all.",
    "alert_event_id": "Id of one raising of an alert.",
    "service_scope": "What it is about, such as chain:bitcoin.",
    "severity": "critical, warning or info.",
    "silence_id": "Id of a silence.",
}
_APPS: Final = {
    "access_token_signed_response_alg": "How access tokens are signed (RFC 9068).",
    "client_name": "What people read when the app asks them (RFC 7591).",
    "client_uri": "Where people read more about the app (RFC 7591).",
    "dpop_bound_access_tokens": "Whether its tokens always need a proof of a key (RFC 9449).",
    "grant_types": "How it gets tokens (RFC 7591).",
    "redirect_uris": "Where answers may go, exactly as the app sends it (RFC 7591).",
    "response_types": "What it is answered with at first: `code` (RFC 7591).",
    "scope": "Names of what it may do, with spaces between them.",
    "token_endpoint_auth_method": "How it proves itself when it asks for tokens (RFC 7591).",
}
_LISTS: Final = {
    "before": "Only what is older than the row of this id.",
    "correlation_id": "What ties together all that was logged about it.",
    "delivery_id": "Id of one message to an endpoint.",
    "deposit_id": "Id of a deposit.",
    "destination_id": "Id of an entry of the list.",
    "conversion_id": "Id of a conversion.",
    "endpoint_id": "Id of an endpoint.",
    "flow_id": "Id of the flow, whose story `GET /api/v1/flows/{reference}` tells.",
    "id": "Its own id.",
    "items": "The rows of this page.",
    "next_cursor": "What to send as `cursor` for the page after this one; null on the last.",
    "peer": "The other person: a public key or an address that signs in here.",
    "replenishment_id": "Id of an order.",
    "sequence": "A message's place in its conversation, counted from 1.",
    "session_id": "Id of a wallet's sign-in, as it was answered when it was asked for.",
    "transaction_id": "Number of a transaction of the ledger.",
    "verification_id": "Id of a claim.",
    "wallet_id": "Id of a watched wallet.",
    "withdrawal_id": "Id of a withdrawal.",
}
COMMON: Final[Mapping[str, str]] = MappingProxyType(
    {**_MONEY, **_STATES, **_CHAINS, **_MOMENTS, **_PEOPLE, **_OPERATORS, **_APPS, **_LISTS}
)
"""What a name means wherever it is: nothing is here that means two things."""
OWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CreateRequest.action": "Sign in (left out), or link a wallet to the account that is signed in.",
        "MessageRequest.message": "What to say.",
        "ReplayRequest.source": "`evidence` decides again from what is stored; `network` asks the chain once more.",
        "TransferRequest.to": "Who gets it: a user id, a public key, or an address that signs in here.",
        "VerificationRequest.reference": "Your own name for it, such as an order's number. It is kept.",
        "WebhookEndpointBody.description": "What you call it.",
        "WebhookEndpointChange.description": "What you call it.",
        "WebhookEndpointChange.kinds": "Types of events, `deposit.*`, `*`.",
        "WebhookRedelivery.only_failed": "Leave out what was delivered; true unless said otherwise.",
        "/api/v1/flows/{reference}.reference": "A flow's id or short id.",
        "/api/v1/operator/screening.after": "Only addresses behind this one, of `after_chain`.",
        "/api/v1/operator/screening.after_chain": "The chain of `after`.",
        "/api/v1/operator/screening.search": "How the address begins.",
        "/api/v1/streams/{name}.name": "Which stream: docs/streams.md has them.",
    }
)
"""What a name means in one schema or path."""


def explain(described: Mapping[str, Any]) -> None:
    """Write a meaning to each field and parameter of a description in OpenAPI that has none and whose name is known."""
    for name, schema in described["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            _explain(shape, f"{name}.{field}", field)
    for path, operations in described["paths"].items():
        for operation in operations.values():
            known: dict[str, Any] = {"parameters": operation} if isinstance(operation, list) else operation
            for parameter in known.get("parameters", []):
                _explain(parameter, f"{path}.{parameter.get('name', '')}", parameter.get("name", ""))
            for content in known.get("requestBody", {}).get("content", {}).values():
                for field, shape in content["schema"].get("properties", {}).items():
                    _explain(shape, f"{path}.{field}", field)


def _explain(shape: dict[str, Any], own: str, common: str) -> None:
    meaning = OWN.get(own) or COMMON.get(common)
    # What stands beside a reference is ignored by whoever reads OpenAPI 3.0.
    if meaning and "$ref" not in shape:
        shape.setdefault("description", meaning)
