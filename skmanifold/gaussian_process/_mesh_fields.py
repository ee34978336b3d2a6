"""One field of the training meshes: modes on the support, and Gaussian processes of its codes."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import r2_score

from skmanifold.gaussian_process._calibration import (
    as_columns,
    held_out_errors,
    mean_and_variance,
    widening,
)
from skmanifold.gaussian_process._snapshot_pod import SnapshotPOD
from skmanifold.gaussian_process._target_transform import (
    fitted_values,
    original_interval,
    original_values,
)


def field_names(samples, wanted):
    """Names of the fields to learn.

    Raises
    ------
    ValueError
        If a mesh lacks one, or its number of components differs.
    """
    every = isinstance(wanted, str)  # "all" is the only one
    names = sorted(samples[0].fields) if every else list(dict.fromkeys(map(str, wanted)))
    for index, sample in enumerate(samples):
        for name in names:
            if name not in sample.fields:
                raise ValueError(
                    f"X[{index}].fields lacks {name!r}, which is to be learnt; it has "
                    f"{sorted(sample.fields)}."
                )
            n_columns = as_columns(sample.fields[name]).shape[1]
            expected = as_columns(samples[0].fields[name]).shape[1]
            if n_columns != expected:
                raise ValueError(
                    f"X[{index}].fields[{name!r}] has {n_columns} components and that of X[0] "
                    f"{expected}."
                )
        extra = set(sample.fields) - set(names)
        if every and extra:
            raise ValueError(
                f"X[{index}].fields has {sorted(extra)}, which X[0] lacks. Name the fields to "
                "learn by the parameter fields."
            )
    return names


@dataclass(frozen=True)
class FieldModel:
    """What was learnt of one field.

    Attributes
    ----------
    name : str
    n_dims : int
        1 for a scalar field (n_nodes,), 2 for one with components (n_nodes, n_components).
    transform : transformer or None
        Of the values, component by component.
    pod : SnapshotPOD
        Modes of the transformed field on the support, node by node.
    regressor : regressor
        From inputs to codes.
    lost : ndarray of shape (n_support_nodes, n_components)
        Variance of what interpolation between the meshes and the support loses.
    widening : float
        Factor of the standard deviations, from training meshes held out.
    """

    name: str
    n_dims: int
    transform: object
    pod: SnapshotPOD
    regressor: object
    lost: np.ndarray
    widening: float

    @classmethod
    def fit(cls, name, samples, morphs, inputs, *, transform, pod, regressor):
        """Learn the field `name` of meshes whose morphs and inputs are given."""
        raw = [as_columns(sample.fields[name]) for sample in samples]
        values = fitted_values(transform, np.concatenate(raw), name)
        pieces = np.split(values, np.cumsum([len(field) for field in raw])[:-1])
        fields = [morph.to_support @ piece for morph, piece in zip(morphs, pieces, strict=True)]
        lost = np.mean(
            [
                morph.to_support @ (piece - morph.from_support @ field) ** 2
                for morph, piece, field in zip(morphs, pieces, fields, strict=True)
            ],
            axis=0,
        )
        flat = np.reshape(fields, (len(samples), -1))
        codes = pod.fit_transform(flat)
        regressor.fit(inputs, codes)
        errors, variances = held_out_errors(regressor, inputs, codes)
        factor = widening(
            errors @ pod.components_ + flat - pod.inverse_transform(codes),
            np.sqrt(variances @ pod.components_**2 + pod.truncation_variance_ + lost.ravel()),
        )
        return cls(name, samples[0].fields[name].ndim, transform, pod, regressor, lost, factor)

    def predict(self, inputs, morphs):
        """The field on the nodes of each mesh."""
        if len(morphs) == 0:
            return []
        codes = as_columns(self.regressor.predict(inputs))
        flat = self.pod.inverse_transform(codes)
        return [
            self._original(morph.from_support @ field)
            for field, morph in zip(self._on_support(flat), morphs, strict=True)
        ]

    def predict_interval(self, inputs, morphs, width):
        """The field minus and plus `width` standard deviations, in the units of the field."""
        ends: list = []
        if len(morphs) == 0:
            return ends
        for mean, std in self.distributions(inputs, morphs):
            low, high = original_interval(self.transform, mean, std, width)
            ends.append((self.shaped(low), self.shaped(high)))
        return ends

    def distributions(self, inputs, morphs):
        """Mean and standard deviation of the transformed field on the nodes of each mesh."""
        codes, variances = mean_and_variance(self.regressor, inputs)
        modes = np.moveaxis(self._on_support(self.pod.components_), 0, -1)
        missed = self._on_support(self.pod.truncation_variance_[None])[0] + self.lost
        fields = self._on_support(self.pod.inverse_transform(codes))
        for field, variance, morph in zip(fields, variances, morphs, strict=True):
            # Modes at the mesh's nodes: interpolating variances would forget that neighbours
            # vary together.
            n_nodes = morph.from_support.shape[0]
            on_mesh = (morph.from_support @ modes.reshape(len(modes), -1)).reshape(
                n_nodes, -1, len(variance)
            )
            total = on_mesh**2 @ variance + morph.from_support @ missed
            yield morph.from_support @ field, self.widening * np.sqrt(total)

    def _on_support(self, flat):
        """Rows as fields (n, n_support_nodes, n_components)."""
        return flat.reshape(len(flat), *self.lost.shape)

    def _original(self, values):
        return self.shaped(original_values(self.transform, values))

    def shaped(self, values):
        """(n_nodes, n_components) in the shape that the field had in the training meshes."""
        return values[:, 0] if self.n_dims == 1 else values


def field_scores(samples, predicted, names, sample_weight):
    """Coefficient of determination of each field over all nodes of the meshes."""
    counts = [sample.n_nodes for sample in samples]
    weights = None if sample_weight is None else np.repeat(sample_weight, counts)
    return [
        r2_of_known(
            np.concatenate([as_columns(sample.fields[name]) for sample in samples]),
            np.concatenate([as_columns(fields[name]) for fields in predicted]),
            weights,
            "variance_weighted",
        )
        for name in names
    ]


def r2_of_known(truth, predicted, weights, multioutput):
    """Coefficients of determination over the rows that could be predicted.

    Raises
    ------
    ValueError
        If there are none.
    """
    known = ~np.isnan(predicted).any(axis=1)
    if not known.any():
        raise ValueError("no mesh of X can be morphed, so that there is nothing to score.")
    weights = None if weights is None else np.asarray(weights)[known]
    return r2_score(truth[known], predicted[known], sample_weight=weights, multioutput=multioutput)
