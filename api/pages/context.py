"""What every page needs besides its own values: the visitor, the time and the assets by name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from flask import Response, redirect, request
from sqlalchemy.orm import Session

from api import guards
from api.pages.rendering import Visitor, render
from api.pages.shapes import AssetName
from api.request_context import container
from auth.signatures import SIGNATURE_LENGTH_MAX
from domain.errors import StrongroomError
from domain.rails import RAILS
from models.asset import Asset
from services import assets, conversions

_CONVERT: Final = ("/convert", "Convert")
_LINKS: Final = (
    ("/deposit", "Deposit"),
    ("/withdraw", "Withdraw"),
    ("/send", "Send"),
    _CONVERT,
    ("/history", "History"),
    ("/apps", "Apps"),
    ("/chat", "Chat"),
)
SIGNATURE_TYPED_MAX: Final = 2 * SIGNATURE_LENGTH_MAX
"""In characters, without the line breaks that wallets put into a long signature."""
_OPERATOR: Final = ("/operator", "Operator")


def page(template: str, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """Render a page for the visitor."""
    parts = container()
    configured = [RAILS[rail.chain].name for rail in parts.settings.chains]
    return render(
        template,
        now=parts.now(),
        visitor=visitor(converts=_converts(status)),
        status=status,
        configured_rails=configured,
        socket_origin=parts.settings.socket_origin,
        **values,
    )


def visitor(*, converts: bool) -> Visitor | None:
    """The visitor as the header shows them, and which pages they may open."""
    principal = guards.principal()
    if principal is None:
        return None
    links = [link for link in _LINKS if link != _CONVERT or converts]
    if "viewer" in principal.roles:
        links.append(_OPERATOR)
    return Visitor(principal.public_key, tuple(sorted(principal.roles)), tuple(links))


def _converts(status: int) -> bool:
    """Whether a conversion is offered; not queried for an error page, since that query may be what failed."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or guards.principal() is None:
        return False
    with container().reading() as session:
        return conversions.any_open(session)


def onward(target: str | None) -> str:
    """Where to go after signing in: a path of this site, else home."""
    is_path = target is not None and target.startswith("/") and not target.startswith("//") and "\\" not in target
    return target if is_path and target is not None and target.isprintable() else "/"


def onward_query(target: str) -> str:
    """The same as a query string, empty for home."""
    return "" if target == "/" else f"?next={quote(target, safe='/')}"


def see(path: str) -> Response:
    """Redirect after a form, so that reloading does not send it again."""
    return redirect(path, HTTPStatus.SEE_OTHER)  # type: ignore[return-value]


def every_asset(session: Session) -> Mapping[str, AssetName]:
    """All assets by id. Where several share a symbol, the id is added."""
    rows = assets.every(session)
    times = Counter(row.symbol for row in rows)
    return {row.asset_id: _name(row, row.symbol if times[row.symbol] == 1 else row.asset_id) for row in rows}


def _name(asset: Asset, symbol: str) -> AssetName:
    return AssetName(asset.asset_id, symbol, asset.name, asset.decimals, asset.chain)


def on_rails(known: Mapping[str, AssetName]) -> tuple[AssetName, ...]:
    """The assets whose chain is configured, which can be paid in and out."""
    parts = container()
    configured = {rail.chain for rail in parts.settings.chains} | set(parts.chains) | set(parts.providers)
    return tuple(asset for asset in known.values() if asset.chain in configured)


def chosen_of(choice: Sequence[AssetName], wanted: str | None) -> AssetName | None:
    """The requested asset, or the first; None if there are none."""
    return next((asset for asset in choice if asset.asset_id == wanted), choice[0] if choice else None)


def field_errors(refusal: StrongroomError | Mapping[str, Any], *names: str) -> tuple[dict[str, list[str]], str]:
    """Split a refusal into errors of single fields and an error for the whole form.

    Takes the refusal or its stored body (`error_description`, `fields`).
    """
    if isinstance(refusal, StrongroomError):
        fields, message = refusal.fields, str(refusal)
    else:
        fields, message = refusal.get("fields") or {}, str(refusal["error_description"])
    beside = {name: [sentence(text) for text in texts] for name, texts in fields.items() if name in names}
    return beside, "" if beside else sentence(message)


def sentence(text: str) -> str:
    """A reason as a complete sentence."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def typed(name: str) -> str:
    """The text of a field, without surrounding spaces."""
    return request.form.get(name, "").strip()
