"""Whose the addresses are that operators fund the house by."""

from typing import Final
from uuid import UUID

HOUSE_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The house as the owner of addresses. Nobody can sign in as it; what arrives is booked to the owner's equity."""
