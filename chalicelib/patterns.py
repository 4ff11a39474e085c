"""How an address and a hash are written, for every room that reads one. A job id's form is in `chalicelib.jobs.ids`."""

import re

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
"""An account's or a contract's address. It may still fail its EIP-55 checksum."""
HASH = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
"""The hash of a transaction or of a block."""
