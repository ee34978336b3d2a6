"""Monotone transforms of outputs, by name or by transformer."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.preprocessing import PowerTransformer


class LogTransform(TransformerMixin, BaseEstimator):
    """Logarithm of positive values."""

    def fit(self, X, y=None):
        """Check that all values are positive."""
        if (X <= 0).any():
            raise ValueError(
                f'target_transform="log" needs positive values, and the least is {X.min():g}. '
                'Take "asinh", which also serves zero and negative values.'
            )
        return self

    def transform(self, X):
        """Logarithms."""
        return np.log(X)

    def inverse_transform(self, X):
        """Exponentials."""
        return np.exp(X)


class AsinhTransform(TransformerMixin, BaseEstimator):
    """Inverse hyperbolic sine: linear near nought, logarithmic beyond the typical magnitude."""

    def fit(self, X, y=None):
        """Set the scale of each column to the median magnitude of its values that are not 0."""
        self.scale_ = np.array([_typical(column) for column in np.abs(X).T])
        return self

    def transform(self, X):
        """Inverse hyperbolic sines."""
        return np.arcsinh(X / self.scale_)

    def inverse_transform(self, X):
        """Hyperbolic sines."""
        return np.sinh(X) * self.scale_


class YeoJohnsonTransform(TransformerMixin, BaseEstimator):
    """Yeo-Johnson's power of values in units of their typical magnitude.

    Powers are kept between 0 and 2: beyond, only some numbers have an inverse, and ends of
    intervals may not be among them.
    """

    def fit(self, X, y=None):
        """Find the power of each column that makes it the most Gaussian."""
        self.scale_ = np.array([_typical(column) for column in np.abs(X).T])
        self.power_ = PowerTransformer("yeo-johnson", standardize=False).fit(X / self.scale_)
        self.power_.lambdas_ = np.clip(self.power_.lambdas_, 0, 2)
        return self

    def transform(self, X):
        """Powers."""
        return self.power_.transform(X / self.scale_)

    def inverse_transform(self, X):
        """Values."""
        return self.power_.inverse_transform(X) * self.scale_


def _typical(magnitudes):
    """Median of the magnitudes above nought, 1 if there are none."""
    positive = magnitudes[magnitudes > 0]
    return float(np.median(positive)) if len(positive) else 1.0


NAMED = {
    "log": LogTransform,
    "asinh": AsinhTransform,
    "yeo-johnson": YeoJohnsonTransform,
}


def transform_of(setting, name):
    """A fresh transformer for the output of a name, or None.

    Parameters
    ----------
    setting : None, str, transformer, or dict of them by output
    name : str
    """
    if isinstance(setting, dict):
        setting = setting.get(name)
    if setting is None:
        return None
    if isinstance(setting, str):
        if setting not in NAMED:
            raise ValueError(
                f"target_transform must be one of {sorted(NAMED)}, a transformer, None, or a dict "
                f"of these by output, got {setting!r}."
            )
        return NAMED[setting]()
    if not hasattr(setting, "inverse_transform"):
        raise TypeError(
            f"the target_transform of {name!r} needs inverse_transform, which "
            f"{type(setting).__name__} has not."
        )
    return clone(setting)


def check_names(setting, names):
    """Refuse transforms of outputs that are not there."""
    unknown = sorted(set(setting) - set(names)) if isinstance(setting, dict) else []
    if unknown:
        raise ValueError(f"target_transform names {unknown}, and the outputs are {sorted(names)}.")


def fitted_values(transform, values, name):
    """Fit a transform to values (n, n_columns), and transform them."""
    if transform is None:
        return values
    try:
        return np.asarray(transform.fit_transform(values))  # whatever the output is set to
    except ValueError as error:
        raise ValueError(f"output {name!r}: {error}") from error


def original_values(transform, values):
    """Values (n, n_columns) in the units of the output."""
    return values if transform is None else transform.inverse_transform(values)


def original_interval(transform, mean, std, width):
    """Values at `width` standard deviations on either side of the mean, in increasing order."""
    ends = (original_values(transform, mean + side * width * std) for side in (-1, 1))
    return np.sort(list(ends), axis=0)
