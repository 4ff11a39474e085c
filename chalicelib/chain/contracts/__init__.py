"""Contracts: call data, events, revert reasons, and reading what a contract tells."""
