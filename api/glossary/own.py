"""Meanings of fields and parameters that differ in one schema or path."""

from collections.abc import Iterator, Mapping
from typing import Final

_ALERTS: Final = "Alert ActiveAlert StandingAlert Transition OneAlert"
_CLAIMS: Final = "VerificationItem OperatorVerification VerificationDetail"
_ENDPOINTS: Final = "WebhookEndpointItem WebhookEndpointWithSecret"
_PHASES: Final = "posted: moved. pending: held. post: a hold that was captured. void: a hold that was released."
_TAKEN_OUT: Final = "OperatorItem OperatorDetail"

_REQUESTS: Final = {
    "CreateRequest.action": "Sign in (left out), or link a wallet to the account that is signed in.",
    "MessageRequest.message": "What to say.",
    "ReplayRequest.source": "`evidence` decides again from what is stored; `network` asks the chain once more.",
    "TransferRequest.to": "Who gets it: a user id, a public key, or an address that signs in here.",
    "VerificationRequest.reference": "Your own reference, such as an order number.",
    "WebhookEndpointBody.description": "What you call it.",
    "WebhookEndpointChange.description": "What you call it.",
    "WebhookEndpointChange.kinds": "Types of events, `deposit.*`, `*`.",
    "WebhookRedelivery.only_failed": "Skip messages that were delivered; true by default.",
    "/api/v1/flows/{reference}.reference": "A flow's id or short id.",
    "/api/v1/operator/screening.after": "Only addresses behind this one, of `after_chain`.",
    "/api/v1/operator/screening.after_chain": "The chain of `after`.",
    "/api/v1/operator/screening.search": "A part of the address, or of the reason.",
    "/api/v1/streams/{name}.name": "The stream; docs/streams.md lists all.",
}
_MONEY: Final = {
    "BufferLine.label": "What it is.",
    "ConfirmationTier.below": "Deposits of less than this, in whole units of the asset; null for any amount.",
    "ConfirmationTier.confirmations": "How many they need.",
    "FlowTransfer.kind": "What the transaction was for.",
    "FlowTransfer.phase": _PHASES,
    "PriceItem.refusal": "Why there is no price, as a code; null when there is one.",
    "PriceItem.sources": "Names of the sources that agree on it.",
    "SaidItem.source": "Name of the source.",
    "SignedForm.fee": "The network fee, in whole units of the asset that it is paid in.",
    "TransactionItem.balance": "The account's balance after it, including held funds, in whole units of the asset.",
    "TransactionItem.change": "By how much the balance changed, with its sign; zero where only a hold moved.",
    "TransactionItem.counterparty": "Code of the account on the other side, such as user or hot_wallet.",
    "TransactionItem.held": "How much of the balance is held after it, in whole units of the asset.",
    "TransactionItem.kind": "What it was for.",
    "TransactionItem.number": "Its number in the account's statement, from 1.",
    "TransactionItem.phase": _PHASES,
    "QuoteItem.change": "The part of the requested amount that is not taken, in whole units of the asset sold.",
    "TransferItem.to": "Who got it, by the id of the user.",
    "WithdrawalTerms.confirmations": "How many confirmations it needs to be final.",
    "WithdrawalTerms.paused": "Whether none is sent now.",
    "WithdrawalSwitch.paused": "Whether none of this asset is sent now.",
    "AssetItem.name": "Its name in full.",
    "BufferItem.reason": "Why the wallet could not be read, as a code; null when it could.",
    "Comparison.reason": "Why the wallet could not be read, as a code; null when it could.",
}
_FLOWS: Final = {
    "FlowStep.detail": "Further details, by name.",
    "FlowDetail.approvals": "Each operator's decision, oldest first.",
    "FlowApproval.reason": "Why, in the operator's words; null where none were given.",
    "FlowApproval.decision": "approve or reject.",
    "ReplenishmentItem.address": "Where its funds are to be sent; null until it is approved.",
    "ReplenishmentItem.closed_because": "Why it was cancelled or expired; null otherwise.",
    "LossItem.is_gain": "Whether suspense has too much instead: what was booked as lost came back.",
    "LossItem.proposed_by": "Who proposed to book it; null while nobody has.",
    "CarriedItem.amount": "What it lacks, in whole units; negative if it has too much.",
    "QuarantinedItem.cause": "Why it was quarantined, as a code.",
    "QuarantinedItem.decision": "release or return; null while nobody decided.",
    "QuarantinedItem.decision_reason": "Why it was decided so; null while nobody decided.",
    "QuarantinedItem.return_withdrawal_id": "The withdrawal that returns it; null without one.",
    "MadeAfterAll.said": "The provider's latest report: pending, completed or failed.",
    "MadeAfterAll.settled_how": "lost: suspense carries it. recovered: charged to its owner. Null while undecided.",
    "MadeAfterAll.loss_id": "The loss that it is proposed as; null unless it is lost.",
    "Assertion.answer": "What contradicts it; null when nothing does.",
    "EvidenceItem.answer": "The answer's body; null where there was none.",
    "EvidenceItem.status": "The answer's HTTP status; 0 where there was none.",
    "ProtectedAnswer.user": "Who the caller is, by the id of the user.",
    "ProtectedAnswer.client_id": "The app that asks for them; null for somebody who is signed in themselves.",
}
_WATCHED: Final = {
    "ActiveHandles.count": "How many addresses are watched.",
    "Correlation.status": "State of the deposit.",
    "ExportedDescriptor.active": "Whether a node issues addresses from it: false, it is only watched.",
    "ExportedDescriptor.timestamp": "From when on to look for it, in seconds since 1970; 0 is from the first block.",
    "Observation.source": "What showed it.",
    "Observation.status": "mempool, confirming, confirmed, credited, replaced or reorged.",
    "Observer.error": "Why it could not be read, as a code; null when it could.",
    "ObserverHealth.error": "Why it could not be read, as a code; null when it could.",
    "ObserverHealth.health": "healthy, paused, unknown (never read), stale (not lately) or failing.",
    "ObserverSummary.health": "The worst that any observer has; null without any.",
    "ObserverSummary.paused": "Whether any is paused.",
    "WatchScan.state": "none: not requested. waiting: for another scan. running: under way.",
    "WatchWalletItem.balance": "The balance at the last scan; null before the first.",
    "WatchWalletItem.error_description": "The same in words.",
    "WatchWalletItem.range": "The first and the last index that are derived; null for a single address.",
    "WatchWalletItem.state": "pending: waiting for the node. ready: it is watched. refused: the node rejected it.",
}
_TOLD: Final = {
    "CheckAnswer.status": "waiting, expired, verified (the wallet has answered) or claimed (the session has begun).",
    "ConsumerState.name": "Name of the consumer.",
    "ConversationItem.name": "What they call themselves; null when they do not say.",
    "BlockedItem.name": "What they call themselves; null when they do not say.",
    "UserinfoAnswer.name": "What they call themselves.",
    "ErrorBody.error_description": "What is wrong, in words.",
    "ErrorBody.request_id": "Id of the request, as the log has it.",
    "IntrospectionAnswer.active": "Whether the token is valid now.",
    "MessageItem.timestamp": "When it was said, in RFC 3339 and UTC.",
    "ParamsAnswer.action": "What the signature is for: register, login, link or auth.",
    "WalletAnswer.reason": "Why not; only with ERROR.",
    "WalletAnswer.status": "OK or ERROR.",
    "StreamCopyState.position": "Position of its last entry; null while it is empty or Redis does not answer.",
    "StreamState.position": "Position of its last row; null while there is none.",
    "StreamState.sequence": "Number of its last row; null while there is none.",
    "StreamItem.id": "Id of the event.",
    "StreamItem.sequence": "Grows with each event about the same object.",
    "StreamItem.type": "What happened, such as deposit.credited.",
    "StreamItem.user_id": "Whom it is about; null when it is nobody.",
    "StreamObject.id": "Its id.",
    "StreamObject.kind": "What kind of thing it is.",
    "StreamPage.next": "The position after this page: what to send as `after`.",
    "WebhookAttemptItem.error": "Why it was not accepted, as a code; null when it was.",
    "WebhookAttemptItem.status": "The answer's HTTP status; null where there was none.",
    "WebhookDeliveryItem.error": "Why the last attempt failed, as a code; null when it did not.",
    "WebhookDeliveryItem.state": "waiting, delivered or failed.",
    "WebhookDeliveryItem.type": "What happened, such as deposit.credited.",
    "WebhookEndpointWithSecret.secret": "The signing secret (Standard Webhooks), shown only once.",
    "WebhookRedelivered.count": "How many messages are sent again.",
}
_RULES: Final = {
    "Alerts.paused": "Until when alert evaluation is paused, and why; null while it is not.",
    "Evaluation.error": "Why the rule could not be evaluated; null when it was.",
    "History.next": "The `before` for the next page; null on the last.",
    "OneAlert.meaning": "What it means.",
    "OneAlert.state": "pending, firing or recovering, at the last evaluation; null when all is well.",
    "OperatorVerification.attempts": "How often it was looked up.",
    "VerificationDetail.attempts": "How often it was looked up.",
    "Rule.meaning": "What the alert means.",
    "Rule.scope": "What its alerts are about, such as chain:<chain>.",
    "SentinelState.paused": "Whether alert evaluation is paused.",
}
_SHARED: Final[tuple[tuple[str, Mapping[str, str]], ...]] = (
    (_ALERTS, {"reason": "What is wrong, in words.", "status": "raised or cleared."}),
    (
        _CLAIMS,
        {
            "credited": "Whether what was paid went to the user's balance.",
            "reason": "Why it was not verified, as a code; null when it was, and before the first look-up.",
            "reference": "Your own name for it.",
            "to": "The address that is claimed to have been paid.",
        },
    ),
    (
        _ENDPOINTS,
        {
            "description": "What its owner calls it.",
            "disabled_because": "gone: it answered 410. failing: for days. owner: on request. Null while enabled.",
            "failing_since": "Since when deliveries fail; null while they succeed.",
        },
    ),
    (_TAKEN_OUT, {"approvals": "Each operator's decision, oldest first."}),
    ("OperatorDetail", {"assertion": "The operators' last statement about its payment; null without one."}),
    ("OperatorDetail", {"made_after_all": "What its provider reported after it failed; null without a report."}),
)


def _each() -> Iterator[tuple[str, str]]:
    for schemas, meanings in _SHARED:
        for schema in schemas.split():
            yield from ((f"{schema}.{field}", meaning) for field, meaning in meanings.items())


OWN: Final[Mapping[str, str]] = {
    **_REQUESTS, **_MONEY, **_FLOWS, **_WATCHED, **_TOLD, **_RULES, **dict(_each()),
}  # fmt: skip
