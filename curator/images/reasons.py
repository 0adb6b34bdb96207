"""Why an image cannot be used: one error, a short code to count by, a sentence for a person."""

from typing import Literal, get_args

from curator.errors import CuratorError

Reason = Literal[
    "corrupt",
    "crash",
    "decompression_bomb",
    "empty",
    "io_error",
    "missing",
    "not_a_file",
    "not_an_image",
    "other_extension",
    "out_of_memory",
    "outside_folder",
    "already_scanned",
    "permission",
    "special_file",
    "symlink_loop",
    "too_large_file",
    "truncated",
    "unsupported_format",
    "unsupported_name",
]

REASONS: tuple[str, ...] = get_args(Reason)


class UnreadableImageError(CuratorError):
    """One image cannot be read: `reason` is one of `REASONS`, `message` says what is wrong, what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message

    def __reduce__(self) -> "tuple[type[UnreadableImageError], tuple[Reason, str]]":
        # The default rebuilds an exception from `args`, which lacks the reason: worker processes need both.
        return type(self), (self.reason, self.message)
