"""OAuth 2 and OpenID Connect: Authlib carries the protocol, PyJWT the tokens, PostgreSQL what is true."""

import logging

# Authlib writes the tokens that it issues at DEBUG; nobody may turn that on by asking for more log.
logging.getLogger("authlib").setLevel(logging.INFO)
