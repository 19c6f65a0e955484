"""Why are deep networks hard to train, and what fixes it? The computation, in NumPy.

Read in this order: activations (the bend), initializers (the first weights), layers
(two equations each), losses, network (layers in a row over one vector), optimizers,
training (the loop), progress and judgement (what a run says of itself), datasets. What
depth does to a random network: propagation (with passes and together), measures, mean_field,
diagnosis. Then one small experiment a module in studies, and, to be sure of all this,
gradient_check. Three modules serve others: normal, parameters and mnist. verdict writes
the numbers and holds what is said of them; words has the thresholds of its words. slips
measures what the lecture notes say. standalone
(with statements) makes one file of a script and of what it uses here.
"""

from engine.activations import ACTIVATIONS, Activation
from engine.datasets import Dataset, load_digits, load_mnist
from engine.diagnosis import Diagnosis, diagnose
from engine.gradient_check import (
    BANDS,
    BUGS,
    CAUTIONS,
    FUNCTIONS,
    Bug,
    Caution,
    Cost,
    Exercise,
    GradientReport,
    GradientVerdict,
    ParameterReport,
    ScalarFunction,
    Secants,
    VCurve,
    band,
    best_epsilon,
    check_cost,
    check_directions,
    check_gradients,
    derivative,
    exercise,
    explain,
    fingerprint,
    numbered,
    numerical_gradient,
    plant,
    relative_error,
    secants,
    v_curve,
)
from engine.initializers import INITIALIZERS, Initializer
from engine.layers import Activate, BatchNorm, Dense, Dropout, Layer
from engine.losses import Penalty, softmax_cross_entropy, squared_error
from engine.mean_field import chi, critical_sigma_w, fixed_point, moments, variance_map
from engine.mnist import DatasetError
from engine.network import LayerSummary, Network, mlp
from engine.optimizers import OPTIMIZERS, SCHEDULES, SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from engine.parameters import Parameter
from engine.progress import Evaluation, Progress
from engine.propagation import Propagation, over_seeds, propagate
from engine.training import evaluate, train

__all__ = [
    "ACTIVATIONS", "BANDS", "BUGS", "CAUTIONS", "FUNCTIONS", "INITIALIZERS", "OPTIMIZERS", "SCHEDULES", "SGD", "Activate", "Activation",
    "AdaGrad", "Adam", "AdamW", "BatchNorm", "Bug", "Caution", "Cost", "Dataset", "DatasetError", "Dense", "Diagnosis", "Dropout",
    "Evaluation", "Exercise", "GradientReport", "GradientVerdict", "Initializer", "Layer", "LayerSummary", "Momentum", "Nesterov",
    "Network", "Parameter", "ParameterReport", "Penalty", "Progress", "Propagation", "RMSProp", "ScalarFunction", "Secants", "VCurve",
    "band", "best_epsilon", "check_cost", "check_directions", "check_gradients", "chi", "critical_sigma_w", "derivative",
    "diagnose", "evaluate", "exercise", "explain", "fingerprint", "fixed_point", "load_digits", "load_mnist", "mlp", "moments", "numbered",
    "numerical_gradient", "over_seeds", "plant", "propagate", "relative_error", "secants", "softmax_cross_entropy", "squared_error",
    "train", "v_curve", "variance_map",
]
