"""Operating a deployed stack: accounts, JWTs, dead letters, logs, nodes, halting, restoring."""
