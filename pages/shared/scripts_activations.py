"""The scripts that repeat each part of the Activations page with the engine alone. They print the page's numbers as CSV."""

from collections.abc import Mapping, Sequence

from pages.shared.runs_activations import Members, RankingSettings


def member(key: str, options: Sequence[tuple[str, float]]) -> str:
    return f"as_activation({', '.join([repr(key), *(f'{name}={value!r}' for name, value in options)])})"


def table(members: Members) -> str:
    rows = "".join(f"    {member(key, options)},\n" for key, options in members)
    return f"table = [\n{rows}]\n"


def curves(members: Members, z: float) -> str:
    return f"""from engine.activations import as_activation
from engine.studies.curves import facts, values_at

{table(members)}print("activation,phi,slope")
for name, phi, slope in values_at(table, {z!r}):
    print(f"{{name}},{{phi!r}},{{slope!r}}")
for activation in table:
    f = facts(activation)
    print(f"# {{f.activation.name}}: {{f.low:.4g}} … {{f.high:.4g}}, mean {{f.mean:.3f}}, steepest {{f.steepest:.4g}}")
"""


def hand(given: Mapping[str, float]) -> str:
    return f"""from engine.studies.by_hand import solve

forward, backward = solve({", ".join(f"{name}={value!r}" for name, value in given.items())})
print("step,value")
for step in (*forward, *backward):
    print(f"{{step.key}},{{step.value!r}}")
"""


def product(members: Members, initializer: str, gain: float, depth: int, width: int, seeds: int) -> str:
    return f"""import numpy as np

from engine.activations import as_activation
from engine.studies.slopes import gradient_reach

{table(members)}print("activation,initializer,layer,value,theory")
for activation in table:
    for initializer, gain in (("its own", 1.0), ({initializer!r}, {gain!r})):
        rule = None if initializer == "its own" else initializer
        reach = gradient_reach(activation, rule, gain=gain, depth={depth}, width={width}, seeds={seeds})
        theory = np.full({depth}, np.nan) if reach.theory is None else reach.theory
        middle = np.median(reach.measured, axis=0)
        for i in range({depth}):
            print(activation.name, initializer, i + 1, float(middle[i]), float(theory[i]), sep=",")
"""


def dying(members: Members, rate: float, bias: float, depth: int, seed: int) -> str:
    return f"""from engine.activations import as_activation
from engine.studies.dying import watch_units

{table(members)}print("activation,step,off,dead,accuracy")
for activation in table:
    for w in watch_units(activation, learning_rate={rate!r}, bias={bias!r}, depth={depth}, seed={seed}):
        print(activation.name, w.step, *map(float, (w.off.mean(), w.dead.mean(), w.accuracy)), sep=",")
"""


def selu(
    key: str, options: Sequence[tuple[str, float]], mean: float, variance: float, depth: int, initializer: str, gain: float, **layer: object
) -> str:
    drop = ", ".join(f"{name}={value!r}" for name, value in layer.items())
    return f"""import numpy as np

from engine.activations import as_activation
from engine.studies.moment_map import sigma_w_of, simulate, trajectory

phi, start, depth = {member(key, options)}, ({mean!r}, {variance!r}), {depth}
initializer, gain = {initializer!r}, {gain!r}
theory = trajectory(*start, depth, phi, sigma_w=sigma_w_of(initializer, gain), {drop})
network = simulate(*start, depth, phi, initializer=initializer, gain=gain, {drop},
                   rng=np.random.default_rng(0))
print("layer,mean,variance,measured_mean,measured_variance")
for layer, row in enumerate(np.hstack([theory, network])):
    print(layer, *(repr(float(x)) for x in row), sep=",")
"""


def ranking(settings: RankingSettings) -> str:
    s = settings
    return f"""from engine.activations import as_activation
from engine.studies.ranking import ranking

{table(s.members)}print("activation,seed,accuracy")
for step in ranking(table, depth={s.depth}, width={s.width}, epochs={s.epochs}, seeds={s.seeds},
                    learning_rate={s.rate!r}):
    if step.last:
        print(f"{{step.activation}},{{step.seed}},{{step.test_accuracy!r}}")
"""
