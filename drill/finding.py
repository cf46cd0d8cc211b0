"""Find what the judges need to know: from people's own pages, from the world outside, and from the books."""

from sqlalchemy import select

from domain.money import parse_amount
from drill import signs
from drill.judges import Facts
from drill.setting_up import Scene
from models.asset import Asset
from models.flow import Flow
from services import buffers, invariants
from services.ledger.verify import verify
from wiring.container import Container

# What goes by the last minutes, by this machine, or by what was forged: it ends later than a drill.
ENDS_LATER = frozenset(
    {
        "api_error_rate", "api_slow", "certificate_expiring", "deposit_processing_failure", "disk_low",
        "login_failures", "memory_high", "webhook_signature_failures", "verification_failure_rate",
    }
)  # fmt: skip
# Somebody outside decides about these: an order to fund a wallet waits for its owner.
WAITS_FOR_PEOPLE = frozenset({"replenishment"})


def facts(scene: Scene) -> Facts:
    """Everything that is to be judged, once all has come to rest."""
    container = scene.house.container
    with container.reading() as session:
        decimals = {row.asset_id: row.decimals for row in session.scalars(select(Asset))}
    found = Facts(broken=_broken(container), open_flows=open_flows(container), standing=standing(scene))
    found.unequal = unequal(scene)
    balances = {}
    for who in scene.people:
        for item in who.every("/api/v1/deposits"):
            amount = _minor(item["amount"], decimals[item["asset"]])
            found.deposits.append((who.user_id, item["txid"], item["asset"], item["state"], amount))
        for item in who.every("/api/v1/withdrawals"):
            places = decimals[item["asset"]]
            found.withdrawals[item["id"]] = (
                item["state"],
                _minor(item["amount"], places) + _minor(item["fee"], places),
            )
        for item in who.every("/api/v1/payment-verifications"):
            found.claims[item["id"]] = item["state"]
        for item in who.insist("GET", "/api/v1/balances").json()["items"]:
            places = decimals[item["asset"]]
            balances[who.user_id, item["asset"]] = (_minor(item["available"], places), _minor(item["held"], places))
    found.balances = balances
    rails = {asset_id: rail for rail in scene.rails for asset_id in rail.asset_ids}
    for asked in scene.journal.of_kind("withdrawal"):
        found.received[asked.to] = rails[asked.asset_id].received(asked.to, asked.asset_id)
    return found


def open_flows(container: Container) -> list[str]:
    """Every movement of money that is not over."""
    with container.reading() as session:
        rows = session.scalars(select(Flow).where(Flow.closed_at.is_(None)).order_by(Flow.opened_at)).all()
    return [
        f"{row.kind} {row.short_id} of {row.asset_id} is {row.state} since {row.state_since:%H:%M:%S}"
        for row in rows
        if row.kind not in WAITS_FOR_PEOPLE
    ]


def unrest(scene: Scene) -> list[str]:
    """What has to come to rest before anything can be judged."""
    return [*open_flows(scene.house.container), *standing(scene), *unequal(scene)]


def standing(scene: Scene) -> list[str]:
    """Every alert that stands and should have ended by now."""
    return [one for one in signs.standing(scene.house) if one.split(" ")[0] not in ENDS_LATER]


def unequal(scene: Scene) -> list[str]:
    """Every asset whose newest comparison with its wallet was not ok."""
    wrong = []
    with scene.house.container.reading() as session:
        for rail in scene.rails:
            for asset_id in rail.asset_ids:
                newest = buffers.newest(session, asset_id)
                if not newest or newest[0].verdict != "ok":
                    said = f"{newest[0].verdict}: {newest[0].reason}" if newest else "never compared"
                    wrong.append(f"{asset_id} is {said}")
    return wrong


def _broken(container: Container) -> list[str]:
    report = verify(container.engine)
    with container.reading() as session:
        broken = [str(finding) for finding in invariants.check(session)]
    return broken if report.finding is None else [f"altered: {report.finding}", *broken]


def _minor(text: str, decimals: int) -> int:
    # parse_amount is for what may be asked for, and nothing is not.
    return 0 if not text.strip("0.") else parse_amount(text, decimals)
