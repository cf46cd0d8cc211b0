"""Compare every wallet with the ledger."""

from collections.abc import Callable, Iterable
from functools import partial

from domain.actor import Actor
from domain.node_refusals import ChainError
from domain.ports import Chain
from domain.provider_ports import Provider
from domain.wallet_facts import Holding
from models.asset import Asset
from services import assets, buffer_marks, buffer_reports, buffers, payouts, sweeps
from tasks.app import task
from tasks.batches import drop_all
from tasks.patience import Patience
from tasks.rounds import visit
from wiring.container import Container


@task("buffers.compare")
def compare(container: Container, by: Actor) -> None:
    """Snapshot every rail, and ask for funds where a buffer has run low."""
    compared = {name: partial(compare_chain, container, chain) for name, chain in container.chains.items()}
    compared |= {name: partial(compare_provider, container, provider) for name, provider in container.providers.items()}
    visit("buffers.compare", compared)
    follow_marks(container, by)


@task("buffers.report")
def report(container: Container, by: Actor) -> int:
    """Sum up the days that are over. Returns how many lines are new."""
    with container.transaction() as session:
        return buffer_reports.write_due(session, now=container.now())


@task("buffers.thin")
def thin(container: Container, by: Actor) -> int:
    """Thin old comparisons out to one per hour, keeping every difference. Returns how many rows are gone."""
    thin_some = partial(buffer_reports.thin, now=container.now())
    return drop_all(container, thin_some, batch=buffer_reports.BATCH)


def follow_marks(container: Container, by: Actor) -> int:
    """Say which buffers are low, or no longer, and propose what fills them. Returns how many are low."""
    with container.reading() as session:
        marked = buffer_marks.every(session)
    low = 0
    for asset_id in marked:
        with container.transaction() as session:
            low += buffer_marks.judge(session, asset_id, now=container.now(), by=by)
    return low


def compare_chain(container: Container, chain: Chain) -> str:
    """Snapshot every asset of one rail. Returns the worst verdict: mismatch, unknown or ok."""
    rail = chain.rail
    with container.reading() as session:
        kept = assets.of_chain(session, rail.chain)
        unswept = sweeps.unswept_addresses(session, rail.chain) if rail.has_accounts else []
        left_minor = sweeps.left_behind(session, rail.chain, besides=unswept) if rail.has_accounts else 0
    patience = Patience()
    return _worst(
        compare_asset(
            container,
            asset,
            patience.asking(partial(chain.holding, asset.contract or "", unswept=unswept)),
            unread_minor=0 if asset.contract else left_minor,
        )
        for asset in kept
    )


def compare_provider(container: Container, provider: Provider) -> str:
    """Snapshot every asset of one provider. Returns the worst verdict: mismatch, unknown or ok."""
    with container.reading() as session:
        kept = assets.of_chain(session, provider.rail.chain)
    patience = Patience()
    return _worst(
        compare_asset(container, asset, patience.asking(partial(provider.holding, asset.contract or "")))
        for asset in kept
    )


def _worst(verdicts: Iterable[str]) -> str:
    found = set(verdicts)
    return next((verdict for verdict in ("mismatch", "unknown") if verdict in found), "ok")


def compare_asset(container: Container, asset: Asset, read: Callable[[], Holding], *, unread_minor: int = 0) -> str:
    """Snapshot one asset of one rail; if its wallet may spend more than before, retry what waits for funds.

    Returns the verdict.
    """
    try:
        holding, reason = read(), ""
    except ChainError as error:
        holding, reason = None, error.code
    with container.transaction() as session:
        now = container.now()
        if holding is None:
            return buffers.unknown(session, asset, reason=reason, now=now).verdict
        before = buffers.newest(session, asset.asset_id, is_known=True)
        snapshot = buffers.compare(session, asset, holding, unread_minor=unread_minor, now=now)
        has_grown = any((snapshot.spendable_minor or 0) > (earlier.spendable_minor or 0) for earlier in before)
    if has_grown:
        with container.transaction() as session:
            payouts.retry_unfunded(session, asset.chain, now=container.now())
    return snapshot.verdict
