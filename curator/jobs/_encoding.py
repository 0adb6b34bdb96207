"""Images to vectors: batches under way on an engine, handed on in order."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from curator.jobs._engines._contract import Batch, Engine, Pending, Vectors
from curator.jobs._reading import ReadImage
from curator.store.vectors import VectorFile

BATCHES_AHEAD = 2  # batches a lane that may be under way or wait to be committed: no lane waits for the disk


@dataclass(frozen=True)
class EncodedBatch:
    """A batch of images, and the vectors [m, d] of those contents that had none."""

    images: Sequence[ReadImage]
    contents: Sequence[str]
    rows: Vectors


def encoded_batches(engine: Engine, vectors: VectorFile, batches: Iterable[Batch]) -> Iterator[EncodedBatch]:
    """Encode each content once; what is yielded must be committed before the next is asked for."""
    under_way: set[str] = set()
    waiting: deque[tuple[Batch, list[str], Pending]] = deque()

    def next_in_order() -> EncodedBatch:
        batch, contents, pending = waiting.popleft()
        return EncodedBatch(batch.images, contents, pending.result())

    for batch in batches:
        fresh = _new_contents(batch.images, vectors, under_way)
        under_way.update(fresh)
        waiting.append((batch, fresh, engine.encode(batch, fresh)))
        if len(waiting) > BATCHES_AHEAD * engine.lanes:
            encoded = next_in_order()
            yield encoded
            under_way.difference_update(encoded.contents)
    while waiting:
        yield next_in_order()


def _new_contents(images: Sequence[ReadImage], vectors: VectorFile, under_way: Set[str]) -> list[str]:
    """The contents that need a vector, each once, in path order."""
    readable = dict.fromkeys(image.content_hash for image in images if image.content_hash is not None)
    known = vectors.known(list(readable)) | under_way
    return [content for content in readable if content not in known]
