"""Chains that are followed: where the reading stands, what was read, and whether it can be read at all."""

from services.chains.cursors import LEASE, ChainNotFollowed, claim, every, get, held, pause, refresh, renew, resume
from services.chains.following import (
    BLOCKS_KEPT,
    REORG_DEPTH_MAX,
    ForkDetected,
    ReorganisationTooDeep,
    advance,
    follow,
    give_up_on,
    recent_hashes,
    rewind,
    sight_mempool,
)
from services.chains.health import STALE_AFTER, cannot_follow, fail, finish, unread_since

__all__ = [
    "BLOCKS_KEPT",
    "LEASE",
    "REORG_DEPTH_MAX",
    "STALE_AFTER",
    "ChainNotFollowed",
    "ForkDetected",
    "ReorganisationTooDeep",
    "advance",
    "cannot_follow",
    "claim",
    "every",
    "fail",
    "finish",
    "follow",
    "get",
    "give_up_on",
    "held",
    "pause",
    "recent_hashes",
    "refresh",
    "renew",
    "resume",
    "rewind",
    "sight_mempool",
    "unread_since",
]
