"""The use cases of the Admin API: create and use tokens, wallets and signing accounts. Most of them issue a job."""
