"""The two failures a user can mend; every other exception is a bug.

`experiments/` maps them to exit codes.
"""


class InputError(Exception):
    """The user's input or a setting is wrong (exit code 2): what, where, what to do."""


class OutsideError(Exception):
    """Something outside is missing or gave up (exit code 3); the same command goes on."""
