"""The words and symbols of the app: one meaning each, in one sentence, with the notes' notation beside ours.

A word that an opening says is dotted there and tells its meaning; below a part's formulas stand all that the part says.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "sigma": "σ", "varphi": "φ", "chi": "χ", "partial": "∂"}
HATS = {"x": "x̂", "y": "ŷ", "mu": "μ̂", "sigma": "σ̂"}
BASIC = {"unit", "layer", "input", "weight", "answer", "depth", "mean"}  # not dotted: too many dots point at nothing
PLAIN = {"e", "i"}  # Euler's number, and what counts the terms of a sum


@dataclass(frozen=True)
class Entry:
    word: str
    meaning: str
    here: str = ""  # the symbol, as the app writes it
    notes: str = ""  # and the lecture notes
    symbols: tuple[str, ...] = ()  # as `symbols_in` finds them; "L@bn_gradient" means this in that part only
    said: str = ""  # a pattern for other forms of the word
    pages: str = ""  # prefixes of the pages on which the word is meant so; all, if none is named
    pictures: str = ""  # parts whose pictures or tables say it


GLOSSARY = (
    Entry("unit", "A neuron: it adds up its inputs, each times a weight, and bends the sum."),
    Entry("layer", "Units that all get the same inputs; what they give is the input of the next layer."),
    Entry("input", "What goes into the network, or into one of its layers.", "x", "x", ("x",)),
    Entry("weight", "A number by which a unit multiplies one of its inputs; W holds all weights of a layer.", "w, W", "w, W", ("w", "W")),
    Entry("bias", "A number that a unit adds to its weighted sum.", "b", "b", ("b",), "biases", pictures="grad_bug"),
    Entry("pre-activation", "The weighted sum of a unit, before its activation bends it.", "z", "z", ("z",)),
    Entry("activation", "The function that bends z; also its value, which the unit gives to the next layer.", "φ", "g", ("φ",)),
    Entry("slope", "How steeply a curve rises at one place; that of an activation is φ′.", "φ′", pictures="grad_net grad_cautions"),
    Entry("sigmoid", "The activation 1 / (1 + e⁻ᶻ), which lies between 0 and 1.", "σ(z)", "σ(z)", ("σ@init_neuron", "σ@act_hand"), pictures="act_ranking"),
    Entry("constant of an activation", "A number in its formula: the slope on the left, or a factor.", "α, λ", "", ("α", "λ@act_curves")),
    Entry("output", "What comes out of a unit or a layer, after the activation; a where it is that of a hidden unit.", "y, a", "a", ("y", "a@act_hand"), pictures="init_deep act_curves mnist_own grad_net grad_bug grad_cautions"),
    Entry("answer", "What the network says of an input; p are its probabilities, one for each class.", "ŷ, p", "ŷ", ("ŷ", "p")),
    Entry("target", "The answer that would be right.", "t", "", ("t",)),
    Entry("signal", "What flows forward through a network: the values that its layers hand on."),
    Entry("loss", "How wrong the answers are, averaged over the examples.", "J", "J, L", ("J", "L@bn_gradient"), "losses|error J", pictures="grad_cautions"),
    Entry(
        "gradient", "By how much the loss grows when a weight, or a value on the way, grows a little.", "∂J/∂w, dx, δ", "dw",
        ("∂", "d", "δ"), pictures="mnist_paths"),
    Entry("backpropagation", "The way to compute all gradients at once: from the loss backwards, layer by layer.", said="backward pass(?:es)?|backprop"),
    Entry("gradient descent", "Training by steps against the gradient, each the learning rate times as long."),
    Entry("learning rate", "How long a step of training is, in units of the gradient.", "η", "α", ("η",)),
    Entry("depth", "The number of layers; l is one of them.", "L, l", "L, l", ("L", "l")),
    Entry("width", "The number of units in a layer; the inputs of one unit are its fan-in.", "n", "n", ("n",), "fan-in"),
    Entry("fan-out", "The number of units that one input of a layer goes to; it is the layer's width.", "n_out", ""),
    Entry("mean", "The sum of some numbers, divided by how many they are.", "μ", "μ", ("μ",)),
    Entry("mean over random draws", "What the average tends to when a random number is drawn again and again.", "E[ ]", "", ("E",)),
    Entry("spread", "How far numbers scatter around their mean: their standard deviation.", "σ", "σ", ("σ", "std"), "standard deviations?", pictures="mnist_overfitting"),
    Entry("variance", "The square of the spread.", "Var, σ², ν", "σ²", ("Var", "ν"), pictures="init_chain"),
    Entry("mean square", "The average of the squares of some numbers; of z in a layer it is q, and q* where it settles.", "q", "", ("q",), pictures="init_gains"),
    Entry("root mean square", "The root of the mean square: the size of a gradient on these pages.", "RMS", "", ("RMS",), "RMS", pictures="init_deep init_phase bn_depth grad_v"),
    Entry("standard normal number", "A random number from the bell curve with mean 0 and spread 1.", "u, N(0, 1)", "", ("u", "N")),
    Entry("histogram", "Bars that count how many values lie where."),
    Entry("first weights", "The weights before any training; an initializer is the rule that draws them.", said="initializers?", pictures="act_dying act_ranking"),
    Entry("gain", "A factor on all the weights that a rule draws; in the linear chain it is all that a layer does.", "a", "", ("a@init_chain", "a@init_gains")),
    Entry("weight scale", "The spread of a layer's weights times the root of its fan-in.", "σ_w", "", ("σ_w",)),
    Entry("bias scale", "The spread of the biases.", "σ_b", "", ("σ_b",)),
    Entry("singular value", "How far a matrix stretches one of its directions; the largest is σ_max.", "σ_max", "", ("σ@init_chain",)),
    Entry("factor per layer", "By how much the gradient's mean square changes from one layer to the layer before.", "χ", "", ("χ",), "χ"),
    Entry("depth scale", "The number of layers in which the gradient's mean square changes by the factor e = 2.72.", "ξ", "", ("ξ",), "ξ", pictures="init_phase"),
    Entry("saturated", "So far out that the activation is flat: its slope is below a twentieth of its steepest.", said="saturates?|saturation", pictures="init_deep init_phase act_curves init_matrix"),
    Entry("rank", "How many directions the outputs of a layer fill, over all inputs: 1 if its units all move together.", pictures="init_deep", pages="init"),
    Entry("dead unit", "A unit that every input leaves switched off: its slope is always 0, and no gradient reaches its weights.", said="dead|unit die", pictures="init_deep act_curves init_matrix"),
    Entry("kink", "A place where a curve turns sharply, so that it has no slope there, as ReLU at 0.", pictures="act_curves grad_net grad_bug grad_cautions"),
    Entry("mini-batch", "The few examples of one step of training; m is their number.", "m", "m", ("m",), "batch(?:es)?(?! norm)"),
    Entry("step", "One batch: its gradient is taken, and the weights are changed once.", pages="init act bn mnist"),
    Entry("epoch", "Once through all training images."),
    Entry("normalised value", "A value less its batch's mean, divided by its batch's spread.", "x̂", "", ("x̂",), "x̂"),
    Entry("batch norm", "A layer that takes away the mean and the spread of each unit's values in the batch.", "BN", "", ("BN",), pictures="grad_bug"),
    Entry("scale and shift", "What batch norm learns for each unit: its new spread γ and its new mean β.", "γ, β", "γ, β", ("γ", "β"), "γ|β"),
    Entry("running statistics", "Averages of the batches' means and variances, kept while training, to be used afterwards.", "μ̂, σ̂²", "", ("μ̂", "σ̂"), "running (?:mean|variance)s?"),
    Entry("small number in a division", "It keeps the division by a spread finite.", "ε", "ε", ("ε",)),
    Entry("factor on the weights", "A number by which all weights are multiplied.", "s", "", ("s",)),
    Entry("curvature", "How sharply a valley bends in a direction; λ_max is the largest, λ_min the least.", "λ", "", ("λ@bn_input",)),
    Entry("condition number", "The largest curvature of a valley over the least: 1 is round, a million is a long ditch.", "κ", "", ("κ",)),
    Entry("penalty", "What is added to the loss to keep weights small; λ is its factor.", "λ", "λ", ("λ",), pictures="grad_bug"),
    Entry("dropout", "Silencing units at random in each step of training.", pictures="grad_bug grad_cautions"),
    Entry("tangent", "The straight line that touches a curve at one place, and has its slope there."),
    Entry("secant", "A straight line through two points of a curve; its slope stands in for the tangent's.", said="differences?|measured slope", pages="grad", pictures="grad_bug grad_cautions"),
    Entry("curve", "The function whose slope is taken.", "f", "", ("f",), pages="grad"),
    Entry(
        "step of a difference", "How far from θ a function is evaluated to measure its slope.", "ε", "ε",
        ("ε@grad_curve", "ε@grad_v", "ε@grad_net", "ε@grad_bug", "ε@grad_cautions"), "steps?", pages="grad", pictures="grad_cautions"),
    Entry("rounding", "What a computer loses because it keeps 7 or 16 digits: u of a number, at most.", "u", "", ("u@grad_v",), pictures="grad_bug grad_cautions"),
    Entry("parameters", "All weights and biases, in one long vector; of a curve, θ is the place. P is how many they are.", "θ, P", "θ", ("θ", "P"), "parameter", pictures="grad_cautions"),
    Entry("the two sides of a check", "a is the gradient by backpropagation, b the one by differences.", "a, b", "", ("a", "b@grad_net", "b@grad_bug", "b@grad_cautions")),
    Entry("vacuous", "Of a check: 0 was compared with 0, or rounding with rounding, so nothing was tested.", pictures="grad_net grad_bug grad_cautions"),
    Entry("seed", "A number from which random numbers are drawn: the same seed, the same numbers."),
    Entry(
        "valley", "A made-up loss of two numbers: x along the valley and y across; f is its height and g its gradient.", "f, x, y, g", "",
        ("f@mnist_paths", "x@mnist_paths", "y@mnist_paths", "g@mnist_paths"), pages="mnist"),
    Entry("number of the step", "t counts the steps of a training; T is the last one.", "t, T", "", ("t@mnist_rates", "T@mnist_rates")),
    Entry("pair of activations", "Two activations of which the claim says that A is better than B.", "A, B", "", ("A", "B")),
)


def symbols_in(latex: str) -> set[str]:
    """The symbols of a formula, in plain letters, without subscripts but those of σ_w and σ_b: {"χ", "σ_w", "z"}."""
    text = re.sub(r"\\\\\[\dpt\]|\\text\s*\{[^{}]*\}|\\(?:begin|end)\{\w+\}|\\mathbb\{\w\}", " ", latex)
    names = re.findall(r"\\mathrm\{(\w+)\}", text)
    text = re.sub(r"\\mathrm\{\w+\}", " ", text).replace(r"\mathcal{N}", "N")
    found = {HATS[letter] for letter in re.findall(r"\\hat\s*\\?(x|y|mu|sigma)", text)}
    text = re.sub(r"\\hat\s*\\?(x|y|mu|sigma)", " ", text)
    found |= {f"σ_{letter}" for letter in re.findall(r"\\sigma_([wb])(?![a-z])", text)}
    text = re.sub(r"\\sigma_[wb](?![a-z])", " ", text)
    text = re.sub(r"(?<!\})_(?:\{[^{}]*\}|\w|\\[a-z]+)", " ", text)
    found |= {GREEK[command] for command in re.findall(r"\\([A-Za-z]+)", text) if command in GREEK}
    letters = set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", text)))
    return (found | letters | {name for name in names if name != "ReLU"}) - PLAIN


def of_symbol(symbol: str, part: str) -> Entry | None:
    """What a symbol means in a part such as "bn_gradient"."""
    for wanted in (f"{symbol}@{part}", symbol):
        for entry in GLOSSARY:
            if wanted in entry.symbols:
                return entry
    return None


@lru_cache(maxsize=2000)
def of_word(word: str, page: str) -> Entry | None:
    """What a word means on a page such as "bn"; of several entries, the one with the longest name."""
    fits = (entry for entry in BY_LENGTH if page in (entry.pages or page).split() and re.fullmatch(entry_pattern(entry), word, re.IGNORECASE))
    return next(fits, None)


@lru_cache(maxsize=1000)
def matches(text: str, page: str) -> list[tuple[re.Match, Entry]]:
    """The words of the glossary that a page says. To be read only."""
    return [(match, entry) for match in EVERY.finditer(text) if (entry := of_word(match[0], page))]


def entries_of(part: str, texts: Iterable[str], formulas: Iterable[str]) -> list[Entry]:
    """What a part such as "bn_gradient" says in its texts and formulas, in the order of the glossary."""
    said = [entry for text in texts for _, entry in matches(text, part.partition("_")[0])]
    meant = [of_symbol(symbol, part) for symbol in {symbol for line in formulas for symbol in symbols_in(line)}]
    return [entry for entry in GLOSSARY if entry in said or entry in meant or part in entry.pictures.split()]


def dotted(text: str, page: str, told: set[Entry]) -> str:
    """HTML of a text in which words tell their meaning, to pointer, keyboard and reader; each once, see `told`."""
    pieces, end = [], 0
    for match, entry in matches(text, page):
        if entry in told or entry.word in BASIC:
            continue
        told.add(entry)
        name = f"meaning-{GLOSSARY.index(entry)}"
        tip = f'<span role="tooltip" id="{name}" hidden>{html.escape(entry.meaning)}</span>'
        pieces += [html.escape(text[end:match.start()]), f'<dfn tabindex="0" aria-describedby="{name}">{html.escape(match[0])}{tip}</dfn>']
        end = match.end()
    return "".join([*pieces, html.escape(text[end:])])


def entry_pattern(entry: Entry) -> str:
    return rf"{re.escape(entry.word)}s?" + (f"|{entry.said}" if entry.said else "")


BY_LENGTH = sorted(GLOSSARY, key=lambda entry: -len(entry.word))
EVERY = re.compile(rf"(?<![\w-])(?:{'|'.join(map(entry_pattern, BY_LENGTH))})(?![\w-])", re.IGNORECASE)
