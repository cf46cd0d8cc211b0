"""BIP-322: messages signed by whatever can spend from an address."""
