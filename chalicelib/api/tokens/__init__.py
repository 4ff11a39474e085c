"""The resource of ERC-20 tokens, part of the Admin API."""
