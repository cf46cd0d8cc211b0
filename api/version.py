"""The version of Strongroom that runs."""

from typing import Final

VERSION: Final = "0.1.0"
