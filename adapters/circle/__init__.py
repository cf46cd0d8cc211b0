"""Circle as a custodian of USDC: wallets, addresses and transfers of its Accounts API, and its notifications."""
