"""Networks: encoders, coding-rate losses, views of samples, and their training by skorch."""

from skmanifold.nn._accelerated import accelerated_net, first_says, new_accelerator
from skmanifold.nn._augmentation import (
    compose,
    feature_dropout,
    gaussian_noise,
    random_affine,
    random_erase,
    random_flip,
    random_shift,
)
from skmanifold.nn._coding_rate import coding_rate, membership_rate, partition_rate
from skmanifold.nn._conv import conv_encoder, initialise
from skmanifold.nn._modules import TwoHeads, built_encoder, hidden_width, mlp_encoder
from skmanifold.nn._rate_loss import RateLoss, batch_temperature
from skmanifold.nn._training import BatchNet, StoppedByCallback, Views, WholeBatches

__all__ = [
    "BatchNet",
    "RateLoss",
    "StoppedByCallback",
    "TwoHeads",
    "Views",
    "WholeBatches",
    "accelerated_net",
    "batch_temperature",
    "built_encoder",
    "coding_rate",
    "compose",
    "conv_encoder",
    "feature_dropout",
    "first_says",
    "gaussian_noise",
    "hidden_width",
    "initialise",
    "membership_rate",
    "mlp_encoder",
    "new_accelerator",
    "partition_rate",
    "random_affine",
    "random_erase",
    "random_flip",
    "random_shift",
]
