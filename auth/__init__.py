"""Keys, message signatures and sessions."""
