"""An installation with users, and apps that act for them."""

from tests.api.conftest import house, own_house

__all__ = ["house", "own_house"]
