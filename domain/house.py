"""Whose the addresses are that operators fund the house by."""

from typing import Final
from uuid import UUID

HOUSE_ID: Final = UUID("00000000-0000-7000-8000-000000000001")
"""The house as an owner of deposit addresses. It cannot sign in; what its addresses receive is booked to owner's
equity."""
