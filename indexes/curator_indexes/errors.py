"""The one base error of the package."""


class VectorError(ValueError):
    """Vectors, a graph or a file that cannot be used: the message says what was given and what is wanted."""


class DamagedFileError(VectorError):
    """A stored file is missing, incomplete or changed since it was written; it can be rebuilt."""
