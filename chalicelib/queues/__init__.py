"""SQS: the messages, sending them, and what a batch answers. A message is a nudge (invariant 9): ids and a command."""
