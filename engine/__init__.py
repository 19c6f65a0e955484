"""Why are deep networks hard to train, and what fixes it? The computation, in NumPy.

Read in this order: activations (the bend), initializers (the first weights), layers
(two equations each), losses, network (layers in a row over one vector), optimizers,
training (the loop), datasets. What depth does to a signal: linear, measures,
propagation, mean_field, diagnosis, symmetry. Of activations in particular: curves,
by_hand, slopes, moment_map, dying, ranking; of batch norm: normalization, layer_list,
input_scaling, sixteen_scales. Then, to be sure of all this: finite_differences,
gradient_check (with structured, gradient_report and gradient_verdict), bugs, bug_zoo
and cautions.
"""

from engine.activations import ACTIVATIONS, Activation
from engine.bug_zoo import BUGS, Bug, Exercise, choices, exercise, fingerprint, numbered, plant
from engine.cautions import CAUTIONS, Caution
from engine.datasets import Dataset, DatasetError, load_digits, load_mnist
from engine.diagnosis import Diagnosis, diagnose
from engine.finite_differences import FUNCTIONS, ScalarFunction, Secants, VCurve, best_epsilon, derivative, secants, v_curve
from engine.gradient_check import Cost, check_cost, check_directions, check_gradients, numerical_gradient
from engine.gradient_report import BANDS, GradientReport, ParameterReport, band, relative_error
from engine.gradient_verdict import GradientVerdict, explain
from engine.initializers import INITIALIZERS, Initializer
from engine.layers import Activate, BatchNorm, Dense, Dropout, Layer, Parameter
from engine.losses import Penalty, softmax_cross_entropy, squared_error
from engine.mean_field import chi, critical_sigma_w, fixed_point, moments, variance_map
from engine.network import LayerSummary, Network, mlp
from engine.optimizers import OPTIMIZERS, SCHEDULES, SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSProp
from engine.propagation import Propagation, over_seeds, propagate
from engine.training import Evaluation, Progress, evaluate, train

__all__ = [
    "ACTIVATIONS", "BANDS", "BUGS", "CAUTIONS", "FUNCTIONS", "INITIALIZERS", "OPTIMIZERS", "SCHEDULES", "SGD", "Activate", "Activation",
    "AdaGrad", "Adam", "AdamW", "BatchNorm", "Bug", "Caution", "Cost", "Dataset", "DatasetError", "Dense", "Diagnosis", "Dropout",
    "Evaluation", "Exercise", "GradientReport", "GradientVerdict", "Initializer", "Layer", "LayerSummary", "Momentum", "Nesterov",
    "Network", "Parameter", "ParameterReport", "Penalty", "Progress", "Propagation", "RMSProp", "ScalarFunction", "Secants", "VCurve",
    "band", "best_epsilon", "check_cost", "check_directions", "check_gradients", "chi", "choices", "critical_sigma_w", "derivative",
    "diagnose", "evaluate", "exercise", "explain", "fingerprint", "fixed_point", "load_digits", "load_mnist", "mlp", "moments", "numbered",
    "numerical_gradient", "over_seeds", "plant", "propagate", "relative_error", "secants", "softmax_cross_entropy", "squared_error",
    "train", "v_curve", "variance_map",
]
