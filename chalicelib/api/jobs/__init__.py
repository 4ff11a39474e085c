"""The jobs resource: one module a use case, imported at its first request."""
