"""Bitcoin Core and its relatives, over JSON-RPC."""
