"""The error that ends a command."""


class StackError(Exception):
    """One sentence that a person can act on. The command line prints it and exits with status 1."""
