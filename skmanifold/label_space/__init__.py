"""Label metrics and what is computed on them; knows no estimator."""

from skmanifold.label_space._locus import locus
from skmanifold.label_space._names import as_labels
from skmanifold.label_space._parse import as_label_space
from skmanifold.label_space._risk import Risk, all_risks, least_risk, least_risks
from skmanifold.label_space._spaces import (
    CallableSpace,
    EuclideanSpace,
    GraphSpace,
    LabelSpace,
    MatrixSpace,
    TreeSpace,
)
from skmanifold.label_space._tempering import as_weights, softmax, temper
from skmanifold.label_space._tuning import (
    TEMPERATURES,
    TOP_K,
    Fold,
    Tuning,
    hidden_classes,
    masked,
    softness,
    standardized_errors,
    tune,
)

__all__ = [
    "TEMPERATURES",
    "TOP_K",
    "CallableSpace",
    "EuclideanSpace",
    "Fold",
    "GraphSpace",
    "LabelSpace",
    "MatrixSpace",
    "Risk",
    "TreeSpace",
    "Tuning",
    "all_risks",
    "as_label_space",
    "as_labels",
    "as_weights",
    "hidden_classes",
    "least_risk",
    "least_risks",
    "locus",
    "masked",
    "softmax",
    "softness",
    "standardized_errors",
    "temper",
    "tune",
]
