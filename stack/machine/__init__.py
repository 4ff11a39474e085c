"""The local stack: the emulator and the node as processes, and the accounts and contracts that a new stack has."""
