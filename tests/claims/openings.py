"""What the openings of the parts say: why each part matters is a claim, and is checked; the rest asks, points, or names what is drawn."""

import itertools
import math
from dataclasses import replace

import numpy as np

from engine import CAUTIONS, SGD, Dataset, Momentum, check_gradients, exercise, load_digits, mean_field, mlp, secants, train
from engine.activations import as_activation
from engine.diagnosis import survey
from engine.gradient_check.zoo import NUMBERED, fingerprint, numbered
from engine.initializers import INITIALIZERS
from engine.layers import BatchNorm
from engine.propagation import propagate
from engine.studies import by_hand, input_scaling, layer_list, linear, moment_map, normalization, ranking, scales, symmetry
from engine.studies.sixteen_scales import PUBLISHED
from engine.verdict import number
from pages.parts.activations import selu
from pages.parts.batch_norm import inputs
from pages.shared import predict
from pages.shared.part import PAGES
from tests.claims import mnist_compare, mnist_inside, mnist_overfitting, mnist_own, mnist_paths, mnist_published, mnist_rates
from tests.claims.claim import Claim
from tests.claims.collect import is_sentence


def grows_with_inputs():
    for seed in range(3):
        sizes = (10, 100, 1000)
        found = linear.neurons(sizes, [[1.0] * 3], seed=seed)[0]
        assert np.allclose([one.measured / n for one, n in zip(found, sizes, strict=True)], 1, rtol=0.2)
    assert as_activation("sigmoid").df(np.array([30.0]))[0] < 1e-12


def depth_makes_it_huge():
    assert round(linear.chain(1.1, 50)) == 107
    assert round(linear.chain(0.9, 50), 4) == 0.0057


def a_step_is_as_large_as_its_gradient():
    data = load_digits()
    network = mlp((64, 20, 10), rng=np.random.default_rng(0), dtype=np.float64)
    before, optimizer = network.theta.copy(), SGD(network, learning_rate=0.1)
    network.loss_and_gradient(data.x_train[:32] / 16, data.y_train[:32])
    optimizer.step()
    assert np.allclose(network.theta - before, -0.1 * network.gradient)


def a_factor_near_one():
    assert math.isclose(mean_field.chi(1.0, 1.0, "identity"), 1)
    assert 0.8**100 < 1e-9
    assert 1.25**100 > 1e9


