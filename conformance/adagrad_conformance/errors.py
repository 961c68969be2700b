"""The error that a user can mend: what is wrong, where, and what to do next."""

__all__ = ["UserError"]


class UserError(Exception):
    """One line on what is wrong and what to do; the command's exit code is 2."""
