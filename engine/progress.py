"""Progress: what one training step and one look at all images say of a run."""

from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy in use mode: no dropout, running statistics, no penalty."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


@dataclass(frozen=True)
class Inspection:
    """What the network does with the test images.

    confusion : (classes, classes) counts, true label by answer
    worst : (k,) indices of the wrongly classified test images that the network was surest of, surest first
    answers, certainty : (k,) what it said of them, and with which probability
    """

    confusion: Array
    worst: Array
    answers: Array
    certainty: Array


@dataclass(frozen=True)
class Progress:
    """What one step did. `loss` includes the penalty; loss and accuracy are those of the step's batch, before it.

    `learning_rate` is the one that the step used; `seconds_per_image` covers the step without its evaluation.
    `diverged` is None, or a sentence; no step follows it, and the network is back in the last state whose loss was finite.
    `inspection` comes with an evaluation, from the same pass over the test images.
    Whenever a Progress arrives, weights and running statistics are finite.
    """

    step: int
    epoch: float
    loss: float
    accuracy: float
    learning_rate: float
    evaluation: Evaluation | None = None
    diverged: str | None = None
    seconds_per_image: float = field(default=0.0, compare=False)
    inspection: Inspection | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Cells:
    """A confusion matrix with images in it.

    counts : (classes, classes), true label by answer
    images, certainty : (classes, classes, k), for each cell the images whose answer was given the highest probability, surest first;
        -1 and 0 where a cell has fewer
    """

    counts: Array
    images: Array
    certainty: Array


def by_cell(labels: Array, answers: Array, certainty: Array, classes: int, count: int = 12) -> Cells:
    """Sort images by their label and their answer, both (N,) in 0 … classes - 1, and keep the `count` surest of each cell."""
    cell = labels.astype(np.intp) * classes + answers
    order = np.lexsort((-certainty, cell))   # cell after cell, surest first; equals stay in their order
    counts = np.bincount(cell, minlength=classes**2)
    place = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)   # of an image in its cell, from 0
    kept = order[place < count]
    at = cell[kept], place[place < count]
    images, sure = np.full((classes**2, count), -1, np.int32), np.zeros((classes**2, count), np.float32)
    images[at], sure[at] = kept, certainty[kept]
    return Cells(counts.reshape(classes, classes), images.reshape(classes, classes, count), sure.reshape(classes, classes, count))
