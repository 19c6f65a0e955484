"""What people call a table's key."""

from typing import Any

TITLES = {
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "prelu": "PReLU",
    "rrelu": "RReLU",
    "leaky_relu": "Leaky ReLU",
    "tanh": "tanh",
    "lecun_normal": "LeCun normal",
    "lecun_uniform": "LeCun uniform",
    "lsuv": "LSUV",
    "normal": "Normal N(0, 1)",
    "sgd": "SGD",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
    "adamw": "AdamW",
    "mnist": "MNIST",
}


def title(key: Any) -> str:
    """ "he_normal" is He normal, 0.003 is 0.003, 60000 is 60,000."""
    if isinstance(key, int):
        return f"{key:,}"
    return f"{key:g}" if isinstance(key, float) else TITLES.get(key, key.replace("_", " ").capitalize())