def two_ways_count_two_numbers():
    """z of a unit is a sum of fan-in terms, the gradient of an input one of fan-out terms: so their mean squares differ, at one scale."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((20, 500))   # fan-in 20, fan-out 500
    assert math.isclose(np.mean((rng.standard_normal((300, 20)) @ w) ** 2), 20, rel_tol=0.2)
    assert math.isclose(np.mean((rng.standard_normal((300, 500)) @ w.T) ** 2), 500, rel_tol=0.2)


def a_factor_of_one_is_kept():
    assert 1.0**1000 == 1
    assert max(0.9**100, 1 / 1.1**100) < 1e-4
    signal = {activation: scales.keeps(scales.expected_by_gain(activation, 11)[0])[0] for activation in ("selu", "relu", "tanh", "sigmoid")}
    assert min(abs(a - b) for a, b in itertools.combinations(signal.values(), 2)) > 0.15


def one_rule_does_not_suit_all():
    pairs = {pair.activation: pair for pair in survey(30, activations=("selu", "relu"), width=64, samples=32, gain=1.0, seed=0, networks=8)
             if pair.initializer == "lecun_normal"}
    assert pairs["selu"].healthy > pairs["selu"].drawn / 2
    assert 0.1 < pairs["selu"].gradient < 30
    assert pairs["relu"].healthy == 0
    assert pairs["relu"].gradient < 1e-3


def equal_units_stay_equal():
    for activation in ("tanh", "relu", "sigmoid"):
        run = symmetry.count_units("digits", "constant", activation=activation, gain=0.1)
        assert (run.units[:, 0] == 1).all()


def slopes_of_a_sigmoid():
    assert as_activation("sigmoid").df(np.linspace(-50, 50, 10001)).max() == 0.25
    assert 0.25**10 < 1e-6


def a_slope_is_a_factor():
    network = mlp((1, 1, 1), activation="relu", rng=np.random.default_rng(0), dtype=np.float64)
    dense, bend, output = network.layers[:3]
    for z, factor in ((-1.0, 0.0), (2.0, 1.0)):
        dense.weight.value[...], dense.bias.value[...], output.weight.value[...] = 1.0, 0.0, 1.0
        network.forward(np.array([[z]]), training=True)
        assert bend.backward(np.array([[3.0]]))[0, 0] == 3 * factor


def a_product_with_a_zero():
    for given in ({"w5": 0.0}, {"x1": 0.0}, {"t": by_hand.passes(**by_hand.NOTES)["y"]}):
        assert by_hand.passes(**(by_hand.NOTES | given))["dw1"] == 0
    assert by_hand.passes(**by_hand.NOTES)["dw1"] != 0


def off_for_every_image():
    data = load_digits()
    network = mlp((64, 20, 10), rng=np.random.default_rng(0), dtype=np.float64)
    weight, bias = network.layers[0].weight, network.layers[0].bias
    bias.value[3] = -1e3
    network.loss_and_gradient(data.x_train[:200] / 16, data.y_train[:200])
    assert not weight.gradient[:, 3].any()
    assert not bias.gradient[3]
    assert weight.gradient[:, 4].any()


def selu_draws_near():
    for mean, variance in selu.STARTS:
        end = moment_map.trajectory(mean, variance, 300, "selu", sigma_w=1.0)[-1]
        assert np.allclose(end, (0, 1), atol=0.05)


def seeds_differ():
    steps = ranking.ranking(["relu"], depth=5, width=30, epochs=2, seeds=3, learning_rate=1e-3)
    assert len({step.test_accuracy for step in steps if step.last}) > 1


def learned_mean_and_spread():
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 16, 64):
        for spread in (1e-3, 1.0, 1e3):
            steps = normalization.normalize_batch(5 + spread * rng.standard_normal(size), gamma=-1.7, beta=0.3)
            assert math.isclose(steps.y.mean(), 0.3, abs_tol=1e-6)
            assert steps.y.std() <= 1.7 + 1e-9
    assert {p.name.rpartition(".")[2] for p in BatchNorm(3).parameters()} == {"gamma", "beta"}


def every_example_counts():
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal(8), rng.standard_normal(8)
    moved = x.copy()
    moved[0] += 1
    first, second = (normalization.gradient_terms(normalization.normalize_batch(one), dy).dx for one in (x, moved))
    assert np.abs(first - second).min() > 0
    assert abs(first.sum()) < 1e-12


def averages_replace_the_batch():
    layer, x = BatchNorm(2, dtype=np.float64), np.random.default_rng(0).standard_normal((50, 2))
    for _ in range(200):
        layer.forward(x, training=True)
    right = layer.forward(x[:1], training=False)
    assert np.allclose(right, layer.forward(x, training=False)[:1])
    layer.running_mean.value += 1.0
    assert (np.abs(layer.forward(x[:1], training=False) - right) > 0.5).all()


def the_scale_is_divided_out():
    z = np.random.default_rng(0).standard_normal((100, 5))
    once, half = (BatchNorm(5, epsilon=1e-12, dtype=np.float64).forward(s * z, training=True) for s in (1.0, 0.5))
    assert np.allclose(once, half)


def published_scales():
    without, with_it = np.array(list(PUBLISHED.values())).T
    assert (without > 0.5).sum() < len(PUBLISHED) / 3
    assert (with_it > 0.4).all()
    assert (with_it < without).any()


def four_numbers_a_unit():
    plain, normed, bare = (layer_list.totals(layer_list.parse_layers(f"784, {text}, 10").summary()) for text in ("300", "300, BN", "300 no bias, BN"))
    assert [after - before for before, after in zip(plain, normed, strict=True)] == [1200, 600, 600]
    assert normed[0] - bare[0] == 300
    x = np.random.default_rng(0).standard_normal((20, 3))
    assert np.allclose(*(BatchNorm(3, dtype=np.float64).forward(x + bias, training=True) for bias in (0.0, 7.0)))


def a_round_valley():
    for largest in inputs.CONTROLS[0].options:
        ways = {way: input_scaling.valley(input_scaling.features(largest), way) for way in inputs.WAYS}
        assert math.isclose(ways["std"].condition, 1, rel_tol=1e-6)
        assert ways["raw"].condition < 1.1 or ways["raw"].steps_needed(0.2) > ways["std"].steps_needed(0.2)


def values_alone():
    assert abs(secants("sin", 0.7, [1e-4])[0].two_sided - math.cos(0.7)) < 1e-8


def too_long_and_too_short():
    long, good, short = (secants("exp", 1.0, [epsilon])[0].two_sided_error for epsilon in (1.0, 1e-5, 1e-13))
    assert good < 1e-9 < short < long


def wrong_and_silent():
    e = exercise("missing_slope")
    loss, gradient = e.network.loss_and_gradient(e.x, e.labels)
    assert math.isfinite(loss)
    assert np.isfinite(gradient).all()
    grades = {row.grade for row in check_gradients(e.network, e.x, e.labels).by_parameter.values()}
    assert {"wrong", "right"} <= grades


def bugs_can_be_told_apart():
    spoilt = {frozenset(fingerprint(numbered(i).correct, NUMBERED[i - 1])) for i in range(1, len(NUMBERED) + 1)}
    assert len(spoilt) > 5


def checks_that_mislead():
    assert CAUTIONS["dropout"].check(False).grade == "right" != CAUTIONS["dropout"].check(True).grade
    assert CAUTIONS["late"].check(False).grade == "wrong"
    assert CAUTIONS["late"].check(True).relative_error < 1e-5


def by_heart():
    data = load_digits()
    few = Dataset(**{**vars(data), "x_train": data.x_train[:20], "y_train": data.y_train[:20]})
    network = mlp((64, 50, 10), rng=np.random.default_rng(0))
    *_, last = train(network, few, Momentum(network, learning_rate=0.03), epochs=100, batch_size=20, rng=np.random.default_rng(0), evaluate_every=100)
    assert last.evaluation.train_accuracy == 1
    assert last.evaluation.test_accuracy < 0.9


MATTERS = {
    "init_neuron": grows_with_inputs, "init_chain": depth_makes_it_huge, "init_deep": a_step_is_as_large_as_its_gradient,
    "init_phase": a_factor_near_one, "init_widths": two_ways_count_two_numbers, "init_gains": a_factor_of_one_is_kept,
    "init_matrix": one_rule_does_not_suit_all, "init_symmetry": equal_units_stay_equal,
    "act_product": slopes_of_a_sigmoid, "act_curves": a_slope_is_a_factor, "act_hand": a_product_with_a_zero, "act_dying": off_for_every_image,
    "act_selu": selu_draws_near, "act_ranking": seeds_differ, "bn_batch": learned_mean_and_spread, "bn_gradient": every_example_counts,
    "bn_running": averages_replace_the_batch, "bn_depth": the_scale_is_divided_out, "bn_scales": published_scales, "bn_cost": four_numbers_a_unit,
    "bn_input": a_round_valley, "grad_curve": values_alone, "grad_v": too_long_and_too_short, "grad_net": wrong_and_silent,
    "grad_bug": bugs_can_be_told_apart, "grad_cautions": checks_that_mislead, "mnist_training": by_heart,
    "mnist_paths": mnist_paths.check_ways_out, "mnist_rates": mnist_rates.check_ends, "mnist_own": mnist_own.check_shift,
    "mnist_compare": mnist_compare.check_luck, "mnist_published": mnist_published.check_seeds,
    "mnist_inside": mnist_inside.check_sigmoid,
    "mnist_overfitting": mnist_overfitting.check_few}


def variances_add():
    found = linear.neurons((100, 1000), [[1.0] * 2], seed=1)[0]
    assert math.isclose(math.sqrt(found[1].measured / found[0].measured), math.sqrt(10), rel_tol=0.2)


def factors_a_layer():
    """The gradient of a layer is that of the layer above, times weights and slopes: doubled weights double every factor of a linear network."""
    ways = []
    for gain in (1.0, 2.0):
        network = mlp((8, 8, 8, 8, 4), activation="identity", initializer="lecun_normal", gain=gain, rng=np.random.default_rng(0), dtype=np.float64)
        network.forward(np.ones((2, 8)), training=True)
        dy = np.ones((2, 4))
        for layer in reversed(network.layers):
            dy = layer.backward(dy)
        ways.append(np.abs(network.layers[0].weight.gradient).mean())
    assert math.isclose(ways[1] / ways[0], 2**3, rel_tol=1e-9)   # three layers of weights lie above the first


def no_shift_can_count():
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal(8), rng.standard_normal(8)
    assert abs(normalization.gradient_terms(normalization.normalize_batch(x), dy).dx.sum()) < 1e-12
    assert np.allclose(normalization.normalize_batch(x + 5).y, normalization.normalize_batch(x).y)


def starts_at_0_and_1():
    """At every momentum of the control: without one the batch's own numbers are there at once."""
    rng = np.random.default_rng(0)
    for momentum in next(control.options for control in PAGES["batch_norm"].controls if control.name == "momentum"):
        layer = BatchNorm(1, momentum=momentum, dtype=np.float64)
        assert (layer.running_mean.value[0], layer.running_var.value[0]) == (0, 1)
        for _ in range(5):
            x = 2 * rng.standard_normal((100, 1)) + 4
            before = [layer.running_mean.value[0], layer.running_var.value[0]]
            layer.forward(x, training=True)
            for old, new, own in zip(before, (layer.running_mean.value[0], layer.running_var.value[0]), (x.mean(), x.var()), strict=True):
                assert math.isclose(abs(new - own), momentum * abs(old - own), abs_tol=1e-12)


