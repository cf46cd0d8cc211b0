"""PostgreSQL, Redis and private nodes that Strongroom starts for itself when it is given no addresses."""
