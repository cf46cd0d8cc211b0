"""QR codes as SVG drawings."""

import io

import segno


def drawn(text: str) -> bytes:
    """A QR code of `text` (ISO/IEC 18004, error correction M or better) as a complete SVG file with its quiet zone."""
    buffer = io.BytesIO()
    segno.make_qr(text, error="m").save(buffer, kind="svg", border=2, omitsize=True, xmldecl=False)
    return buffer.getvalue()
