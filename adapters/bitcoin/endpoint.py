"""A node's address and credentials."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from domain.node_refusals import NodeUnauthorised


@dataclass(frozen=True, slots=True)
class NodeEndpoint:
    """One node's RPC address, credentials and wallet. The password never shows in `repr`.

    Either `user` and `password`, or `cookie_file`, which is read for each connection because the node rewrites it at
    each start. Time-outs are in seconds.
    """

    host: str
    port: int
    wallet: str = "strongroom"
    user: str = ""
    password: str = field(default="", repr=False)
    cookie_file: Path | None = None
    timeout_s: float = 30.0
    connect_timeout_s: float = 5.0

    def authorization(self) -> str:
        """The value of the Authorization header. Raises NodeUnauthorised when the cookie cannot be read."""
        pair = f"{self.user}:{self.password}"
        if self.cookie_file is not None:
            try:
                pair = self.cookie_file.read_text(encoding="utf-8").strip()
            except OSError as reason:
                raise NodeUnauthorised(f"the node's cookie file cannot be read: {reason.strerror}") from reason
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def wallet_path(self) -> str:
        """The path under which the node serves calls about this wallet."""
        return "/wallet/" + quote(self.wallet, safe="")
