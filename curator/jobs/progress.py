"""How long work tells what it is doing, without knowing of terminals."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how much of it is done, and how much there is."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def every(*listeners: Progress) -> Progress:
    """Tell each of them, in this order."""

    def tell(stage: str, done: int, total: int) -> None:
        for listener in listeners:
            listener(stage, done, total)

    return tell
