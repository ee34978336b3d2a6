"""Fields and quantities of simulations on meshes of varying shape."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy.sparse import eye_array, kron
from scipy.special import ndtri
from sklearn.base import RegressorMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.exceptions import ForeignShapeWarning
from skmanifold.gaussian_process._batched_gp import BatchedGPRegressor
from skmanifold.gaussian_process._calibration import (
    as_columns,
    held_out_errors,
    mean_and_variance,
    widening,
)
from skmanifold.gaussian_process._mesh_fields import (
    FieldModel,
    field_names,
    field_scores,
    r2_of_known,
)
from skmanifold.gaussian_process._mesh_input import holds_meshes, read_meshes, scalar_table
from skmanifold.gaussian_process._mesh_morpher import MeshMorpher
from skmanifold.gaussian_process._shape_code import LENGTHSCALE_PRIOR, ShapeCode
from skmanifold.gaussian_process._snapshot_pod import SnapshotPOD
from skmanifold.gaussian_process._target_transform import (
    check_names,
    fitted_values,
    original_interval,
    original_values,
    transform_of,
)
from skmanifold.utils import draw_seed, fit_steps, undone_on_failure, warn_user
from skmanifold.utils._sklearn import HasMethods, Interval, Options, StrOptions, fit_context

FLOATS = (np.float64, np.float32)
ONE_STD = 1.0
FALSE_ALARM_RATE = 0.05
CLEARLY_FOREIGN = 2.0  # twice as far as all but a few in a hundred of the training shapes


class MMGPRegressor(RegressorMixin, CallbackSupportMixin, ManifoldEstimator):
    """Mesh-morphing Gaussian processes: fields and quantities of simulations on varying shapes.

    Learns from a few hundred runs on parts of varying shape, each on a mesh of its own and without
    any shape parameters, and tells on a new mesh what the solver would, with error bars [1]_:

    1. every mesh is laid onto a common support (`MeshMorpher`);
    2. the coordinates on the support, and each field, become codes of a few numbers
       (`SnapshotPOD`);
    3. Gaussian processes lead from the shape code and the scalars of a run to the codes of the
       fields and to the quantities of interest (`BatchedGPRegressor`);
    4. fields are decoded and carried back to the new mesh's own nodes. Their variance is that of
       the codes, through the modes in closed form, and that of all that was left out.

    Read more in the :ref:`User Guide <mmgp>`.

    Parameters
    ----------
    morpher : MeshMorpher or None, default=None
        How meshes are laid onto the support. None is ``MeshMorpher()`` with `on_failure` and
        `n_jobs` of this estimator; one that is given keeps its own.
    regressor : regressor or None, default=None
        What is cloned for each field and for the quantities. It must take several outputs, and
        `return_std` in `predict` if error bars are wanted; its attribute `noise_variance_`, if
        there is one, is added to the variance. Its inputs are scalars of variance 1, and codes
        whose standard deviations fall from 1. None is
        ``BatchedGPRegressor(lengthscale_prior=3)``, with ``share="scaled"`` for fields, and with
        `device` and `random_state` of this estimator.
    n_shape_modes : int, float or None, default=0.9999
        Numbers of the shape code; or a share of the energy of the shapes' deviations from their
        mean; or all of them. Too few hide what matters: an energy is safer than a number.
    n_field_modes : int, float or None, default=0.9999
        The same for each field.
    fields : "all" or list of str, default="all"
        Names of the fields to learn.
    target_transform : None, {"log", "asinh", "yeo-johnson"}, transformer, or dict, default=None
        Monotone transform of the values of fields and quantities, or a dict with one for some of
        them by name. "log" is for positive values of many orders of magnitude; "asinh" also takes
        zero, so that it suits localised fields such as plastic strains; "yeo-johnson" is the power
        transform of that name, with a power from 0 to 2. Any transformer with `inverse_transform`
        will do that works on single columns.
    n_shape_columns : int, default=0
        Only for rows of numbers: how many of the last columns are flattened nodes, which pass
        through a `SnapshotPOD`. The others are taken as they are.
    on_failure : {"raise", "warn"}, default="raise"
        What to do about a mesh that cannot be morphed. "warn" leaves it out of `fit`, and predicts
        NaN for it.
    device : str or torch.device, default="auto"
        Where the Gaussian processes work: "auto" is CUDA where there is some.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts of the search for hyper-parameters.
    n_jobs : int or None, default=None
        Meshes at a time, by joblib.

    Attributes
    ----------
    morpher_ : MeshMorpher or None
        Fitted; None after rows of numbers.
    shape_pod_ : SnapshotPOD or None
        Modes of the coordinates on the support; None where there are none.
    field_names_ : list of str
        Fields that were learnt.
    scalar_names_ : list of str
        Scalars that every mesh must have.
    target_names_ : list of str
        Columns of `y`, or "y0", "y1" and so on.
    n_features_in_ : int
        Columns of `X` in `fit`, if `X` was rows of numbers.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where `X` had any.

    See Also
    --------
    MeshMorpher : The morph alone.
    BatchedGPRegressor : The Gaussian processes alone.
    skmanifold.plotting.MeshFieldDisplay : Truth, prediction and error bars on a mesh.

    Notes
    -----
    `y` are numbers, and fields are part of the training meshes: so lists of meshes and `y` pass
    through `cross_val_predict` and `GridSearchCV`. `predict` never looks at fields.

    Rows of numbers as `X` are for runs on one mesh: scalars, then flattened nodes. Nothing is
    morphed then, and `y` may have many columns. For fields with error bars on one mesh, pass meshes
    and ``MeshMorpher(topology="shared")``.

    Departures from the paper: cotangent weights and landmarks in the morph; modes of deviations
    from the mean, kept by energy; a prior by which a mode of the shapes counts the less the less it
    moves them; for shapes with a hole, the modes of their outlines in place of all coordinates. The
    modes of a field share lengthscales, as in the paper, but in one unit: of outputs scaled to
    variance 1 each, those that are noise would count as much as the leading ones.

    References
    ----------
    .. [1] F. Casenave, B. Staber and X. Roynard, "MMGP: a Mesh Morphing Gaussian Process-based
       machine learning method for regression of physical problems under non-parameterized
       geometrical variability", NeurIPS 2023.

    Examples
    --------
    >>> from skmanifold import MMGPRegressor
    >>> from skmanifold.datasets import make_tensile_meshes
    >>> runs = make_tensile_meshes(60, structured=True, random_state=0)
    >>> model = MMGPRegressor(fields=["U2"], random_state=0).fit(runs.X[:50], runs.y[:50])
    >>> bool(model.score(runs.X[50:], runs.y[50:]) > 0.8)
    True
    >>> fields, std = model.predict_fields(runs.X[50:], return_std=True)
    >>> fields[0]["U2"].shape == std[0]["U2"].shape == (runs.X[50].n_nodes,)
    True
    """

    _parameter_constraints = {
        "morpher": [None, HasMethods(["fit", "morph"])],
        "regressor": [None, HasMethods(["fit", "predict"])],
        "n_shape_modes": [Interval(Real, 0, None, closed="neither"), None],
        "n_field_modes": [Interval(Real, 0, None, closed="neither"), None],
        "fields": [StrOptions({"all"}), "array-like"],
        "target_transform": [None, str, dict, HasMethods(["fit", "transform"])],
        "n_shape_columns": [Interval(Integral, 0, None, closed="left")],
        "on_failure": [StrOptions({"raise", "warn"})],
        "device": [str, Options(torch.device, set())],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        *,
        morpher=None,
        regressor=None,
        n_shape_modes=0.9999,
        n_field_modes=0.9999,
        fields="all",
        target_transform=None,
        n_shape_columns=0,
        on_failure="raise",
        device="auto",
        random_state=None,
        n_jobs=None,
    ):
        self.morpher = morpher
        self.regressor = regressor
        self.n_shape_modes = n_shape_modes
        self.n_field_modes = n_field_modes
        self.fields = fields
        self.target_transform = target_transform
        self.n_shape_columns = n_shape_columns
        self.on_failure = on_failure
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    @undone_on_failure
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Learn fields and quantities.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
            Meshes with the conditions of each run as `scalars`, and with the solution as `fields`.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Quantities of interest of each run. Without them only fields are learnt.

        Returns
        -------
        self : MMGPRegressor
        """
        meshes = holds_meshes(X)
        samples = read_meshes(X) if meshes else None
        names = field_names(samples, self.fields) if meshes else []
        with fit_steps(self, 3 + len(names), X) as step:
            with step("morph"):
                read = self._read_meshes(samples, y) if meshes else self._read_rows(X, y)
                shapes, scalars, targets, samples, morphs = read
            if not names and targets is None:
                raise ValueError("there is nothing to learn: y is None, and X has no fields.")
            check_names(self.target_transform, [*names, *self.target_names_])
            with step("shape code"):
                self._code = ShapeCode.fit(
                    shapes, scalars, n_modes=self.n_shape_modes, metric=self._shape_metric(shapes)
                )
                self.shape_pod_ = self._code.pod
                inputs = self._code.inputs(shapes, scalars)
            seed = draw_seed(self.random_state)
            self._fields = []
            for name in names:
                with step(f"field {name}"):
                    self._fields.append(self._fit_field(name, samples, morphs, inputs, seed))
            with step("quantities"):
                self._fit_targets(inputs, targets, seed)
        self.field_names_ = names
        return self

    def _read_meshes(self, samples, y):
        """Shapes, scalars, targets, samples and morphs of the meshes that can be morphed."""
        scalars, self.scalar_names_ = scalar_table(samples)
        targets = self._read_targets(y, len(samples))
        self.morpher_ = self._new_morpher()
        morphs, _ = self.morpher_._fit(samples)
        good = [index for index, morph in enumerate(morphs) if morph is not None]
        targets = None if targets is None else targets[good]
        kept = [samples[index] for index in good], [morphs[index] for index in good]
        return self.morpher_._shapes(*kept), scalars[good], targets, *kept

    def _read_rows(self, X, y):
        """The same of rows of numbers, where nothing is morphed."""
        kwargs = {"multi_output": True, "y_numeric": True, "ensure_min_samples": 2}
        X, y = validate_data(self, X, y, dtype=FLOATS, **kwargs)
        if self.n_shape_columns > X.shape[1]:
            raise ValueError(
                f"n_shape_columns={self.n_shape_columns} exceeds the {X.shape[1]} columns of X."
            )
        self.morpher_, self.scalar_names_ = None, []
        scalars, shapes = self._split_rows(X)
        return shapes, scalars, self._read_targets(y, len(X)), None, None

    def _split_rows(self, X):
        """Scalars, which come first, and flattened nodes."""
        n_scalars = X.shape[1] - self.n_shape_columns
        X = X.astype(np.float64, copy=False)
        return X[:, :n_scalars], X[:, n_scalars:]

    def _read_targets(self, y, n_samples):
        """Targets (n_samples, n_targets), or None; and their names."""
        if y is None:
            self.target_names_, self._flat = [], False
            return None
        names = [str(name) for name in getattr(y, "columns", [])]
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if y.ndim > 2:
            raise ValueError(f"y must have at most two dimensions, got the shape {y.shape}.")
        if len(y) != n_samples:
            raise ValueError(f"y has {len(y)} rows, and X {n_samples} meshes.")
        self._flat = y.ndim == 1
        y = as_columns(y)
        self.target_names_ = names or [f"y{column}" for column in range(y.shape[1])]
        return y

    def _new_morpher(self):
        """The morpher given, or one with the settings of this estimator."""
        if self.morpher is None:
            return MeshMorpher(on_failure=self.on_failure, n_jobs=self.n_jobs)
        return clone(self.morpher)

    def _new_regressor(self, seed, share):
        """The regressor given, or Gaussian processes on the device of this estimator."""
        if self.regressor is not None:
            return clone(self.regressor)
        settings = {"device": self.device, "random_state": seed}
        return BatchedGPRegressor(share=share, lengthscale_prior=LENGTHSCALE_PRIOR, **settings)

    def _metric(self, n_components):
        """Mass matrix of the support for fields of so many components; None without a support."""
        support = None if self.morpher_ is None else self.morpher_._plan.support
        if support is None:
            return None
        return kron(support.mass_matrix(), eye_array(n_components), format="csc")

    def _shape_metric(self, shapes):
        """Metric of the shapes; None for those of outlines, rows of numbers and shared cells."""
        if self.morpher_ is None or self.morpher_.topology_ != "disk":
            return None
        return self._metric(shapes.shape[1] // self.morpher_.support_.n_nodes)

    def _fit_field(self, name, samples, morphs, inputs, seed):
        """Modes and Gaussian processes of one field."""
        n_components = as_columns(samples[0].fields[name]).shape[1]
        return FieldModel.fit(
            name,
            samples,
            morphs,
            inputs,
            transform=transform_of(self.target_transform, name),
            pod=SnapshotPOD(self.n_field_modes, metric=self._metric(n_components)),
            regressor=self._new_regressor(seed, "scaled"),
        )

    def _fit_targets(self, inputs, targets, seed):
        """Gaussian processes of the quantities of interest."""
        self._regressor, self._transforms = None, []
        if targets is None:
            return
        columns = []
        for name, values in zip(self.target_names_, targets.T, strict=True):
            transform = transform_of(self.target_transform, name)
            columns.append(fitted_values(transform, values[:, None], name))
            self._transforms.append(transform)
        columns = np.column_stack(columns)
        self._regressor = self._new_regressor(seed, "none").fit(inputs, columns)
        errors, variances = held_out_errors(self._regressor, inputs, columns)
        pairs = zip(errors.T, np.sqrt(variances).T, strict=True)
        self._widenings = [widening(*pair) for pair in pairs]

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
            Meshes with their fields, if fields were learnt.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Quantities, if there were some in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            At most 1. A field's counts all nodes of all meshes alike. Meshes that cannot be morphed
            are left out, with ``on_failure="warn"``.
        """
        scores = []
        if y is not None:
            y, predicted = as_columns(np.asarray(y)), as_columns(self.predict(X))
            scores += list(r2_of_known(y, predicted, sample_weight, "raw_values"))
        if self._fields_of(X):
            scores += field_scores(X, self.predict_fields(X), self.field_names_, sample_weight)
        if not scores:
            raise ValueError("score needs y, or meshes with the fields that were learnt.")
        return float(np.mean(scores))

    def _fields_of(self, X):
        """Whether there are fields to judge."""
        check_is_fitted(self)
        return bool(self.field_names_) and all(set(self.field_names_) <= set(s.fields) for s in X)

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
        if self.morpher_ is None:
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _width(coverage):
    """Standard deviations to either side of the mean that hold this much of a Gaussian."""
    check_scalar(coverage, "coverage", Real, min_val=0, max_val=1, include_boundaries="neither")
    return ndtri(0.5 + coverage / 2)
