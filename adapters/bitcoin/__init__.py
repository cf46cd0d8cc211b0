"""Bitcoin Core and its relatives, over their JSON-RPC."""
