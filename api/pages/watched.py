"""Watch-only wallets: the balances of descriptors whose keys are elsewhere, and the form to import one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from api import guards, wallet_tools
from api.guards import signed_in
from api.pages.context import every_asset, field_errors, on_rails, page, see, sentence, typed
from api.pages.shapes import AssetName, FormField, Money
from api.request_context import container
from api.statuses import status_of
from api.v1 import watch_wallets as api_wallets
from domain.descriptors import PrivateDescriptor
from domain.errors import StrongroomError
from domain.private_keys import holds_private_key
from models.watch_wallet import WatchWallet
from services import watch_wallets
from services.watch_wallets import ScanView, WalletView

blueprint = Blueprint("watched", __name__)

_INDEX_DIGITS_MAX: Final = 10
_AGAIN: Final = "It is asked again by itself."
_REASONS: Final[Mapping[str, str]] = {
    "scan_in_progress": "The node does one scan at a time, and another one is running.",
    "node_refused": f"The node cannot be reached. {_AGAIN}",
    "node_timeout": f"The node did not answer in time. {_AGAIN}",
    "node_warming_up": f"The node is still starting. {_AGAIN}",
    "node_busy": f"The node has more work than it accepts. {_AGAIN}",
    "scan_aborted": f"The last scan was ended before it was done. {_AGAIN}",
}


@dataclass(frozen=True, slots=True)
class Watched:
    """One watch-only wallet on the page. `progress` is a percentage during a scan."""

    id: UUID
    label: str
    descriptor: str
    indexes: tuple[int, int] | None
    addresses: int
    asset: AssetName
    meaning: str
    word: str
    words: str
    progress: int | None
    balance: Money | None
    outputs: int
    height: int
    at: datetime | None
    may_refresh: bool
    moving: bool


@blueprint.get("/wallets")
@signed_in
def show() -> Response:
    """Show the visitor's watch-only wallets and the empty form."""
    return _show()


@blueprint.post("/wallets")
@signed_in
def take_in() -> Response:
    """Import a descriptor; repeating it gives the same wallet."""
    last = typed("last_index")
    try:
        wallet_tools.taken_in(
            typed("descriptor"),
            indexes=int(last) if last.isdecimal() and len(last) <= _INDEX_DIGITS_MAX else last or None,
            label=typed("label")[: wallet_tools.LABEL_LENGTH_MAX],
            asset_id=typed("asset") or None,
        )
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "descriptor", "label", "asset", "range")
        return _show(
            beside=beside,
            problem=above,
            status=status_of(type(refusal)),
            repeat=not isinstance(refusal, PrivateDescriptor),
        )
    return see("/wallets")


@blueprint.post("/wallets/<uuid:wallet_id>/refresh")
@signed_in
def refresh(wallet_id: UUID) -> Response:
    """Scan a wallet again."""
    return _act(api_wallets.refreshed, wallet_id)


@blueprint.post("/wallets/<uuid:wallet_id>/forget")
@signed_in
def forget(wallet_id: UUID) -> Response:
    """Delete a wallet."""
    return _act(api_wallets.forgotten, wallet_id)


def _act(action: Callable[[UUID], None], wallet_id: UUID) -> Response:
    action(wallet_id)
    return see("/wallets")


def _show(
    *,
    beside: Mapping[str, Sequence[str]] | None = None,
    problem: str = "",
    status: int = HTTPStatus.OK,
    repeat: bool = True,
) -> Response:
    errors = beside or {}
    with container().reading() as session:
        choice = on_rails(every_asset(session))
        wallets = _wallets(session)

    def field(name: str, error: str = "") -> FormField:
        # What could be a private key is not sent back: pages end up in caches, histories and screenshots.
        value = typed(name) if repeat and not holds_private_key(typed(name)) else ""
        return FormField(value, errors.get(error or name, ()))

    return page(
        "watched.html",
        status=status,
        assets=choice,
        wallets=wallets,
        moving=any(wallet.moving for wallet in wallets),
        descriptor=field("descriptor"),
        label=field("label"),
        last_index=field("last_index", "range"),
        asset=field("asset"),
        problem=problem,
    )


def _wallets(session: Session) -> list[Watched]:
    now = container().now()
    by_chain = {asset.chain: asset for asset in every_asset(session).values()}
    views = watch_wallets.of_user(session, guards.caller().user_id)
    return [shown(view, by_chain[view.wallet.chain], now) for view in views]


def shown(view: WalletView, asset: AssetName, now: datetime) -> Watched:
    """A wallet, shaped for the page."""
    wallet = view.wallet
    meaning, word, words = _standing(wallet, view.scan)
    return Watched(
        id=wallet.id,
        label=wallet.label,
        descriptor=wallet.descriptor,
        indexes=wallet.indexes(),
        addresses=wallet.address_count,
        asset=asset,
        meaning=meaning,
        word=word,
        words=words,
        progress=view.scan.progress if view.scan.state == "running" else None,
        balance=Money(wallet.balance_minor, asset) if wallet.balance_minor is not None else None,
        outputs=wallet.balance_outputs or 0,
        height=wallet.balance_height or 0,
        at=wallet.balance_at,
        may_refresh=wallet.state == "ready" and view.scan.state == "none" and not watch_wallets.is_fresh(wallet, now),
        moving=wallet.state == "pending" or view.scan.state != "none",
    )


def _standing(wallet: WatchWallet, scan: ScanView) -> tuple[str, str, str]:
    """The meaning, word and sentence for its state; an empty meaning needs no attention."""
    if wallet.state == "refused":
        reason = sentence(wallet.refusal_reason or "no reason was given")
        return "wrong", "refused", f"The node does not accept this descriptor: {reason}"
    if wallet.state == "pending":
        return "waiting", "checking", _reason(wallet.waiting_reason, "The node is asked whether it can watch this.")
    if scan.state == "running":
        return "waiting", "looking", f"{scan.progress} % of the chain's coins looked through."
    if scan.state == "waiting":
        return "waiting", "next in turn", _reason(scan.reason, "The node looks for its coins in a moment.")
    return "", "", ""


def _reason(code: str | None, otherwise: str) -> str:
    if code is None:
        return otherwise
    return _REASONS.get(code, f"The node refused: {code.replace('_', ' ')}. {_AGAIN}")
