"""Signing: transactions as bytes, and the keys that sign them."""
