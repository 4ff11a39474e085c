"""What ends a command of the stack."""


class StackError(Exception):
    """One sentence a person can act on; the command line prints it and exits with 1."""
