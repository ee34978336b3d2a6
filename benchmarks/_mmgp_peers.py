"""What MMGPRegressor is compared with: the published pipeline, and simpler regressors."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils import check_random_state

from benchmarks._mmgp_carriers import HarmonicCarrier, MuscatCarrier, coordinates
from benchmarks._mmgp_learners import (
    GPyProcess,
    Neighbors,
    PrincipalModes,
    SklearnProcess,
    SnapshotModes,
)


def _transformed(transformer, values):
    return values if transformer is None else transformer.transform(values)


def _restored(transformer, values):
    return values if transformer is None else transformer.inverse_transform(values)


def _column(values):
    return np.asarray(values, dtype=float).reshape(-1, 1)


class FieldPipeline(RegressorMixin, BaseEstimator):
    """Values carried to a common support, compressed to coefficients, learnt from other ones.

    Inputs are the shape code, that is the coefficients of the coordinates, and the conditions.
    Every field and every scalar has a learner of its own. With `target_transform`, a dictionary of
    transformers, some are learnt after them. Spread comes from `n_draws` draws.
    """

    def __init__(self, *, target_transform=None, n_draws=200, random_state=None):
        self.target_transform = target_transform
        self.n_draws = n_draws
        self.random_state = random_state

    # What the pipelines differ in.
    def _carrier(self):
        return HarmonicCarrier()

    def _shape_modes(self):
        return PrincipalModes()

    def _field_modes(self):
        return PrincipalModes()

    def _learner(self):
        raise NotImplementedError

    def _inputs(self, X, operators):
        """Shape code and conditions of each sample."""
        codes = self.shape_modes_.encode(coordinates(X, operators))
        return np.hstack([codes, self._conditions(X)])

    def _conditions(self, X):
        names = sorted(X[0].scalars)
        return np.array([[each.scalars[name] for name in names] for each in X]).reshape(len(X), -1)

    def _transformer(self, name):
        return (self.target_transform or {}).get(name)

    def fit(self, X, y):
        """Fit to samples with fields, and to a table of scalars."""
        self.carrier_ = self._carrier().fit(X)
        self.mass_ = self.carrier_.mass()
        operators = self.carrier_.operators(X)
        self.shape_modes_ = self._shape_modes().fit(coordinates(X, operators), self.mass_)
        inputs = self._inputs(X, operators)
        self.scalars_ = {name: self._fitted_scalar(name, inputs, y[name]) for name in y}
        self.fields_ = {
            name: self._fitted_field(name, inputs, X, operators) for name in X[0].fields
        }
        return self

    def _fitted_scalar(self, name, inputs, values):
        targets = _transformed(self._transformer(name), _column(values))
        return self._learner().fit(inputs, targets)

    def _fitted_field(self, name, inputs, X, operators):
        """Modes of a field, and the learner of their coefficients."""
        carried = np.stack(
            [
                there @ _transformed(self._transformer(name), _column(each.fields[name]))[:, 0]
                for each, (there, _) in zip(X, operators, strict=True)
            ]
        )
        modes = self._field_modes().fit(carried, self.mass_)
        return modes, self._learner().fit(inputs, modes.encode(carried))

    def predict(self, X, return_std=False):
        """Scalars (n, t) as a table, and their standard deviations."""
        inputs, means, spreads = self._inputs(X, self.carrier_.operators(X)), {}, {}
        for name, learner in self.scalars_.items():
            mean, spread = learner.predict(inputs)
            means[name], spreads[name] = self._finished(name, mean, spread)
        means = pd.DataFrame(means)
        return (means, pd.DataFrame(spreads)) if return_std else means

    def _finished(self, name, mean, spread):
        """A scalar's prediction in its own units; its spread by draws where it is transformed."""
        transformer = self._transformer(name)
        told = _restored(transformer, mean)[:, 0]
        if transformer is None:
            return told, spread[:, 0]
        drawn = mean + spread * self._normal((1, self.n_draws))
        drawn = _restored(transformer, drawn.reshape(-1, 1)).reshape(drawn.shape)
        return told, drawn.std(axis=1)

    def _normal(self, shape):
        return check_random_state(self.random_state).normal(size=shape)

    def predict_fields(self, X, return_std=False):
        """For each sample a dictionary of its fields, and one of their standard deviations."""
        operators = self.carrier_.operators(X)
        inputs = self._inputs(X, operators)
        means, spreads = [{} for _ in X], [{} for _ in X]
        for name, (modes, learner) in self.fields_.items():
            codes, spread = learner.predict(inputs)
            on_support, transformer = modes.decode(codes), self._transformer(name)
            for row, (_, back) in enumerate(operators):
                told = back @ on_support[row]
                means[row][name] = _restored(transformer, _column(told))[:, 0]
                if return_std:
                    drawn = self._drawn(modes, spread[row], back)
                    values = _restored(transformer, _column(told + drawn)).reshape(drawn.shape)
                    spreads[row][name] = values.std(axis=0)
        return (means, spreads) if return_std else means

    def _drawn(self, modes, spread, back):
        """Draws (n_draws, n_nodes) of what a field may differ from its mean by."""
        deviations = self._normal((self.n_draws, len(spread))) * spread
        return (back @ modes.draws_of(deviations).T).T


class PublishedMMGP(FieldPipeline):
    """The authors' pipeline, re-built from the paper on the packages that they used.

    Muscat morphs each mesh to the disk and carries values; snapshot-POD under the disk's mass
    matrix; GPy's Matern-5/2 of shape code and conditions with ten restarts. Draws of the
    coefficients give the spread; the published script's own comes out as nought.
    """

    def __init__(
        self,
        *,
        n_shape_modes=8,
        n_field_modes=8,
        n_restarts=10,
        target_transform=None,
        n_draws=200,
        random_state=None,
    ):
        super().__init__(
            target_transform=target_transform, n_draws=n_draws, random_state=random_state
        )
        self.n_shape_modes = n_shape_modes
        self.n_field_modes = n_field_modes
        self.n_restarts = n_restarts

    def _carrier(self):
        return MuscatCarrier()

    def _shape_modes(self):
        return SnapshotModes(self.n_shape_modes)

    def _field_modes(self):
        return SnapshotModes(self.n_field_modes)

    def _learner(self):
        return GPyProcess(self.n_restarts)


class PCAGP(FieldPipeline):
    """Plain principal components of coordinates and fields, and scikit-learn's process."""

    def _learner(self):
        return SklearnProcess(random_state=self.random_state)


class ScalarGP(PCAGP):
    """The same on the conditions only: it knows nothing of the shape."""

    def _inputs(self, X, operators):
        return self._conditions(X)


class ShapeKNN(FieldPipeline):
    """Neighbours by shape code and conditions."""

    def __init__(self, *, n_neighbors=5, target_transform=None, n_draws=200, random_state=None):
        super().__init__(
            target_transform=target_transform, n_draws=n_draws, random_state=random_state
        )
        self.n_neighbors = n_neighbors

    def _learner(self):
        return Neighbors(self.n_neighbors)


def prepared(estimator, data):
    """A copy that is told the transformers of a data set."""
    return clone(estimator).set_params(target_transform=data.transforms or None)
