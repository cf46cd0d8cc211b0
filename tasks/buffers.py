"""Compare every wallet with the books."""

from domain.actor import Actor
from domain.node_refusals import ChainError
from domain.ports import Chain
from services import assets, buffers
from tasks.app import task
from wiring.container import Container


@task("buffers.compare")
def compare(container: Container, by: Actor) -> None:
    """Snapshot every rail."""
    for chain in container.chains.values():
        compare_chain(container, chain)


def compare_chain(container: Container, chain: Chain) -> str:
    """Snapshot one rail. Returns the verdict: ok, mismatch or unknown."""
    try:
        holding, reason = chain.holding(), ""
    except ChainError as error:
        holding, reason = None, error.code
    with container.transaction() as session:
        asset = assets.get(session, chain.rail.coin.asset_id)
        now = container.now()
        if holding is None:
            return buffers.unknown(session, asset, reason=reason, now=now).verdict
        return buffers.compare(session, asset, holding, now=now).verdict
