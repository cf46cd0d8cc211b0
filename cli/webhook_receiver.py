"""A shop's webhook server that shares no code with Strongroom: only the standard library and standardwebhooks.

`WEBHOOK_SECRET=whsec_… python webhook_receiver.py 8000` listens on that port of this host, and prints a line for each
message that it verified or refused.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

BODY_BYTES_MAX: Final = 64 * 1024
TAKEN: Final = 204
REFUSED: Final = 401
TOO_LARGE: Final = 413

# A message may come twice; a real shop keeps these ids in a table.
_known: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    """Accepts messages that are signed with our secret, and refuses all others."""

    def do_POST(self) -> None:
        """Verify the signature before using anything of the message."""
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_BYTES_MAX:
            self._answer(TOO_LARGE, f"refused a message of {length} bytes")
            return
        body = self.rfile.read(length)
        try:
            event = Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, dict(self.headers.items()))
        except WebhookVerificationError as refusal:
            self._answer(REFUSED, f"refused: {refusal}")
            return
        if event["id"] in _known:
            self._answer(TAKEN, f"known already: {event['id']}")
            return
        _known.add(event["id"])
        data = event["data"]
        self._answer(TAKEN, f"verified {event['type']}: {data.get('amount')} {data.get('asset')}, {event['id']}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        """Print nothing: each message has its own line."""

    def _answer(self, status: int, line: str) -> None:
        # The line first, so that it is printed before the answer arrives.
        print(line, flush=True)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    """Listen until interrupted."""
    with HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver) as server:
        print(f"listening on port {server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
