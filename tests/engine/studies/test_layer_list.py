"""Layer lists: Keras's own counts, and those of the networks that the lists describe."""

import numpy as np
import pytest

from engine.activations import ACTIVATIONS
from engine.layers import Activate, BatchNorm, Dense, Dropout
from engine.network import Network
from engine.studies.layer_list import parse_layers, parse_widths, totals

AFTER = "784, BN, 300 elu, BN, 100 elu, BN, 10"                                  # the first listing of the notes
BEFORE = "784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, 10"               # the second, with one activation a layer
DOUBLED = "784, BN, 300 elu no bias, BN, elu, 100 elu no bias, BN, elu, 10"      # the second as it was printed


def test_the_first_listing_has_271346_parameters_and_its_rows():
    rows = parse_layers(AFTER).summary()
    assert totals(rows) == (271_346, 268_978, 2_368)
    assert [row.trainable + row.non_trainable for row in rows] == [0, 3136, 235_500, 1200, 30_100, 400, 1010]
    assert [row.non_trainable for row in rows] == [0, 1568, 0, 600, 0, 200, 0]
    assert [row.output_shape for row in rows] == [(None, n) for n in (784, 784, 300, 300, 100, 100, 10)]


def test_the_second_listing_has_270946_because_400_needless_biases_are_gone():
    rows = parse_layers(BEFORE).summary()
    assert totals(rows) == (270_946, 268_578, 2_368)
    assert [row.trainable + row.non_trainable for row in rows] == [0, 3136, 235_200, 1200, 0, 30_000, 400, 0, 1010]
    assert 271_346 - 270_946 == 300 + 100


def test_the_second_listing_as_printed_costs_the_same_and_bends_twice():
    doubled = parse_layers(DOUBLED)
    assert totals(doubled.summary()) == (270_946, 268_578, 2_368)
    assert doubled.doubled_activations() == [4, 7]
    assert parse_layers(BEFORE).doubled_activations() == []
    assert parse_layers(AFTER).doubled_activations() == []
    elu = ACTIVATIONS["elu"].f
    assert elu(elu(np.array([-1e3])))[0] == pytest.approx(-0.632, abs=5e-4)   # where it floors, instead of at -1


def test_a_bias_right_before_batch_norm_is_called_needless():
    assert parse_layers("784, 300, BN, elu, 10").needless_biases() == [1]
    assert parse_layers("784, 300 elu, BN, 10").needless_biases() == []
    assert parse_layers(BEFORE).needless_biases() == []


def real(layers):
    """The network that a list describes, with drawn weights: the outside oracle of the counts."""
    made, features = [], layers.inputs
    for item in layers.items:
        if item.kind == "dense":
            made.append(Dense(features, item.units, bias=item.bias, rng=np.random.default_rng(0)))
            features = item.units
        bend = [Activate(item.activation)] if item.activation else []
        made += {"batch_norm": [BatchNorm(features)], "dropout": [Dropout(item.rate)]}.get(item.kind, bend)
    return Network(made)


@pytest.mark.parametrize("text", [
    "784, BN, 30 elu, BN, 10 elu, BN, 10", "20, 30 no bias, BN, relu, dropout 0.2, 7 Leaky ReLU, 3", "5, prelu, 4 PReLU, 2",
    "1, 1", "12, bn, bn, 3,", *(f"6, 5 {name}, 2" for name in ACTIVATIONS),
])
def test_counts_agree_with_the_network_itself(text):
    layers = parse_layers(text)
    network = real(layers)
    built = network.summary()
    assert totals(layers.summary()) == totals(built)
    assert sum(row.trainable for row in built) == network.theta.size
    assert sum(row.non_trainable for row in built) == network.running.size
    assert layers.summary()[-1].output_shape == network.summary()[-1].output_shape


def test_names_are_counted_up_as_keras_does():
    assert [row.name for row in parse_layers("4, BN, 3, BN, 2").summary()] == ["flatten", "batch_norm", "dense", "batch_norm_1", "dense_1"]


@pytest.mark.parametrize(("text", "message"), [
    ("", "the list must start with the number of inputs"),
    ("BN, 10", "the list must start with the number of inputs, got 'BN'"),
    ("784", "the list must have at least one layer after the inputs, got none"),
    ("784, conv, 10", "layer 1 must be units .* got 'conv'"),
    ("784,, 10", "layer 1 must be units .* got ''"),
    ("784, 300 elo, 10", "layer 1 must name one of identity, .* after its units, got 'elo'"),
    ("784, 0", "layer 1 must be between 1 and 100,000, got 0"),
    ("784, 9999999999999999", "layer 1 must be between 1 and 100,000, got 9999999999999999"),
    ("0, 10", "inputs must be between 1 and 100,000, got 0"),
    ("-4, 10", "the list must start with the number of inputs, got '-4'"),
    ("784, dropout, 10", 'layer 1 must say its rate, as in "dropout 0.2", got'),
    ("784, dropout 1, 10", "layer 1: the dropout rate must be at least 0 and below 1, got 1"),
    ("784, BN no bias, 10", "layer 1 must be units"),
    ("4, " + "3, " * 61, "the list must have at most 60 layers, got 61"),
])
def test_errors_name_the_entry_and_what_it_may_be(text, message):
    with pytest.raises(ValueError, match=message):
        parse_layers(text)


@pytest.mark.parametrize(("text", "widths"), [
    ("300, 100", (300, 100)), ("5 × 100", (100,) * 5), ("5x100", (100,) * 5), ("2 X 30,7,", (30, 30, 7)), (" 3  *  4 ", (4, 4, 4)), ("1000", (1000,)),
    ("20 x 400", (400,) * 20),
])
def test_widths_are_read_as_people_write_them(text, widths):
    assert parse_widths(text) == widths


@pytest.mark.parametrize(("text", "message"), [
    ("", "entry 1 must be units, as in 300, or layers × units, as in 5 × 100; got ''"), ("300,,100", "entry 2 must be units"),
    ("300 elu", "entry 1 must be units"), ("5 × 100 × 2", "entry 1"), ("-5", "entry 1"), ("1e3", "entry 1"), ("٣", "entry 1"), ("9" * 300, "entry 1"),
    ("0", "a layer must have between 1 and 1,000 units, got 0"), ("1001", "got 1,001"), ("0 x 5", "between 1 and 20 hidden layers, got 0"),
    ("999999999 x 5", "between 1 and 20 hidden layers, got 999,999,999"), ("15 x 5, 6 x 5", "got 21"),
    ("7 x 1000", "at most 5,000,000 weights behind 784 pixels, got 6,794,000"),
])
def test_what_is_no_list_of_widths_or_too_much_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        parse_widths(text)
