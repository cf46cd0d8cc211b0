"""Network fee rates, from the node."""

from adapters.bitcoin.amounts import to_minor
from adapters.bitcoin.client import NodeClient, demanded
from domain.node_refusals import FeeUnknown


def estimated_fee_rate(client: NodeClient) -> int:
    """The node's fee estimate in smallest units per 1,000 virtual bytes, within the network's bounds.

    Never below the mempool's present minimum. Raises FeeUnknown where there is neither estimate nor fallback.
    """
    network = client.network
    estimate, mempool = demanded(
        client.read_batch([["estimatesmartfee", network.fee_target_blocks], ["getmempoolinfo"]])
    )
    if "feerate" in estimate:
        rate = to_minor(estimate["feerate"])
    elif network.fallback_fee_rate_minor_per_kvb is not None:
        rate = network.fallback_fee_rate_minor_per_kvb
    else:
        raise FeeUnknown
    floor = max(network.fee_rate_min_minor_per_kvb, to_minor(mempool["mempoolminfee"]))
    return max(floor, min(rate, network.fee_rate_max_minor_per_kvb))


def fee_for(rate_minor_per_kvb: int, vsize: int) -> int:
    """The fee for this many virtual bytes at this rate, rounded up."""
    return -(-rate_minor_per_kvb * vsize // 1000)
