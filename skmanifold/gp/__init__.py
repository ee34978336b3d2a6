"""Gaussian processes on tensors: covariances of fields, evidence, posteriors, weight space."""

from skmanifold.gp._batched_evidence import BatchedEvidence, batched_log_evidence
from skmanifold.gp._batched_lbfgs import BatchMinimum, BatchObjective, minimize_batch
from skmanifold.gp._batched_posterior import BatchedPosterior
from skmanifold.gp._batched_search import BatchedSearch, search_batch
from skmanifold.gp._connection_kernel import ConnectionLaplacianKernel
from skmanifold.gp._density import leave_out_means, log_density
from skmanifold.gp._exported_gp import ExportedGP
from skmanifold.gp._feature_regression import (
    FeatureMoments,
    WeightPosterior,
    feature_log_density,
)
from skmanifold.gp._field_kernel import FieldKernel, FieldPoints, Values
from skmanifold.gp._posterior import (
    ExactPosterior,
    FeaturePosterior,
    FieldFeatures,
    rows_of_targets,
    with_noise,
)
from skmanifold.gp._radial import RADIAL
from skmanifold.gp._search import Found, LogNormal, Objective, maximize_evidence, random_start
from skmanifold.gp._spectral_density import matern_variances

__all__ = [
    "RADIAL",
    "BatchMinimum",
    "BatchObjective",
    "BatchedEvidence",
    "BatchedPosterior",
    "BatchedSearch",
    "ConnectionLaplacianKernel",
    "ExactPosterior",
    "ExportedGP",
    "FeatureMoments",
    "FeaturePosterior",
    "FieldFeatures",
    "FieldKernel",
    "FieldPoints",
    "Found",
    "LogNormal",
    "Objective",
    "Values",
    "WeightPosterior",
    "batched_log_evidence",
    "feature_log_density",
    "leave_out_means",
    "log_density",
    "matern_variances",
    "maximize_evidence",
    "minimize_batch",
    "random_start",
    "rows_of_targets",
    "search_batch",
    "with_noise",
]
