"""The alerts that are raised and cleared by the code that notices the condition, not by a periodic evaluation."""

from typing import Final

from domain.alert_rule import AlertRule

_HOUSE: Final = (
    AlertRule(
        "reference_price_stale", "warning", "price:<pair>", is_evaluated=False,
        meaning="A pair has no price that is fresh and agreed on.",
        cause="Its sources do not answer, disagree, or repeat an old price.",
        what_to_do="`python -m cli price show` says what each source said; add another, or set the price by hand.",
    ),
    AlertRule(
        "ledger_invariant_broken", "critical", "ledger:books", is_evaluated=False,
        meaning="Something that must always be true of the books is not: found in what moved, each minute, or in "
        "everything, once a day.",
        cause="A row was altered past the application, or a bug.",
        what_to_do="Pause withdrawals; `python -m cli ledger verify` names the first row that differs. Only a check of "
        "everything that finds nothing ends this: `python -m cli ledger check`, or the one that runs each quarter of "
        "an hour meanwhile.",
    ),
    AlertRule(
        "buffer_low", "warning", "asset:<asset>", is_evaluated=False, may_be_settled=True,
        meaning="A hot wallet is under its low mark.",
        cause="More was paid out than came in.",
        what_to_do="Approve the order on `/operator/buffers` and fund its address; it ends at the high mark.",
    ),
    AlertRule(
        "buffer_discrepancy", "critical", "asset:<asset>", is_evaluated=False, may_be_settled=True,
        meaning="The wallet does not hold what the books say, in several comparisons on end.",
        cause="Somebody else uses the wallet, or a bug.",
        what_to_do="Pause withdrawals of the asset; compare the snapshot's lines with the wallet's own history.",
    ),
    AlertRule(
        "webhook_signature_failures", "warning", "provider:<provider>", is_evaluated=False,
        meaning="Notifications came in whose signature does not hold.",
        cause="The provider changed its key, or somebody forges notifications.",
        what_to_do="Compare the key with the provider's; polling finds what notifications miss.",
    ),
    AlertRule(
        "webhook_disabled", "warning", "webhook:<id>", is_evaluated=False,
        meaning="An endpoint is told nothing more, because it failed for days or said that it is gone.",
        cause="Its service is down, moved, or was given up by its owner.",
        what_to_do="Mend it, enable it on the webhooks page, and have told again what it missed.",
    ),
    AlertRule(
        "alerts_paused", "critical", "rules:all", is_evaluated=False,
        meaning="An administrator has paused the looking for alerts: what goes wrong now is told by no rule.",
        cause="Work on the house, during which everything would be wrong. It ends by itself, within a day.",
        what_to_do="Resume on `/operator/controls` or by `python -m cli alerts resume` as soon as the work is done.",
    ),
)  # fmt: skip

_CHAINS: Final = (
    AlertRule(
        "chain_source_stale", "critical", "chain:<chain>", is_evaluated=False, may_be_settled=True,
        meaning="The node of a chain has not been readable, or knows that it is behind, for a minute.",
        cause="The node is down, syncing, or its credentials changed. A chain that never answered is a warning only.",
        what_to_do="`python -m cli doctor` says what it answers; mend the node. Nothing moves, nothing is lost. "
        "Say that it is settled if the chain is no longer served.",
    ),
    AlertRule(
        "finality_lagging", "critical", "chain:<chain>", is_evaluated=False, may_be_settled=True,
        meaning="No block of a chain has become final for forty minutes; deposits and payments wait for it.",
        cause="The chain's validators disagree, or the node follows a branch of its own.",
        what_to_do="Compare with another node and the chain's own news; nothing is credited meanwhile.",
    ),
    AlertRule(
        "chain_backfill_found", "warning", "block:<chain>:<height>", is_evaluated=False, may_be_settled=True,
        meaning="A second look at old blocks found deposits that the first had missed; they are taken in.",
        cause="The node answered with less than there was.",
        what_to_do="Look at the node, or use another; then say that it is settled.",
    ),
    AlertRule(
        "token_unreadable", "warning", "token:<chain>:<contract>", is_evaluated=False,
        meaning="A token paid an address of ours and does not say what arrived; nothing of it is credited.",
        cause="Its contract is paused, or no node remembers the block.",
        what_to_do="Nothing while it is paused: it is read again by itself. Name an archive node if history lacks.",
    ),
)  # fmt: skip

