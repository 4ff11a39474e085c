"""The wallets resource of the Admin API."""
