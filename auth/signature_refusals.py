"""Why a signature is refused: one error for each reason."""

from typing import ClassVar

from domain.errors import StrongroomError


class MalformedKey(StrongroomError):
    """The subject is neither a public key in hex nor an address of a known network."""

    code: ClassVar[str] = "malformed_key"


class MalformedSignature(StrongroomError):
    """This is not a signature of the kind that this key or address makes."""

    code: ClassVar[str] = "malformed_signature"


class ProofOfFundsRefused(MalformedSignature):
    """This is a BIP-322 proof of funds; to sign in, sign the message with the address alone."""

    code: ClassVar[str] = "proof_of_funds_refused"


class InvalidSignature(StrongroomError):
    """The signature was not made by this subject over this message."""

    code: ClassVar[str] = "invalid_signature"


class InconclusiveSignature(InvalidSignature):
    """The proof uses script rules that are not supported here, so it proves nothing."""

    code: ClassVar[str] = "inconclusive_signature"


class TimeLockedSignature(InvalidSignature):
    """The proof becomes valid only at a later time or age; to sign in, it must be valid now."""

    code: ClassVar[str] = "time_locked_signature"
