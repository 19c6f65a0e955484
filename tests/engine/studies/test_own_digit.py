"""Own digits: scaling and centring against numbers by hand, and real test images that go through it and are read as before."""

import numpy as np
import pytest

from engine import load_digits, load_mnist
from engine.datasets import Dataset
from engine.studies.own_digit import as_in, ink_of, nearest, read, resized, shifted, small_network, trained_small
from tests.reference import MNIST, needs_mnist

DIGITS = load_digits()
LARGE = Dataset("", np.zeros((1, 784), np.uint8), np.zeros(1, np.uint8), np.zeros((1, 784), np.uint8), np.zeros(1, np.uint8), (28, 28), 10, 255)


def test_a_new_size_keeps_the_mean_and_takes_areas():
    assert resized(np.array([[1.0, 3.0], [5.0, 7.0]]), 1, 1) == pytest.approx(np.array([[4.0]]))
    assert resized(np.array([[1.0, 3.0]]), 1, 4) == pytest.approx(np.array([[1, 1, 3, 3.0]]))
    assert resized(np.array([[3.0, 6.0, 9.0]]), 1, 2) == pytest.approx(np.array([[4.0, 8.0]]))   # (3 + 6 / 2) / 1.5, (6 / 2 + 9) / 1.5
    x = np.random.default_rng(0).random((37, 91))
    assert resized(x, 13, 20).mean() == pytest.approx(x.mean())


def test_ink_is_what_differs_from_the_paper_whichever_is_darker():
    grey = np.full((10, 10), 200.0)
    grey[4:6, 2:8] = 20
    grey[0, 0] = 190   # a stain
    for picture in (grey, 255 - grey):
        ink = ink_of(picture)
        assert ink[5, 5] == 1
        assert ink[0, 0] == 0
        assert np.count_nonzero(ink) == 12
    for empty in (np.full((9, 9), 130.0), np.zeros((9, 9))):
        with pytest.raises(ValueError, match="no ink"):
            ink_of(empty)


def test_a_bar_lands_in_a_box_of_20_with_its_mass_in_the_middle_pixel():
    ink = np.zeros((100, 60))
    ink[10:90, 5:13] = 1
    image = as_in(LARGE, ink).reshape(28, 28)
    assert (np.flatnonzero(image.any(axis=1))[[0, -1]] == [4, 23]).all()    # 20 rows; their middle, 10, is rounded down to 4
    assert np.flatnonzero(image.any(axis=0)).tolist() in ([13, 14], [14, 15])   # 8 / 80 of 20 is 2
    assert image.max() == 255


def test_the_centre_of_mass_not_of_the_box_lies_in_the_middle():
    ink = np.zeros((40, 40))
    ink[:, :4] = 1      # an L
    ink[36:, :25] = 1
    image = as_in(LARGE, ink).reshape(28, 28).astype(float)
    for axis in (0, 1):
        at = (image.sum(axis=1 - axis) * (np.arange(28) + 0.5)).sum() / image.sum()
        assert abs(at - 14.5) <= 0.5
    assert np.flatnonzero(image.any(axis=1))[0] != 4   # the box is off the middle


def test_the_built_in_digits_fill_their_rows_and_no_ink_is_refused():
    ink = np.zeros((84, 84))
    ink[20:60, 30:50] = 1
    image = as_in(DIGITS, ink).reshape(8, 8)
    assert image.max() == 16
    assert image.any(axis=1).all()
    assert np.flatnonzero(image.any(axis=0)).tolist() == [2, 3, 4, 5]
    with pytest.raises(ValueError, match="no ink"):
        as_in(DIGITS, np.zeros((84, 84)))


def test_a_shift_moves_pixels_and_loses_those_that_leave():
    image = np.arange(64, dtype=np.uint8)
    assert (shifted(image, DIGITS).reshape(8, 8) == image.reshape(8, 8)).all()
    moved = shifted(image, DIGITS, right=2, down=-1).reshape(8, 8)
    assert (moved[:7, 2:] == image.reshape(8, 8)[1:, :6]).all()
    assert not moved[7].any()
    assert not moved[:, :2].any()


def test_the_nearest_image_to_a_training_image_is_itself_and_the_rest_follow_by_distance():
    found = nearest(DIGITS, DIGITS.x_train[123], 5)
    away = ((DIGITS.x_train.astype(float) - DIGITS.x_train[123]) ** 2).sum(axis=1)
    assert found[0] == 123
    assert away[found].tolist() == sorted(away)[:5]


def test_a_reading_is_what_the_network_predicts_and_counts_units_above_0():
    network = small_network(trained_small())
    found = read(network, DIGITS, DIGITS.x_test[0])
    x = DIGITS.x_test[:1].astype(np.float32) / 16
    assert found.probabilities == pytest.approx(network.predict(x)[0])
    z = x @ network.weights[0] + network.parameters[1].value
    assert found.fired[0] == (z > 0).sum()
    assert found.y[0] == pytest.approx(np.maximum(z, 0)[0], abs=1e-6)
    assert found.answer == found.probabilities.argmax()


def test_test_images_drawn_large_thick_and_off_the_middle_are_read_nearly_as_well_as_before():
    """Each is enlarged tenfold, put in a corner of a white sheet, and goes the way of a drawing."""
    network, right, as_before = small_network(trained_small()), 0, 0
    for image, label in zip(DIGITS.x_test, DIGITS.y_test, strict=True):
        sheet = np.full((120, 150), 255.0)
        sheet[30:110, 60:140] = 255 - np.kron(image.reshape(8, 8), np.ones((10, 10))) * 255 / 16
        again = as_in(DIGITS, ink_of(sheet))
        right += read(network, DIGITS, again).answer == label
        as_before += read(network, DIGITS, image).answer == label
    assert as_before >= 0.95 * len(DIGITS.y_test)
    assert right >= 0.93 * len(DIGITS.y_test)


@needs_mnist
def test_mnists_own_images_are_already_as_as_in_makes_them():
    data = load_mnist(MNIST)
    same = [np.abs(as_in(data, image.reshape(28, 28) / 255).astype(float) - image).mean() for image in data.x_test[:300]]
    assert np.median(same) < 3   # of 255
