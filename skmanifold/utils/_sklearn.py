"""The only file that imports private names of scikit-learn, so that one place breaks with it."""

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as take_rows
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils._set_output import _get_output_config as output_config
from sklearn.utils.metadata_routing import _routing_enabled as routing_enabled
from sklearn.utils.validation import _check_method_params as sliced_params
from sklearn.utils.validation import _check_sample_weight as checked_weights
from sklearn.utils.validation import _num_samples as num_samples

__all__ = [
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "checked_weights",
    "fit_context",
    "num_samples",
    "output_config",
    "routing_enabled",
    "sliced_params",
    "take_rows",
]
