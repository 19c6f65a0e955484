"""Reading: one sentence on one experiment with batch norm, as a teacher would say it, and the change that would help."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from engine.propagation import Propagation
from engine.studies.input_scaling import TestScaling, Valley
from engine.studies.layer_list import LayerList, totals
from engine.studies.normalization import BatchSteps, GradientTerms, RunningStatistics, ScaleInvariance
from engine.studies.sixteen_scales import SCALES, where_it_loses
from engine.verdict import Verdict, number, power

Array = np.ndarray
said = number   # as old pages call it


def read_batch(steps: BatchSteps) -> Verdict:
    """Kinds are those of `BatchSteps.kind`."""
    m, kind, largest = len(steps.x), steps.kind(), float(np.abs(steps.normalized).max())
    if kind == "one":
        return Verdict(kind, f"A batch of one is its own mean: x − μ = 0, so y = β = {number(steps.beta)} whatever x is. Nothing passes, "
                       "forward or back.", {"size": 8})
    if kind == "constant":
        return Verdict(kind, f"All {m} values are equal: σ² = 0, and only ε keeps the division finite. Every y is β = {number(steps.beta)}.",
                       {"spread": 1.0})
    if kind == "epsilon":
        return Verdict(kind, f"ε is {number(100 * steps.epsilon_share)} % of σ² + ε: the batch's own variance, {number(steps.variance)}, "
                       f"hardly counts, and x̂ has variance {number(1 - steps.epsilon_share)} instead of 1.",
                       {"epsilon": 1e-12 if steps.variance < 1e-5 else 1e-5})
    if kind == "two":
        return Verdict(kind, f"Two values always become −1 and +1, here up to ε ±{number(largest, 4)}. Only their order is left.", {"size": 8})
    limit = math.sqrt(m - 1)
    text = (f"The mean {number(steps.mean)} and the spread {number(math.sqrt(steps.variance))} of the batch are gone; γ and β give y "
            f"the mean {number(steps.beta)} and the spread {number(abs(steps.gamma) * math.sqrt(1 - steps.epsilon_share))}. ")
    if largest > 0.9 * limit:
        return Verdict(kind, text + f"One value is far out, and still |x̂| = {number(largest)}: "
                       f"among {m} no value can be beyond √(m − 1) = {number(limit)}.")
    return Verdict(kind, text + f"The order and the relative distances of the {m} values stay.")


def read_gradient(steps: BatchSteps, terms: GradientTerms, invariance: ScaleInvariance) -> Verdict:
    """Kinds: "nothing" (batches of one and two), or "usual"."""
    direct, left, m = np.linalg.norm(terms.direct), np.linalg.norm(terms.dx), len(steps.x)
    if m <= 2:
        return Verdict("nothing", f"In a batch of {m} the gradient that arrives is taken back by the mean{' and the variance' if m == 2 else ''}: "
                       f"{number(left, 2)} of {number(direct, 2)} is left. A network cannot learn through it.", {"size": 8})
    kept = 100 * left**2 / direct**2 if direct else 0.0
    middle = len(invariance.scales) // 2
    return Verdict("usual", f"Of the direct gradient {kept:.0f} % (squared) gets through. What is missing lies along (1, …, 1), which would shift "
                   f"the batch, and along x̂, which would stretch it: Σ dx = {number(terms.dx.sum(), 2)}, dx · x̂ = "
                   f"{number(terms.dx @ steps.normalized, 2)}. "
                   f"A bias before batch norm gets a gradient of {number(invariance.bias_gradient[middle], 2)} "
                   f"(without batch norm {number(invariance.plain_bias_gradient[middle], 2)}): leave it out.")


def read_running(run: RunningStatistics, steps: int) -> Verdict:
    """Kinds: "one" (batches of one), "early", "shifted" or "usual"."""
    mean, std = float(run.use_mean[steps]), float(run.use_std[steps])
    gap = f"in use x̂ has mean {number(mean, 2)} and spread {number(std, 2)} instead of 0 and 1"
    if run.batch_size == 1 and steps:
        return Verdict("one", f"A batch of one has no variance, so the running variance falls towards 0: after {steps} steps {gap}.",
                       {"run_size": 32})
    shifted = run.true_mean[steps] != run.true_mean[0]
    if shifted and abs(mean) > 0.25:
        return Verdict("shifted", f"The inputs have moved and the running mean follows by {number(1 - run.momentum, 2)} of the gap a step: {gap}. "
                       "Training mode does not notice.", {"evaluate": 100} if run.momentum <= 0.95 else {"momentum": 0.9})
    gone = run.way_gone(steps)
    if gone < 0.95 and not shifted:
        left = power(steps, f"{run.momentum:g}")
        return Verdict("early", f"After {steps} steps the running statistics have gone 1 − {left} = {100 * gone:.0f} % of the way: {gap}. "
                       "Evaluated now, a network that trains well looks bad.", {"evaluate": 50} if run.momentum <= 0.9 else {"momentum": 0.9})
    note = f" Batches of {run.batch_size} see only {run.batch_size - 1}/{run.batch_size} of the variance." if run.batch_size <= 8 else ""
    agree = "agree roughly" if abs(mean) > 0.1 or abs(std - 1) > 0.1 else "agree"
    return Verdict("usual", f"After {steps} steps {gap}: training and use {agree}.{note}")


def read_depth(runs: Mapping[str, Propagation]) -> Verdict:
    """One network without batch norm ("none"), one with it "before" and one with it "after" the activation. Kinds: "helps", "harmless"."""
    def ratio(run: Propagation) -> float:
        last = float(run.gradient_rms[-1])
        return float(run.gradient_rms[0]) / last if last else math.nan

    plain, before, after = (runs[name] for name in ("none", "before", "after"))
    kept, depth = ratio(plain), len(plain.std)
    lost = not (1e-2 < kept < 1e2 and 1e-2 < plain.std[-1] < 1e2)
    text = (f"Without batch norm the last of {depth} layers has a spread of {number(plain.std[-1], 2)}, and the first layer's gradient is "
            f"{number(kept, 2)} of the last one's. With it before the activation these are {number(before.std[-1], 2)} and "
            f"{number(ratio(before), 2)}, after it {number(after.std[-1], 2)} and {number(ratio(after), 2)}. ")
    if lost:
        return Verdict("helps", text + "Batch norm finds the scale by itself, whatever the weights' was.")
    return Verdict("harmless", text + "At this scale the plain network does well by itself.")


def read_scales(accuracy: Array | None, epoch: int, scales: Sequence[float] = SCALES) -> Verdict:
    """Accuracy (2, scales) after so many epochs. Kinds: "ready", or "read"."""
    if accuracy is None:
        return Verdict("ready", "Press **Start**: 32 networks train at once, and each gets a point after every epoch.")
    wins = int(np.count_nonzero(accuracy[1] > accuracy[0] + 0.02))
    text = f"After {epoch} epoch{'s' * (epoch > 1)} batch norm is ahead at {wins} of {len(scales)} scales"
    losses = where_it_loses(accuracy)
    if not losses:
        return Verdict("read", text + ".")
    worst = ", ".join(f"σ = {number(scales[k], 2)} ({100 * accuracy[1, k]:.0f} % against {100 * accuracy[0, k]:.0f} %)" for k in losses[:3])
    return Verdict("read", f"{text}. It is **behind** at {worst}: where the weights happen to fit, normalising slows the first epochs.")


def read_cost(layers: LayerList) -> Verdict:
    """Kinds: "doubled" (an activation after an activation), "bias" (one that batch norm subtracts), or "usual"."""
    total, trainable, kept = totals(layers.summary())
    text = f"{total:,} parameters: {trainable:,} are trained, {kept:,} are kept as running means and variances. "
    if layers.doubled_activations():
        where = ", ".join(map(str, layers.doubled_activations()))
        return Verdict("doubled", text + f"Layer {where} bends what is bent already; elu(elu(x)), say, cannot fall below −0.632. "
                       "Let only one of the two stand.")
    if layers.needless_biases():
        where = layers.needless_biases()
        saved = sum(layers.items[i - 1].units for i in where)
        return Verdict("bias", text + f"The {saved:,} biases of layer {', '.join(map(str, where))} are subtracted again by the batch norm behind: "
                       "say “no bias”.")
    norms = sum(item.kind == "batch_norm" for item in layers.items)
    share = 100 * 2 * kept / total if total else 0
    return Verdict("usual", text + (f"Batch norm costs {2 * kept:,} of them, {number(share, 2)} %." if norms else "There is no batch norm in it."))


def read_input(valleys: Mapping[str, Valley], share: float, rows: Sequence[TestScaling]) -> Verdict:
    """Kinds: "diverges", or "usual"."""
    kappa = {way: number(valley.condition) for way, valley in valleys.items()}
    text = f"Condition number raw {kappa['raw']}, divided by σ² {kappa['variance']}, by σ {kappa['std']}. "
    if share >= 1:
        return Verdict("diverges", text + "At 2/λ_max or more gradient descent never comes down.", {"share": 0.5})
    steps = {way: number(valley.steps_needed(share)) for way, valley in valleys.items()}
    return Verdict("usual", text + f"To a millionth of the loss it takes {steps['raw']}, {steps['variance']} and {steps['std']} steps: to divide by "
                   "the variance only swaps which feature is too large. Test data scaled by their own numbers have "
                   f"{number(rows[1].error / rows[0].error, 2)} times the error.")
