"""The Admin API's domain: tokens, wallets and accounts, whose calls become jobs."""
