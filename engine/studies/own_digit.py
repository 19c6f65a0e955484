"""Your own digit: from a drawing or a picture to what a network was trained on, and what it says of it.

A network knows digits only as its dataset shows them. MNIST's were scaled into a box of
20 × 20 and shifted so that their centre of mass lies in pixel (14, 14), from 0, of 28 × 28;
those of the built-in set fill all eight rows (LeCun et al. 1998; Alpaydin & Kaynak 1998).
"""

from dataclasses import dataclass

import numpy as np

from engine.datasets import Dataset, load_digits, normalizer
from engine.layers import Activate
from engine.losses import log_softmax
from engine.network import Network, mlp
from engine.optimizers import Adam
from engine.training import train

Array = np.ndarray
FAINT = 0.15       # ink below this share of the darkest is paper
CONTRAST = 0.1     # a picture whose lightness spans less shows nothing
SIZES = (64, 100, 100, 10)   # of the small network


@dataclass(frozen=True)
class Reading:
    """What a network says of one image.

    probabilities : (classes,)
    z, y : what goes into the activation of each hidden layer and what comes out, (units,) each
    """

    probabilities: Array
    z: list[Array]
    y: list[Array]

    @property
    def answer(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def fired(self) -> list[int]:
        """How many units of each layer have z > 0."""
        return [int(np.count_nonzero(z > 0)) for z in self.z]


def ink_of(grey: Array) -> Array:
    """Ink from 0 to 1 of a grey picture (rows, columns), 0 black to 255 white: whatever differs from the paper, which is the commonest lightness.

    Raises
    ------
    ValueError
        "the picture shows no ink" where nothing stands out.
    """
    grey = np.asarray(grey, float) / 255
    paper = np.median(grey)
    ink = np.abs(grey - paper)
    if ink.max() < CONTRAST:
        raise ValueError("the picture shows no ink")
    ink = ink / ink.max()
    return np.where(ink < FAINT, 0, ink)


def resized(ink: Array, rows: int, columns: int) -> Array:
    """Another size, each new pixel the mean over the area that it covers."""
    return _overlaps(rows, ink.shape[0]) @ ink @ _overlaps(columns, ink.shape[1]).T


def _overlaps(new: int, old: int) -> Array:
    """(new, old): the share of each old pixel in each new one; rows sum to 1."""
    edges = np.linspace(0, old, new + 1)
    low, high = np.maximum(edges[:-1, None], np.arange(old)), np.minimum(edges[1:, None], np.arange(1, old + 1))
    return np.maximum(high - low, 0) * new / old


def as_in(data: Dataset, ink: Array) -> Array:
    """Ink (rows, columns), 0 to 1, cut out, scaled and placed as the images of a dataset: uint8 (features,).

    Images of 8 × 8 fill all rows, or all columns where they are wider than high, around the middle of the box; larger ones fill five
    sevenths, and their centre of mass lies in the middle pixel. Raises ValueError where there is no ink.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        raise ValueError("the picture shows no ink")
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    size = data.image_shape[0]
    box = size if size <= 8 else round(size * 5 / 7)   # 20 of 28
    scale = box / max(ink.shape)
    small = resized(ink, *(max(1, round(side * scale)) for side in ink.shape))
    small = small / small.max()
    middle, there = np.array(small.shape) / 2, size / 2
    if size > 8:
        there += 0.5   # of an even number of pixels, the one right and below the middle
        middle = np.array([(small.sum(axis=1 - i) * (np.arange(side) + 0.5)).sum() for i, side in enumerate(small.shape)]) / small.sum()
    top, left = (int(np.clip(round(there - at), 0, size - side)) for at, side in zip(middle, small.shape, strict=True))
    image = np.zeros(data.image_shape)
    image[top:top + small.shape[0], left:left + small.shape[1]] = small
    return np.round(image * data.pixel_max).astype(np.uint8).ravel()


def shifted(image: Array, data: Dataset, right: int = 0, down: int = 0) -> Array:
    """The same image (features,) moved by whole pixels; what leaves it is lost."""
    rows, columns = data.image_shape
    moved = np.zeros((3 * rows, 3 * columns), image.dtype)
    moved[rows + down:2 * rows + down, columns + right:2 * columns + right] = image.reshape(rows, columns)
    return moved[rows:2 * rows, columns:2 * columns].ravel()


def read(network: Network, data: Dataset, image: Array, normalize: str = "scale") -> Reading:
    """What a network that was trained on a dataset says of one uint8 image (features,)."""
    with np.errstate(all="ignore"):
        logits = network.forward(normalizer(normalize, data)(image[None]))
        bends = [layer for layer in network.layers if isinstance(layer, Activate)]
        z = [layer.x[:1].copy() for layer in bends]
        y = [layer.forward(one, False)[0] for layer, one in zip(bends, z, strict=True)]
        return Reading(np.exp(log_softmax(logits))[0], [one[0] for one in z], y)


def nearest(data: Dataset, image: Array, count: int, among: int = 10_000) -> Array:
    """(count,) indices of the training images, of the first `among`, that differ least: by the mean square over pixels, the nearest first."""
    x = data.x_train[:among].astype(np.float32)
    away = (x * x).sum(axis=1) - 2 * x @ image.astype(np.float32)
    return np.argsort(away, kind="stable")[:count]


def small_network(theta: Array | None = None) -> Network:
    """The network of `trained_small`, with its weights where they are given."""
    network = mlp(SIZES, rng=np.random.default_rng([0, 0]))
    if theta is not None:
        network.theta[...] = theta
    return network


def trained_small() -> Array:
    """theta (P,) of a small ReLU network after 15 epochs on the built-in digits with Adam: always the same."""
    network, data = small_network(), load_digits()
    for _ in train(network, data, Adam(network), epochs=15, batch_size=32, rng=np.random.default_rng([0, 1]), evaluate_at=lambda step: False):
        pass
    return network.theta
