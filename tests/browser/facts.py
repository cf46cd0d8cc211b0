"""What the example pages are about."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.pages.rendering import Visitor
from api.pages.shapes import AssetName

NOW = datetime(2025, 11, 21, 14, 30, tzinfo=UTC)
BTC = AssetName("BTC", "BTC", "Bitcoin", 8, "bitcoin")
COIN = AssetName(
    "wVERYLONGTOKEN", "wVERYLONGTOKEN", "Wrapped token with a name that somebody thought was a good idea", 18, "gnosis"
)
KEY = "02c3b844b8104f0c1b15c507774c9ba7fc609f58f343b9b149122e944dd20c9362"
TXID = "9b0fc92260312ce44e74ef369f5c66bb85b66c7f1c30eb4e9f8e2b7a8ab7f3c1"
ADDRESS = "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"
SHORT = "k7f3m2n9qd"
ONE = UUID("01936f00-0000-7000-8000-000000000001")
VISITOR = Visitor(
    KEY,
    ("approver", "viewer"),
    (
        ("/deposit", "Deposit"),
        ("/withdraw", "Withdraw"),
        ("/send", "Send"),
        ("/convert", "Convert"),
        ("/history", "History"),
        ("/apps", "Apps"),
        ("/chat", "Chat"),
        ("/operator", "Operator"),
    ),
)


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)
