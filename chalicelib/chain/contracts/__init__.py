"""Contracts: call data, events, revert reasons, and what the service knows of its own contracts."""
