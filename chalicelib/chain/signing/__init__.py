"""Signing: transactions as bytes, and the keys that sign them. Only the files named `aws_…` know AWS."""