_MONEY_IN: Final = (
    AlertRule(
        "screening_waits", "warning", "deposit:<id>", is_evaluated=False,
        meaning="A deposit cannot be screened, so it is not credited.",
        cause="The screening service or the node does not answer.",
        what_to_do="Mend the service or the node; it is asked again by itself.",
    ),
    AlertRule(
        "deposit_quarantined", "warning", "deposit:<id>", is_evaluated=False,
        meaning="A deposit is set aside: its money is in suspense once confirmed.",
        cause="Its sender is on a list, or an operator set it aside.",
        what_to_do="Decide on `/operator/deposits`: release it, or pay it back to an address that its sender names.",
    ),
    AlertRule(
        "deposit_undone_after_spending", "critical", "deposit:<id>", is_evaluated=False,
        meaning="A reorganisation undid a credit that its owner had spent.",
        cause="The chain was reorganised deeper than the confirmations that the asset asks for.",
        what_to_do="Nothing while it may confirm again: suspense carries the loss. Ask for more confirmations.",
    ),
    AlertRule(
        "returned_deposit_undone", "critical", "deposit:<id>", is_evaluated=False,
        meaning="A reorganisation undid a deposit that is being, or was, paid back.",
        cause="The chain was reorganised after the decision.",
        what_to_do="Reject the withdrawal if it has not left; otherwise suspense carries the loss until it confirms.",
    ),
    AlertRule(
        "verification_undecided", "warning", "verification:<id>", is_evaluated=False,
        meaning="A claimed payment could not be decided in all its attempts.",
        cause="Nobody knows the transaction, or its provider does not answer.",
        what_to_do="Look at the evidence on the claims page, then have it asked again or decide it.",
    ),
    AlertRule(
        "verified_claim_undone", "critical", "verification:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A claim that was verified by its depth was looked at an hour later, and its chain does not show it.",
        cause="The chain was reorganised deeper than the confirmations asked for, or no provider answers.",
        what_to_do="Look at the evidence on the claims page; settle with who was credited. Ask for more confirmations.",
    ),
    AlertRule(
        "verification_failure_rate", "warning", "chain:<chain>", threshold=10, is_evaluated=False,
        meaning="More than 10 % of the claims decided within an hour were rejected.",
        cause="A provider changed its answers, or somebody tries invented payments.",
        what_to_do="Look at the reasons on the claims page; replay rejected ones when the provider is mended.",
    ),
)  # fmt: skip

_MONEY_OUT: Final = (
    AlertRule(
        "withdrawal_waits", "warning", "withdrawal:<id>", is_evaluated=False,
        meaning="An approved withdrawal could not be paid five times in a row.",
        cause="The wallet is empty or locked, the fee is above its cap, or the node does not answer.",
        what_to_do="The reason is on its page: fund the wallet, unlock it, or raise the fee cap.",
    ),
    AlertRule(
        "withdrawal_uncertain", "warning", "payout:<id>", is_evaluated=False,
        meaning="Nobody knows whether a payment left; its funds stay held. It turns critical when that goes on.",
        cause="The node refused the payment or broke off while it was handed over.",
        what_to_do="Nothing in a hurry: the same bytes are offered again. Giving up on the flow's page needs proof.",
    ),
    AlertRule(
        "completed_payout_reorganised", "critical", "payout:<id>", is_evaluated=False,
        meaning="A payment that was final is in no block any more.",
        cause="The chain was reorganised deeper than the confirmations that the asset asks for.",
        what_to_do="Watch it: the same bytes are offered again and normally confirm.",
    ),
    AlertRule(
        "failed_payout_confirmed", "critical", "payout:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A payment that was proved impossible, and whose funds went back, is in a block after all.",
        cause="A reorganisation deeper than six blocks.",
        what_to_do="Pause withdrawals, settle with its owner, book the loss; then say that it is settled.",
    ),
    AlertRule(
        "completed_payout_returned", "critical", "payout:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A provider says of a payment that was completed that it came back; or, once its return was booked, "
        "that it was paid after all.",
        cause="A bank refused it days later, or the provider took it back.",
        what_to_do="Compare with the provider's dashboard; *Book the return* on the flow's page gives the funds back, "
        "once. It ends then, or when the provider takes its word back.",
    ),
    AlertRule(
        "failed_payout_made", "critical", "payout:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A provider shows a payment that had failed, whose funds went back: the money left twice. Or, once "
        "that was settled, it came back.",
        cause="The provider acted late on a request that it had refused or knew nothing of, or took its word back.",
        what_to_do="Compare with the provider's dashboard. On the flow's page, *Recover it from its owner* or *Book it "
        "as lost*, to which another operator agrees on `/operator/losses`; if it came back, *Book the return*. It ends "
        "then, or when the provider takes its word back.",
    ),
    AlertRule(
        "sweep_waits", "warning", "sweeps:<chain>:<reason>", is_evaluated=False,
        meaning="Deposits of a chain could not be moved to the hot wallet five times in a row.",
        cause="The hot wallet has no coin for the fee, the fee is above its cap, or the node does not answer.",
        what_to_do="Fund the hot wallet's coin, or raise the fee cap; it goes on by itself.",
    ),
)  # fmt: skip

IN_PLACE: Final = (*_HOUSE, *_CHAINS, *_MONEY_IN, *_MONEY_OUT)
