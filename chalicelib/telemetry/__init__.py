"""What operators are told: log lines, metrics and traces. Nothing that happens to a job depends on it."""
