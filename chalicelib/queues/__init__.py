"""SQS: queue messages, sending them, and answers to batches. A message holds a command and ids, never state (invariant 9)."""
