"""Modes that describe fields on a mesh best: snapshot proper orthogonal decomposition."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.linalg import deterministic_signs
from skmanifold.linalg._inner_product import inner_product
from skmanifold.utils import fit_steps, undone_on_failure
from skmanifold.utils._sklearn import Interval, fit_context

# Products of rows square the singular values, and lose those below 1e-8 of the first to rounding;
# down to this share they are good to six digits, which says well enough how many modes to keep.
SMALLEST_IN_PRODUCTS = 1e-5
# Modes are fitted to the training rows and miss less of them than of new ones. Measured on decaying
# spectra in noise (40 to 300 rows, 5 to 39 modes), relative to the variance that new rows leave:
# residuals of the training rows .0-.8, times n / (n - k) .0-.9, divided by one minus the leverages
# .0-1.0 (nought where all modes are kept), one row left out at a time .9-1.04, ten folds .9-1.1.
# Leaving out one row at a time takes an eigendecomposition for each.
N_ONE_BY_ONE, N_FOLDS = 100, 10


class Modes(NamedTuple):
    """The leading modes of some rows, and all directions in which these rows vary.

    `left` (n, k), `values` (k,) and `right` (k, d) are a singular value decomposition;
    `scores` (n, r) are coordinates of the rows along r orthonormal directions, which are the
    combinations `lifts` (n, r) of the rows.
    """

    left: np.ndarray
    values: np.ndarray
    right: np.ndarray
    scores: np.ndarray
    lifts: np.ndarray


def check_number(n_components):
    """Refuse numbers of modes that are no integers, unless they are shares of the energy."""
    if n_components is None or isinstance(n_components, Integral) or n_components < 1:
        return
    raise ValueError(
        "n_components must be an integer of at least 1, a share of the energy between 0 and 1, or "
        f"None, got {n_components!r}."
    )


def n_kept(values, n_components, smallest):
    """How many modes to keep, at least one: a number, an energy, or all but rounding errors."""
    rank = max(int(np.sum(values > smallest * values[0])), 1)
    if n_components is None:
        return rank
    if isinstance(n_components, Integral):
        return min(n_components, rank)
    energies = np.cumsum(values**2)
    return min(int(np.searchsorted(energies, n_components * energies[-1])) + 1, rank)


def in_unit(rows):
    """Rows relative to their largest entry, whose squares neither overflow nor vanish, and that."""
    with np.errstate(over="ignore", invalid="ignore"):
        largest = np.abs(rows).max()
        energy = rows.size * largest**2
    if not np.isfinite(energy):
        raise ValueError("X holds numbers too large to take their squares: rescale it.")
    unit = largest if largest > np.finfo(float).tiny else 1.0
    return rows / unit, unit


def leading_modes(rows, n_components, precision):
    """Modes of rows of shape (n, d): by products of the rows where these show them well enough."""
    smallest = precision * max(rows.shape)
    if n_components is not None and rows.shape[0] < rows.shape[1]:
        squares, vectors = eigh(rows @ rows.T)
        values, vectors = np.sqrt(np.maximum(squares[::-1], 0)), vectors[:, ::-1]
        kept = n_kept(values, n_components, smallest)
        if values[kept - 1] > SMALLEST_IN_PRODUCTS * values[0]:
            # The span of these modes is right; a small decomposition makes them orthonormal.
            turn, leading, right = np.linalg.svd(vectors[:, :kept].T @ rows, full_matrices=False)
            seen = values > np.sqrt(len(values) * np.finfo(float).eps) * values[0]
            known = values[seen], vectors[:, seen]
            return signed(vectors[:, :kept] @ turn, leading, right, *known)
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    kept, seen = n_kept(values, n_components, smallest), values > smallest * values[0]
    known = values[seen], left[:, seen]
    return signed(left[:, :kept], values[:kept], right[:kept], *known)


def signed(left, values, right, all_values, all_left):
    """Modes of which the first of the largest scores is positive: whatever the order of columns."""
    flipped = deterministic_signs(left)
    signs = np.where((flipped * left).sum(axis=0) < 0, -1.0, 1.0)
    return Modes(
        flipped, values, right * signs[:, None], all_left * all_values, all_left / all_values
    )


def held_out_residuals(scores, n_components, *, center):
    """What modes of the other rows miss of each row: in the coordinates of `scores`, (n, r)."""
    n_rows, n_directions = scores.shape
    folds = np.arange(n_rows) % (n_rows if n_rows <= N_ONE_BY_ONE else N_FOLDS)
    residuals = scores.copy()
    n_modes = min(n_components, n_directions)
    if not n_modes:
        return residuals
    for fold in range(folds.max() + 1):
        others = scores[folds != fold]
        if center:
            residuals[folds == fold] -= others.mean(axis=0)
            others = others - others.mean(axis=0)
        wanted = (n_directions - n_modes, n_directions - 1)
        squares, vectors = eigh(others.T @ others, subset_by_index=wanted)
        modes = vectors[:, squares > n_directions * np.finfo(float).eps * squares[-1]]
        residuals[folds == fold] -= (residuals[folds == fold] @ modes) @ modes.T
    return residuals


class SnapshotPOD(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, ManifoldEstimator
):
    """Proper orthogonal decomposition: few modes that combine to fields with the least error.

    A principal component analysis under the inner product of a mesh. Each row is a field, a
    snapshot, by its values at the nodes; the modes are fields that are orthonormal with respect to
    `metric`, for instance a mass matrix, so that what counts is how large a field is over an area
    and not at how many nodes. Fields come back from codes by `inverse_transform`, and
    uncertainty of codes becomes that of fields by `inverse_variance`.

    Read more in the :ref:`User Guide <mmgp>`.

    Parameters
    ----------
    n_components : int, float or None, default=None
        Number of modes; or a share of the energy between 0 and 1, of which the fewest modes that
        hold it are kept; None keeps all. Modes that are rounding errors are never kept, so there
        may be fewer than the number asked for; where all rows are equal, there is one of size 0.
    metric : array-like or sparse matrix of shape (n_features, n_features) or None, default=None
        Symmetric positive definite matrix M of the inner product ``x @ M @ y``. None is the
        identity. A singular M is an error: it does not see some fields, so that nothing would say
        what to return for them. For a vector field stored component by component, pass a block
        diagonal matrix, ``scipy.sparse.block_diag([M, M])``.
    center : bool, default=True
        Whether modes describe deviations from the mean field. If not, the first mode is mostly
        the mean.

    Attributes
    ----------
    components_ : ndarray of shape (`n_components_`, n_features)
        The modes, orthonormal in the metric, from the largest singular value. Of each, the first
        of the largest codes among the training rows is positive.
    mean_ : ndarray of shape (n_features,)
        Mean of the training rows; zeros without `center`.
    singular_values_ : ndarray of shape (`n_components_`,)
        Norm of the codes of all training rows along each mode.
    explained_variance_ : ndarray of shape (`n_components_`,)
        Variance of the codes of the training rows; their mean square without `center`.
    explained_variance_ratio_ : ndarray of shape (`n_components_`,)
        Share of each mode in the energy of the training rows: the sum of their squared norms.
    n_components_ : int
        Number of modes.
    truncation_variance_ : ndarray of shape (n_features,)
        Mean square, feature by feature, of what the modes miss of a new row. Each training row
        is held against modes of the others, one at a time up to 100 rows and in ten folds beyond.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where `X` had any.

    See Also
    --------
    sklearn.decomposition.PCA : The same without a metric and without uncertainty.
    sklearn.decomposition.TruncatedSVD : Without a metric, not centred, for sparse data.

    Notes
    -----
    Where few modes of many features are asked for, they come from products of rows, as in the
    method of snapshots [1]_, at a cost of ``n_samples**2 * n_features``. Products square the
    singular values, so that modes smaller than 1e-5 of the first come from a singular value
    decomposition instead, which takes about ten times as long.

    References
    ----------
    .. [1] L. Sirovich, "Turbulence and the dynamics of coherent structures. Part I: Coherent
       structures", Quarterly of Applied Mathematics 45(3), 1987.
    .. [2] F. Casenave, B. Staber and X. Roynard, "MMGP: a Mesh Morphing Gaussian Process-based
       machine learning method for regression of physical problems under non-parameterized
       geometrical variability", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import diags_array
    >>> from skmanifold.gaussian_process import SnapshotPOD
    >>> nodes = np.linspace(0, 1, 101)
    >>> phases = np.linspace(0, 6, 40)[:, None]
    >>> waves = np.sin(2 * np.pi * nodes + phases)
    >>> mass = diags_array(np.full(101, 1 / 101))
    >>> pod = SnapshotPOD(n_components=0.999, metric=mass).fit(waves)
    >>> pod.n_components_
    2
    >>> codes = pod.transform(waves)
    >>> bool(np.abs(pod.inverse_transform(codes) - waves).max() < 1e-12)
    True
    """

    _parameter_constraints = {
        "n_components": [
            Interval(Real, 0, None, closed="neither"),  # an Integral, or below 1: see fit
            None,
        ],
        "metric": ["array-like", "sparse matrix", None],
        "center": ["boolean"],
    }

    def __init__(self, n_components=None, *, metric=None, center=True):
        self.n_components = n_components
        self.metric = metric
        self.center = center

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit(self, X, y=None):
        """Learn the modes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A field in each row; at least two if they are centred.
        y : None
            Ignored.

        Returns
        -------
        self : SnapshotPOD

        Raises
        ------
        ValueError
            If `metric` does not fit the features, or is not symmetric and positive definite; if
            `n_components` is neither an integer nor less than 1; or if squares of `X` overflow.
        """
        check_number(self.n_components)
        fewest = 2 if self.center else 1
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=fewest)
        with fit_steps(self, 3, X) as step:
            with step("metric"):
                metric, product = self._inner_product(X.shape[1])
            with step("modes"):
                mean = X.mean(axis=0, dtype=np.float64) * self.center
                rows = X - mean
                scaled, unit = in_unit(rows if product is None else rows @ product.root)
                modes = leading_modes(scaled, self.n_components, np.finfo(X.dtype).eps)
                duals = modes.right if product is None else modes.right @ product.root.T
                components = duals if product is None else product.solve(duals.T).T
            with step("what is left out"):
                residuals = held_out_residuals(modes.scores, len(modes.values), center=self.center)
                truncation = np.mean((residuals @ (modes.lifts.T @ rows)) ** 2, axis=0)
        energy, singular_values = np.sum(scaled**2), unit * modes.values
        self.mean_, self._metric = mean, metric
        self.components_, self._duals = (np.ascontiguousarray(each) for each in (components, duals))
        self.singular_values_ = singular_values
        self.explained_variance_ = singular_values**2 / (len(X) - self.center)
        self.explained_variance_ratio_ = modes.values**2 / (energy if energy > 0 else 1.0)
        self.n_components_ = len(components)
        self.truncation_variance_ = truncation
        return self

    def transform(self, X):
        """Codes of fields: their inner products with the modes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        codes : ndarray of shape (n_samples, `n_components_`)
        """
        rows, dtype = self._centered(X)
        return (rows @ self._duals.T).astype(dtype, copy=False)

    def inverse_transform(self, X):
        """Fields of codes: the mean and a combination of modes.

        Parameters
        ----------
        X : array-like of shape (n_samples, `n_components_`)
            Codes.

        Returns
        -------
        fields : ndarray of shape (n_samples, n_features)
        """
        codes = self._checked_codes(X, "X")
        return (self.mean_ + codes @ self.components_).astype(codes.dtype, copy=False)

    def inverse_variance(self, codes_variance):
        """Variance of fields at each node, given the variances of their codes.

        Exact for codes that are uncorrelated given the inputs, such as those that one Gaussian
        process each predicts: the variances times the squared modes. To this comes what the modes
        leave out, `truncation_variance_`.

        Parameters
        ----------
        codes_variance : array-like of shape (n_samples, `n_components_`)
            Not negative.

        Returns
        -------
        variance : ndarray of shape (n_samples, n_features)
        """
        variances = self._checked_codes(codes_variance, "codes_variance")
        if variances.min() < 0:
            raise ValueError(f"codes_variance must not be negative, got {variances.min():.3g}.")
        spread = variances @ self.components_**2 + self.truncation_variance_
        return spread.astype(variances.dtype, copy=False)

    def residual_norms(self, X):
        """Norm, in the metric, of what the modes miss of each field.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        norms : ndarray of shape (n_samples,)
            Zero for the mean plus any combination of modes, and large for fields unlike those of
            `fit`.
        """
        rows, dtype = self._centered(X)
        rows = rows - (rows @ self._duals.T) @ self.components_
        weighted = rows if self._metric is None else rows @ self._metric
        squares = np.einsum("ij,ij->i", rows, weighted)
        return np.sqrt(np.maximum(squares, 0)).astype(dtype, copy=False)

    def _inner_product(self, n_features):
        """The metric as an array or a sparse matrix, and taken apart; None where there is none."""
        if self.metric is None:
            return None, None
        metric = check_array(
            self.metric, accept_sparse="csc", dtype=np.float64, input_name="metric"
        )
        if metric.shape != (n_features, n_features):
            raise ValueError(
                f"metric has the shape {metric.shape}, but X has {n_features} features, so it must "
                f"have the shape {(n_features, n_features)}."
            )
        return metric, inner_product(metric, name="metric")

    def _centered(self, X):
        """Deviations of validated rows from the mean, and the type that results shall have."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return X - self.mean_, X.dtype

    def _checked_codes(self, codes, name):
        check_is_fitted(self)
        codes = check_array(codes, dtype=[np.float64, np.float32], input_name=name)
        if codes.shape[1] != self.n_components_:
            raise ValueError(
                f"{name} must have one column for each of the {self.n_components_} modes, got "
                f"shape {codes.shape}."
            )
        return codes

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
