"""The one base error of the library."""


class CuratorError(Exception):
    """Something the user can put right: the message says what was given, what was wanted, what to do."""


class MissingWorkError(CuratorError):
    """An earlier step has not been run yet; the message names the command that runs it."""
