"""An independent LNURL wallet: npm's `lnurl`, run on the Node that comes with Playwright."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright._impl._driver import compute_driver_executable

_LIBRARY = Path(__file__).parent / "vendor" / "lnurl-wallet.js"
_ANSWER = """
const [library, lnurl] = process.argv.slice(1);
const wallet = require(library);
const url = new URL(wallet.decode(lnurl));
const key = wallet.generateRandomLinkingKey();
const signature = wallet.createAuthorizationSignature(url.searchParams.get('k1'), key.privKey);
console.log(JSON.stringify({
  url: url.href, sig: signature.toString('hex'), key: key.pubKey.toString('hex'),
}));
"""


@dataclass(frozen=True, slots=True)
class WalletAnswer:
    """The URL that a wallet calls, and its linking key."""

    url: str
    key: str

    @property
    def path(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}"


def answer_to(lnurl: str) -> WalletAnswer:
    """Decode an LNURL and sign its k1 with a fresh linking key, as a wallet does on its first visit."""
    node = str(compute_driver_executable()[0])
    done = subprocess.run(
        [node, "-e", _ANSWER, str(_LIBRARY), lnurl], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    signed = urlencode({"sig": said["sig"], "key": said["key"]})
    return WalletAnswer(f"{said['url']}&{signed}", said["key"])