def divides_both_ways():
    rng = np.random.default_rng(0)
    for spread in (0.1, 1.0, 10.0):
        steps, dy = normalization.normalize_batch(spread * rng.standard_normal(50), epsilon=1e-12), rng.standard_normal(50)
        assert math.isclose(steps.normalized.std(), 1, rel_tol=1e-6)
        assert np.allclose(normalization.gradient_terms(steps, dy).direct, dy / steps.x.std())


def one_size_for_all():
    """Every rule but LSUV draws the same weights whatever the activation; and activations want different ones."""
    for rule in INITIALIZERS:
        drawn = {propagate(depth=3, width=20, activation=name, initializer=rule, samples=20, rng=np.random.default_rng(0)).sigma_w[1]
                 for name in ("relu", "tanh", "sigmoid")}
        assert (len(set(map(str, drawn))) > 1) == (rule == "lsuv"), rule   # equal weights have no σ_w: nan
    assert len({round(mean_field.moments(name).gain, 3) for name in ("identity", "sigmoid", "tanh", "relu", "elu", "gelu", "swish")}) == 7


def digits_are_lost():
    long, short = (secants("exp", 1.0, [epsilon])[0].two_sided_error for epsilon in (1e-5, 1e-12))
    assert short > 100 * long


def shares_of_one():
    network = mlp((64, 10), rng=np.random.default_rng(0))
    noise = np.random.default_rng(1).uniform(0, 1, (20, 64)).astype(np.float32)
    assert np.allclose(network.predict(noise).sum(axis=1), 1, atol=1e-5)


