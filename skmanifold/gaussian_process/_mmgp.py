"""Fields and quantities of simulations on meshes of varying shape."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy.sparse import eye_array, kron
from sklearn.base import RegressorMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.gaussian_process._batched_gp import BatchedGPRegressor
from skmanifold.gaussian_process._calibration import (
    as_columns,
    held_out_errors,
    widening,
)
from skmanifold.gaussian_process._mesh_fields import (
    FieldModel,
    field_names,
)
from skmanifold.gaussian_process._mesh_input import (
    check_not_empty,
    holds_meshes,
    read_meshes,
    scalar_table,
)
from skmanifold.gaussian_process._mesh_morpher import MeshMorpher
from skmanifold.gaussian_process._mesh_prediction import MeshPredictionMixin
from skmanifold.gaussian_process._shape_code import LENGTHSCALE_PRIOR, ShapeCode
from skmanifold.gaussian_process._snapshot_pod import SnapshotPOD
from skmanifold.gaussian_process._target_transform import (
    check_names,
    fitted_values,
    transform_of,
)
from skmanifold.utils import draw_seed, fit_steps, undone_on_failure
from skmanifold.utils._sklearn import HasMethods, Interval, Options, StrOptions, fit_context

FLOATS = (np.float64, np.float32)


class MMGPRegressor(MeshPredictionMixin, RegressorMixin, CallbackSupportMixin, ManifoldEstimator):
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

    Error bars are widened, if need be, by how far five-fold held-out runs fall outside of them:
    hyper-parameters that fit the training runs too well make them too narrow.

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

        Raises
        ------
        MeshError
            If a mesh cannot be morphed, with ``on_failure="raise"``, or if none can.
        ValueError
            If fewer than two runs are left, or there is nothing to learn; if meshes differ in their
            scalars or fields; if `y` does not fit, or is not finite; or if a transform is unknown,
            of an output that is not there, or not for the values of its output.
        TypeError
            If `X` is a single mesh, or not all in it are meshes.
        """
        check_not_empty(X)
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
        for name in ("n_features_in_", "feature_names_in_"):  # of rows fitted before
            vars(self).pop(name, None)
        scalars, self.scalar_names_ = scalar_table(samples)
        targets = self._read_targets(y, len(samples))
        self.morpher_ = self._new_morpher()
        morphs, _ = self.morpher_._fit(samples)
        good = [index for index, morph in enumerate(morphs) if morph is not None]
        if len(good) < 2:
            raise ValueError(
                f"X must hold a minimum of 2 meshes that can be morphed, got {len(good)} of "
                f"{len(samples)}."
            )
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
