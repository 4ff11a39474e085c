"""Log lines, metrics and traces for operators. No job depends on them."""