def an_average_is_neither():
    for fan_in, fan_out in itertools.combinations((10, 50, 200), 2):
        std = math.sqrt(scales.RULES["glorot"](fan_in, fan_out))
        assert abs(fan_in * std**2 - 1) > 0.2
        assert abs(fan_out * std**2 - 1) > 0.2


def weights_give_back():
    """A layer keeps the gradient at a gain of one over the root of the slopes' mean square: so it is where the slopes are known."""
    for activation, mean_square in (("identity", 1.0), ("relu", 0.5), ("leaky_relu", 0.50005)):
        assert math.isclose(scales.keeps(scales.expected_by_gain(activation, 11)[1])[0], mean_square**-0.5, rel_tol=1e-6)


WHY = MATTERS | {   # what a question says after its answer, where that is not why its part matters
    "init_neuron": variances_add, "init_widths": an_average_is_neither, "init_gains": weights_give_back,
    "init_deep": factors_a_layer, "init_matrix": one_size_for_all, "bn_gradient": no_shift_can_count, "bn_running": starts_at_0_and_1,
    "bn_depth": divides_both_ways,
    "grad_v": digits_are_lost, "mnist_own": shares_of_one}


def answers_follow_the_numbers():
    """Every number on either side of a bound gets the choice of that side; what is measured is compared in tests/pages/test_predict.py."""
    for page in PAGES.values():
        for part in page.parts:
            if part.predict:
                for i, bound in enumerate(part.predict.bounds):
                    for x, place in ((bound - 1e-9 * abs(bound), i), (bound, i + 1)):
                        asked = replace(part.predict, measured=lambda v, shown, x=x: x)
                        assert predict.right(asked, None, None) == (place, part.predict.said.format(number(x)))


def openings(stem: str) -> dict[str, Claim]:
    """The openings of a page's parts, as entries of its table."""
    said: dict[str, Claim] = {}
    for part in PAGES[stem].parts:
        said[part.question] = Claim("at the head of its part", why_not="a question")
        said[part.sees] = Claim("before its picture", why_not="names what is drawn")
        said[part.first] = Claim("before its picture", why_not="an instruction and a question")
        said[part.matters] = Claim("at every setting of its part", MATTERS[f"{PAGES[stem].prefix}_{part.key}"])
        if part.predict:
            asked = {part.predict.ask: Claim("above its picture", why_not="a question"),
                     **({part.predict.sketch.ask: Claim("above its sketch", why_not="names what is drawn")} if part.predict.sketch else {}),
                     **dict.fromkeys(part.predict.choices, Claim("above its picture", why_not="a choice")),
                     part.predict.said: Claim("after an answer, with the number measured", answers_follow_the_numbers),
                     part.predict.why: Claim("after an answer", WHY[f"{PAGES[stem].prefix}_{part.key}"])}
            said |= {text: claim for text, claim in asked.items() if is_sentence(text)}
    return said
