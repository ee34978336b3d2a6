"""The only file that imports private names of scikit-learn, so that one place breaks with it."""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions

__all__ = ["Interval", "Options", "StrOptions", "fit_context"]
