"""Samples and verdicts between the database and the arrays of an audit."""

import numpy as np
import numpy.typing as npt

from curator.audits.sampling import Sample
from curator.jobs.state import State
from curator.store.samples import Draw, StoredSample


def checked_labels(state: State) -> npt.NDArray[np.bool_]:
    """Which labels are the verdict of a person, bool [n]."""
    verdicts = state.workspace.labels.verdicts()
    return np.array([image_id in verdicts for image_id in state.image_ids.tolist()], bool)


def known_samples(state: State) -> list[Sample]:
    """The samples drawn so far with the verdicts on them."""
    return [_sample(state, stored) for stored in state.workspace.samples.all()]


def remember(state: State, sample: Sample) -> None:
    """Store a new sample with the chance of each label to be in it."""
    state.workspace.samples.append(
        [
            Draw(
                image.id,
                image.content_hash,
                state.name(int(state.labels[row])),
                int(stratum),
                int(size),
                float(mean),
                float(inclusion),
                float(probability),
            )
            for image, row, stratum, size, mean, inclusion, probability in zip(
                state.images(sample.rows),
                sample.rows,
                sample.strata,
                sample.stratum_sizes,
                sample.stratum_means,
                sample.inclusion,
                sample.error_probability,
                strict=True,
            )
        ]
    )


def _sample(state: State, stored: StoredSample) -> Sample:
    labels = state.workspace.labels
    verdicts, before = labels.verdicts(), labels.as_of(stored.last_event)
    current = {
        image_id: state.name(code)
        for image_id, code in zip(state.image_ids.tolist(), state.labels.tolist(), strict=True)
        if code >= 0
    }
    row_of = {image_id: row for row, image_id in enumerate(state.image_ids.tolist())}
    wrong = np.full(len(stored.draws), np.nan)
    for place, draw in enumerate(stored.draws):
        verdict = verdicts.get(draw.image_id)
        if verdict and verdict.event > stored.last_event and verdict.content_hash == draw.content_hash:
            wrong[place] = verdict.label != draw.label
    return Sample(
        rows=np.array([row_of.get(draw.image_id, -1) for draw in stored.draws], np.int64),
        strata=np.array([draw.stratum for draw in stored.draws], np.int64),
        stratum_sizes=np.array([draw.stratum_size for draw in stored.draws], np.int64),
        stratum_means=np.array([draw.stratum_mean for draw in stored.draws]),
        error_probability=np.array([draw.error_probability for draw in stored.draws]),
        wrong=wrong,
        corrected=sum(before.get(image_id, label) != label for image_id, label in current.items()),
        newcomers=sum(image_id not in before and image_id not in verdicts for image_id in current),
    )
