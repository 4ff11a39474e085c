"""Paths in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
CONTRACTS = ROOT / "contracts"
STACK_DIRECTORY = LOCAL / "stack"
"""The state of the stack that `make up` and `make run` start: locks, logs, temporary files."""
STACK_ENV = LOCAL / "stack.env"
