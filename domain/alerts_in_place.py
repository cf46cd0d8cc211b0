"""The alerts that are raised and cleared by the code that notices the condition, not by a periodic evaluation."""

from typing import Final

from domain.alert_rule import AlertRule

_HOUSE: Final = (
    AlertRule(
        "reference_price_stale", "warning", "price:<pair>", is_evaluated=False,
        meaning="A currency pair has no current price: too few fresh sources agree.",
        cause="Its sources do not answer, disagree, or repeat an old price.",
        what_to_do="`python -m cli price show` lists each source's last answer. Add a source, or enter the price by "
        "hand.",
    ),
    AlertRule(
        "ledger_invariant_broken", "critical", "ledger:books", is_evaluated=False,
        meaning="The ledger violates an invariant. Recent changes are checked every minute, everything once a day.",
        cause="A row was altered outside the application, or a bug.",
        what_to_do="Pause withdrawals; `python -m cli ledger verify` names the first row that differs. The alert ends "
        "only when a full check finds nothing: run `python -m cli ledger check`, or wait for the one that runs every "
        "quarter of an hour while the alert stands.",
    ),
    AlertRule(
        "buffer_low", "warning", "asset:<asset>", is_evaluated=False, may_be_settled=True,
        meaning="A hot wallet holds less than its low mark.",
        cause="More was paid out than came in.",
        what_to_do="Approve the order on `/operator/buffers` and fund its address. The alert ends at the high mark.",
    ),
    AlertRule(
        "buffer_discrepancy", "critical", "asset:<asset>", is_evaluated=False, may_be_settled=True,
        meaning="A wallet's holdings differ from the ledger in several comparisons in a row.",
        cause="Somebody else uses the wallet, or a bug.",
        what_to_do="Pause withdrawals of the asset. Compare the lines on `/operator/buffers` with the wallet's own "
        "history.",
    ),
    AlertRule(
        "webhook_signature_failures", "warning", "provider:<provider>", is_evaluated=False,
        meaning="Provider notifications failed signature verification.",
        cause="The provider changed its key, or somebody is forging notifications.",
        what_to_do="Compare the configured key with the provider's. Nothing is lost meanwhile: polling finds what "
        "notifications miss.",
    ),
    AlertRule(
        "webhook_disabled", "warning", "webhook:<id>", is_evaluated=False,
        meaning="A webhook endpoint was disabled after failing for days, or after answering 410 Gone.",
        cause="Its service is down, has moved, or was shut down by its owner.",
        what_to_do="Fix the endpoint, enable it on the webhooks page and redeliver the messages that it missed.",
    ),
    AlertRule(
        "alerts_paused", "critical", "rules:all", is_evaluated=False,
        meaning="An administrator paused alert evaluation: new problems raise no alert until it resumes.",
        cause="Maintenance. The pause ends by itself within a day.",
        what_to_do="Resume on `/operator/controls` or with `python -m cli alerts resume` as soon as the work is done.",
    ),
)  # fmt: skip

_CHAINS: Final = (
    AlertRule(
        "chain_source_stale", "critical", "chain:<chain>", is_evaluated=False, may_be_settled=True,
        meaning="The node of a chain has been unreachable, or behind the network, for a minute.",
        cause="The node is down, syncing, or its credentials changed. For a chain that never answered this is only a "
        "warning.",
        what_to_do="`python -m cli doctor` shows the node's answer; repair the node. Deposits and withdrawals wait, "
        "nothing is lost. If the chain is no longer served, mark the alert as settled.",
    ),
    AlertRule(
        "finality_lagging", "critical", "chain:<chain>", is_evaluated=False, may_be_settled=True,
        meaning="No block of a chain has become final for forty minutes; deposits and payments wait.",
        cause="The chain's validators disagree, or the node follows a fork.",
        what_to_do="Compare with another node and the chain's status page. Nothing is credited meanwhile.",
    ),
    AlertRule(
        "chain_backfill_found", "warning", "block:<chain>:<height>", is_evaluated=False, may_be_settled=True,
        meaning="A second scan of old blocks found deposits that the first scan had missed. They are now recorded.",
        cause="The node returned incomplete data.",
        what_to_do="Check the node, or use another one; then mark the alert as settled.",
    ),
    AlertRule(
        "token_unreadable", "warning", "token:<chain>:<contract>", is_evaluated=False,
        meaning="A token paid one of our addresses, but the amount received cannot be read. It is not credited.",
        cause="The token contract is paused, or no node has the state of that block.",
        what_to_do="If the contract is paused, wait: the read is retried automatically. If history is missing, "
        "configure an archive node.",
    ),
)  # fmt: skip

