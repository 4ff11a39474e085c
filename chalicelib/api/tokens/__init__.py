"""The tokens resource of the Admin API."""
