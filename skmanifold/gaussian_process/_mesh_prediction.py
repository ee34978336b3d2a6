"""Predictions of a fitted mesh-morphing regressor."""

from numbers import Real

import numpy as np
from scipy.special import ndtri
from sklearn.utils import check_array, check_consistent_length, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.exceptions import ForeignShapeWarning
from skmanifold.gaussian_process._calibration import as_columns, mean_and_variance
from skmanifold.gaussian_process._mesh_fields import field_scores, r2_of_known
from skmanifold.gaussian_process._mesh_input import check_not_empty, holds_meshes, scalar_table
from skmanifold.gaussian_process._target_transform import original_interval, original_values
from skmanifold.utils import warn_user

FLOATS = (np.float64, np.float32)
ONE_STD = 1.0
FALSE_ALARM_RATE = 0.05
CLEARLY_FOREIGN = 2.0  # twice as far as all but a few in a hundred of the training shapes


class MeshPredictionMixin:
    """What `MMGPRegressor` predicts, how sure it is, and how foreign meshes are."""

    def predict(self, X, return_std=False):
        """Predict the quantities of interest.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
            Fields of the meshes are not looked at.
        return_std : bool, default=False
            Whether to return standard deviations too.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Of the shape of `y` in `fit`; NaN for meshes that cannot be morphed, with
            ``on_failure="warn"``. Medians, where there is a `target_transform`.
        std : ndarray of the shape of `y`
            With `return_std`: standard deviations of a new run's quantities, noise included. With
            a `target_transform` half the width of the interval that is one standard deviation of
            the transformed quantity to either side.

        Raises
        ------
        MeshError
            If a mesh cannot be morphed, with ``on_failure="raise"``.
        ValueError
            If there was no `y` in `fit`, `X` is empty, or its scalars are not those of training.
        TypeError
            If `X` is not of the kind given to `fit`; or if standard deviations are wanted, and the
            regressor gives none.

        Warns
        -----
        ForeignShapeWarning
            If a mesh has an `ood_score` above 2. UserWarning for those that cannot be morphed.
        """
        self._check_has_targets()
        inputs, good, _ = self._inputs(X)
        y = self._filled(self._target_medians(inputs), good)
        if not return_std:
            return y
        low, high = self._target_interval(inputs, ONE_STD)
        return y, self._filled((high - low) / 2, good)

    def predict_interval(self, X, *, coverage=0.95):
        """Intervals that hold a new run's quantities with some probability.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
        coverage : float, default=0.95
            The probability.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_targets)

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 1; and as `predict` does.
        MeshError, TypeError
            As `predict` does with `return_std`.
        """
        self._check_has_targets()
        inputs, good, _ = self._inputs(X)
        ends = self._target_interval(inputs, _width(coverage))
        return tuple(self._filled(end, good) for end in ends)

    def predict_fields(self, X, return_std=False):
        """Predict the fields on the nodes of the meshes given.

        Parameters
        ----------
        X : list of MeshSample
        return_std : bool, default=False
            Whether to return standard deviations too.

        Returns
        -------
        fields : list of dict of str to ndarray
            For each mesh, each field at its nodes, (n_nodes,) or (n_nodes, n_components). NaN
            for meshes that cannot be morphed, with ``on_failure="warn"``.
        std : list of dict of str to ndarray
            With `return_std`: standard deviations at the nodes, from the Gaussian processes, their
            noise, what the modes leave out, and what interpolation loses.

        Raises
        ------
        ValueError
            If there were no fields in `fit`; and as `predict` does.
        MeshError, TypeError
            As `predict` does.
        """
        inputs, good, morphs = self._field_inputs(X)
        predicted = [model.predict(inputs, morphs) for model in self._fields]
        fields = self._by_mesh(X, good, predicted)
        if not return_std:
            return fields
        ends = [model.predict_interval(inputs, morphs, ONE_STD) for model in self._fields]
        halves = [[(high - low) / 2 for low, high in of_field] for of_field in ends]
        return fields, self._by_mesh(X, good, halves)

    def predict_field_intervals(self, X, *, coverage=0.95):
        """Intervals that hold a new run's fields, node by node, with some probability.

        Parameters
        ----------
        X : list of MeshSample
        coverage : float, default=0.95
            The probability at each node.

        Returns
        -------
        lower, upper : list of dict of str to ndarray
            As `predict_fields` returns fields.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 1; and as `predict_fields` does.
        MeshError, TypeError
            As `predict_fields` does with `return_std`.
        """
        inputs, good, morphs = self._field_inputs(X)
        width = _width(coverage)
        ends = [model.predict_interval(inputs, morphs, width) for model in self._fields]
        return tuple(
            self._by_mesh(X, good, [[pair[side] for pair in of_field] for of_field in ends])
            for side in (0, 1)
        )

    def ood_score(self, X, *, false_alarm_rate=0.05):
        """How foreign the shapes and conditions are to those of the training runs.

        The larger of two distances: that of the code and the scalars from their mean, by
        Mahalanobis, and that of the shape from the span of the modes. Both are in units of what
        held-out training meshes reach.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
        false_alarm_rate : float, default=0.05
            Share of meshes like those of training whose score shall be above 1.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Above 1 is foreign. Infinite for meshes that cannot be morphed, with
            ``on_failure="warn"``.

        Raises
        ------
        ValueError
            If `false_alarm_rate` is not between 0 and 1, `X` is empty, or its scalars are not those
            of training.
        MeshError, TypeError
            As `predict` does.
        """
        check_scalar(
            false_alarm_rate,
            "false_alarm_rate",
            Real,
            min_val=0,
            max_val=1,
            include_boundaries="neither",
        )
        _, _, distances, good = self._placed(X)
        scores = np.full(len(good), np.inf)
        scores[good] = self._code.foreign.scores(distances, false_alarm_rate)
        return scores

    def score(self, X, y=None, sample_weight=None):
        """Mean coefficient of determination over the quantities and the fields.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
            Meshes with their fields, if fields were learnt; without any of these, with `y`, the
            quantities alone count.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Quantities, if there were some in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            At most 1. A field's counts all nodes of all meshes alike. Meshes that cannot be morphed
            are left out, with ``on_failure="warn"``.

        Raises
        ------
        ValueError
            If there is nothing to judge, or no mesh that can be morphed; if some meshes have the
            fields that were learnt and others lack some; or if `y` or `sample_weight` does not fit.
        MeshError, TypeError
            As `predict` does.
        """
        check_is_fitted(self)
        check_consistent_length(X, y, sample_weight)
        scores = []
        if y is not None:
            y, predicted = self._true_targets(y), as_columns(self.predict(X))
            scores += list(r2_of_known(y, predicted, sample_weight, "raw_values"))
        if self._fields_of(X):
            scores += field_scores(X, self.predict_fields(X), self.field_names_, sample_weight)
        if not scores:
            raise ValueError("score needs y, or meshes with the fields that were learnt.")
        return float(np.mean(scores))

    def _true_targets(self, y):
        """Quantities to judge by (n_samples, n_targets)."""
        self._check_has_targets()
        y = as_columns(check_array(y, ensure_2d=False, dtype=np.float64, input_name="y"))
        if y.shape[1] != len(self.target_names_):
            raise ValueError(
                f"y must have the {len(self.target_names_)} columns that it had in fit, got "
                f"{y.shape[1]}."
            )
        return y

    def _fields_of(self, X):
        """Whether there are fields to judge."""
        if not self.field_names_ or not any(set(self.field_names_) & set(s.fields) for s in X):
            return False
        for index, sample in enumerate(X):
            missing = sorted(set(self.field_names_) - set(sample.fields))
            if missing:
                raise ValueError(
                    f"X[{index}].fields lacks {missing}, to judge predictions by. All meshes must "
                    "have the fields that were learnt, or none."
                )
        return True

    def _check_has_targets(self):
        check_is_fitted(self)
        if self._regressor is None:
            raise ValueError("fit had no y, so there is none to predict; call predict_fields.")

    def _inputs(self, X):
        """Inputs and morphs of those meshes that could be placed, and which ones these are."""
        inputs, morphs, distances, good = self._placed(X)
        if morphs is not None:
            scores = self._code.foreign.scores(distances, FALSE_ALARM_RATE)
            foreign = np.flatnonzero(good)[scores > CLEARLY_FOREIGN]
            if len(foreign):
                first = scores[scores > CLEARLY_FOREIGN][0]
                warn_user(
                    f"{len(foreign)} of {len(good)} meshes of X are unlike the training meshes, "
                    f"first X[{foreign[0]}] with an ood_score of {first:.3g}: predictions "
                    "and error bars there cannot be trusted.",
                    ForeignShapeWarning,
                )
        return inputs, good, morphs

    def _field_inputs(self, X):
        """The same, if there are fields."""
        check_is_fitted(self)
        if not self._fields:
            raise ValueError("fit had no fields, so there are none to predict; call predict.")
        return self._inputs(X)

    def _placed(self, X):
        """Inputs, morphs, distances to the training shapes, and which of X could be placed."""
        check_is_fitted(self)
        check_not_empty(X)
        if self.morpher_ is None:
            if holds_meshes(X):
                raise TypeError("X must be rows of numbers, as in fit, got meshes.")
            X = validate_data(self, X, dtype=FLOATS, reset=False)
            scalars, shapes = self._split_rows(X)
            good, morphs = np.ones(len(X), dtype=bool), None
        else:
            samples = self.morpher_._readable(X)
            scalars, _ = scalar_table(samples, self.scalar_names_)
            morphs = self.morpher_.morph(samples)
            good = np.array([morph is not None for morph in morphs])
            samples = [sample for sample, fine in zip(samples, good, strict=True) if fine]
            scalars, morphs = scalars[good], [morph for morph in morphs if morph is not None]
            if not morphs:
                return np.zeros((0, len(self._code.scales))), morphs, np.zeros((0, 1)), good
            shapes = self.morpher_._shapes(samples, morphs)
        inputs, distances = (
            told(shapes, scalars) for told in (self._code.inputs, self._code.distances)
        )
        return inputs, morphs, distances, good

    def _target_medians(self, inputs):
        """Quantities (n, n_targets) in their own units."""
        if len(inputs) == 0:
            return np.zeros((0, len(self.target_names_)))
        mean = as_columns(self._regressor.predict(inputs))
        pairs = zip(self._transforms, mean.T, strict=True)
        return np.column_stack([original_values(each, column[:, None]) for each, column in pairs])

    def _target_interval(self, inputs, width):
        """Quantities at `width` standard deviations to either side (2, n, n_targets)."""
        if len(inputs) == 0:
            return np.zeros((2, 0, len(self.target_names_)))
        mean, variance = mean_and_variance(self._regressor, inputs)
        std = np.sqrt(variance) * self._widenings
        ends = [
            original_interval(transform, mean[:, [column]], std[:, [column]], width)
            for column, transform in enumerate(self._transforms)
        ]
        return np.concatenate(ends, axis=2)

    def _filled(self, values, good):
        """Rows of all of X, NaN where there are none, in the shape of y."""
        rows = np.full((len(good), len(self.target_names_)), np.nan)
        rows[good] = values
        return rows[:, 0] if self._flat else rows

    def _by_mesh(self, X, good, values):
        """Values by field and mesh, as one dict for each mesh of X."""
        names = [model.name for model in self._fields]
        known = iter(
            dict(zip(names, of_mesh, strict=True)) for of_mesh in zip(*values, strict=True)
        )
        return [
            next(known) if fine else self._nothing(sample)
            for sample, fine in zip(X, good, strict=True)
        ]

    def _nothing(self, sample):
        """NaN for every field of a mesh."""
        return {
            model.name: model.shaped(np.full((sample.n_nodes, model.lost.shape[1]), np.nan))
            for model in self._fields
        }


def _width(coverage):
    """Standard deviations to either side of the mean that hold this much of a Gaussian."""
    check_scalar(coverage, "coverage", Real, min_val=0, max_val=1, include_boundaries="neither")
    return ndtri(0.5 + coverage / 2)
