"""The node's list of inputs that its wallet may not spend; the node keeps it in memory, so we must keep it right."""

from collections.abc import Collection

from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.refusals import INVALID_PARAMETER
from domain.chain_facts import OutPoint
from domain.node_refusals import ChainError, NodeError


def lock(client: NodeClient, inputs: Collection[OutPoint]) -> None:
    """Keep the wallet from spending these. Inputs that it does not own or that are spent need no lock."""
    _set(client, set(inputs) - _locked(client), unlocked=False)


def unlock(client: NodeClient, inputs: Collection[OutPoint]) -> None:
    """Let the wallet spend these again."""
    _set(client, set(inputs), unlocked=True)


def reserve(client: NodeClient, inputs: Collection[OutPoint]) -> None:
    """Make these, and no others, the inputs that the wallet may not spend."""
    wanted, present = set(inputs), _locked(client)
    _set(client, present - wanted, unlocked=True)
    _set(client, wanted - present, unlocked=False)


def _locked(client: NodeClient) -> set[OutPoint]:
    return {OutPoint(one["txid"], one["vout"]) for one in client.read("listlockunspent", wallet=True)}


def _set(client: NodeClient, inputs: set[OutPoint], *, unlocked: bool) -> None:
    """One call per input, since a call refuses all when it refuses one; "spent" and "already so" are no failures."""
    calls = [["lockunspent", unlocked, [{"txid": one.txid, "vout": one.vout}]] for one in sorted(inputs)]
    for answer in client.order_batch(calls, wallet=True):
        if isinstance(answer, NodeError) and answer.rpc_code == INVALID_PARAMETER:
            continue
        if isinstance(answer, ChainError):
            raise answer
