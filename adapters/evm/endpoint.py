"""The addresses of one chain's nodes, limits on calls to them, and where its keys are."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EvmEndpoint:
    """The addresses of one chain's nodes, the preferred first, and the keys that this installation holds for it.

    Addresses may carry a provider's access key, so they never show in `repr`. Time-outs are in seconds. `keystore` is
    the hot key's file (Web3 Secret Storage); `deposit_xpub` the extended public key whose children are deposit
    addresses; `sweep_keystore` holds the extended private key above them, on the one machine that sweeps.
    """

    urls: tuple[str, ...] = field(repr=False)
    keystore: Path | None = None
    keystore_password: str = field(default="", repr=False)
    deposit_xpub: str = field(default="", repr=False)
    sweep_keystore: Path | None = None
    sweep_password: str = field(default="", repr=False)
    timeout_s: float = 20.0
    connect_timeout_s: float = 5.0
    calls_per_batch_max: int = 100
    answer_bytes_max: int = 64_000_000
    log_blocks_max: int = 2_000
