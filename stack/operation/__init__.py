"""What an operator does to a deployed stack: accounts, tokens, dead letters, logs, halting, restoring."""