_MONEY_IN: Final = (
    AlertRule(
        "screening_waits", "warning", "deposit:<id>", is_evaluated=False,
        meaning="A deposit cannot be screened, so it is not credited.",
        cause="The screening service or the node does not answer.",
        what_to_do="Repair the service or the node. Screening is retried automatically.",
    ),
    AlertRule(
        "deposit_quarantined", "warning", "deposit:<id>", is_evaluated=False,
        meaning="A deposit is quarantined. Once confirmed, its money is held in suspense.",
        cause="Its sender is on a screening list, or an operator quarantined it.",
        what_to_do="Decide on `/operator/deposits`: release it, or return it to an address that the sender names.",
    ),
    AlertRule(
        "deposit_undone_after_spending", "critical", "deposit:<id>", is_evaluated=False,
        meaning="A reorganisation removed a deposit that its owner had already spent.",
        cause="The reorganisation was deeper than the confirmations that the asset requires.",
        what_to_do="Wait while it may confirm again; suspense carries the loss. Require more confirmations.",
    ),
    AlertRule(
        "returned_deposit_undone", "critical", "deposit:<id>", is_evaluated=False,
        meaning="A reorganisation removed a deposit that was returned to its sender, or is being returned.",
        cause="The chain was reorganised after the decision.",
        what_to_do="Reject the withdrawal if it has not been sent. Otherwise suspense carries the loss until the "
        "deposit confirms again.",
    ),
    AlertRule(
        "verification_undecided", "warning", "verification:<id>", is_evaluated=False,
        meaning="A payment claim is still undecided after all its attempts.",
        cause="No provider knows the transaction, or the provider does not answer.",
        what_to_do="Read the evidence on the claims page, then retry the claim or decide it.",
    ),
    AlertRule(
        "verified_claim_undone", "critical", "verification:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A claim verified by depth was checked again an hour later, and the chain no longer shows its payment.",
        cause="The reorganisation was deeper than the required confirmations, or no provider answers.",
        what_to_do="Read the evidence on the claims page and settle with whoever was credited. Require more "
        "confirmations.",
    ),
    AlertRule(
        "verification_failure_rate", "warning", "chain:<chain>", threshold=10, is_evaluated=False,
        meaning="More than 10 % of the claims decided within an hour were rejected.",
        cause="A provider changed its answers, or somebody submits invented payments.",
        what_to_do="Read the reasons on the claims page. Once the provider is repaired, replay the rejected claims.",
    ),
)  # fmt: skip

_MONEY_OUT: Final = (
    AlertRule(
        "withdrawal_waits", "warning", "withdrawal:<id>", is_evaluated=False,
        meaning="An approved withdrawal failed to be sent five times in a row.",
        cause="The wallet is empty or locked, the fee is above its cap, or the node does not answer.",
        what_to_do="Its page shows the reason: fund the wallet, unlock it, or raise the fee cap.",
    ),
    AlertRule(
        "withdrawal_uncertain", "warning", "payout:<id>", is_evaluated=False,
        meaning="It is unknown whether a payment was sent. Its funds stay held. Critical if it lasts.",
        cause="The node or the provider refused the payment or disconnected while receiving it.",
        what_to_do="Usually wait: the same signed payment is sent again automatically. To fail it on the flow's page "
        "takes proof that it can never confirm.",
    ),
    AlertRule(
        "completed_payout_reorganised", "critical", "payout:<id>", is_evaluated=False,
        meaning="A payment that was final is no longer in any block.",
        cause="The reorganisation was deeper than the confirmations that the asset requires.",
        what_to_do="Watch it: the same signed payment is broadcast again and normally confirms.",
    ),
    AlertRule(
        "failed_payout_confirmed", "critical", "payout:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A payment was proved impossible and its funds were given back, but it is in a block after all.",
        cause="A reorganisation deeper than six blocks.",
        what_to_do="Pause withdrawals, settle with its owner and book the loss; then mark the alert as settled.",
    ),
    AlertRule(
        "completed_payout_returned", "critical", "payout:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A provider reports that a completed payment was returned; or, after the return was booked, that it "
        "was paid after all.",
        cause="A bank refused it days later, or the provider reversed it.",
        what_to_do="Compare with the provider's dashboard. *Book the return* on the flow's page gives the funds back, "
        "once. The alert ends then, or when the provider withdraws its report.",
    ),
    AlertRule(
        "failed_payout_made", "critical", "payout:<id>", is_evaluated=False, may_be_settled=True,
        meaning="A provider shows a failed payment, whose funds were given back, as made: the money left twice. Or, "
        "once that was settled, it came back.",
        cause="The provider acted late on a request that it had refused or did not know, or reversed its report.",
        what_to_do="Compare with the provider's dashboard. On the flow's page, choose *Recover it from its owner* or "
        "*Book it as lost*, which another operator must agree to on `/operator/losses`; if it came back, *Book the "
        "return*. The alert ends then, or when the provider withdraws its report.",
    ),
    AlertRule(
        "sweep_waits", "warning", "sweeps:<chain>:<reason>", is_evaluated=False,
        meaning="Sweeping a chain's deposits to the hot wallet failed five times in a row.",
        cause="The hot wallet lacks the coin for the fee, the fee is above its cap, or the node does not answer.",
        what_to_do="Fund the hot wallet with the chain's coin, or raise the fee cap. Sweeping continues automatically.",
    ),
)  # fmt: skip

IN_PLACE: Final = (*_HOUSE, *_CHAINS, *_MONEY_IN, *_MONEY_OUT)
