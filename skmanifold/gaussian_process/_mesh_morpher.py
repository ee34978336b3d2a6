"""Meshes of varying shape, laid onto one support."""

from dataclasses import replace

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.exceptions import MeshError
from skmanifold.gaussian_process._mesh_input import check_not_empty, holds_meshes, read_meshes
from skmanifold.mesh import MeshSample
from skmanifold.mesh._morph import (
    MorphPlan,
    common_kind,
    mean_fractions,
    medoid,
    outline,
    regular_disk,
    regular_strip,
)
from skmanifold.utils import fit_steps, undone_on_failure, warn_user
from skmanifold.utils._sklearn import StrOptions, fit_context

FLOATS = (np.float64, np.float32)


class MeshMorpher(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    ManifoldEstimator,
):
    """Lay meshes of varying shape onto one support, so that they become rows of equal length.

    The nodes of two finite-element meshes do not correspond, even if the parts look alike. Here
    each mesh is laid flat by harmonic maps [1]_ [2]_, a disk onto the unit disk, a ring around a
    cylinder, with landmarks in the same places for all. One flat mesh is the support, and
    coordinates and fields are carried to its nodes and back by linear interpolation.

    Read more in the :ref:`User Guide <mmgp>`.

    Parameters
    ----------
    weights : {"auto", "cotangent", "mean_value", "uniform"}, default="auto"
        Weights of the harmonic maps. Cotangents make maps that hardly depend on the mesh, the
        others cannot turn triangles over. "auto" takes cotangents, and mean values, with a
        warning, for a mesh of which they would turn a triangle over.
    boundary : {"auto", "landmarks", "arclength"}, default="auto"
        How outlines are matched: by the meshes' `landmarks` and arc length between them, or by arc
        length from the leftmost node on. "auto" uses landmarks if all training meshes have them.
    support : {"medoid", "disk"} or MeshSample, default="medoid"
        "medoid" is the training mesh whose outline is the nearest to the mean outline. "disk" is a
        regular mesh with as many nodes as the median mesh. A mesh given is laid flat like others.
    topology : {"auto", "disk", "annulus", "shared"}, default="auto"
        What the meshes are: disks, in the plane or in space, or planar meshes with one hole. "auto"
        takes what they are, which must be the same for all. "shared" is for meshes of one and the
        same `cells`, of any topology: their nodes correspond already, and nothing is morphed.
    on_failure : {"raise", "warn"}, default="raise"
        What to do about a mesh that cannot be morphed. With "warn" its row is NaN.
    n_jobs : int or None, default=None
        Meshes at a time, by joblib.

    Attributes
    ----------
    support_ : MeshSample or None
        The support, laid flat: on the unit disk, or with angle and height as coordinates. The
        first mesh if they are shared. None after rows of numbers, as the next three.
    support_index_ : int or None
        Which training mesh is the support; None if none is.
    topology_ : {"disk", "annulus", "shared"}
        What the meshes are; "shared" after rows of numbers.
    failures_ : dict of int to str
        Faults of the training meshes that could not be morphed, by index.
    weights_ : ndarray of shape (n_samples,)
        Weights that each training mesh was laid flat with; "none" if it was not.
    n_flips_ : ndarray of shape (n_samples,)
        Triangles of each training mesh that are turned over.
    smallest_angles_ : ndarray of shape (n_samples,)
        Smallest angle of each training mesh laid flat, in degrees. NaN if it was not.
    clamped_shares_ : ndarray of shape (n_samples,)
        Share of nodes, of the mesh and of the support, that lie beyond the other's outline, where
        values are taken from the nearest chord.
    n_features_in_ : int
        Columns of `X` in `fit`, if `X` was rows of numbers.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, where `X` had any.

    See Also
    --------
    MMGPRegressor : Predicts fields and quantities on such meshes.
    SnapshotPOD : Codes of a few numbers from the coordinates.

    Notes
    -----
    Rows of numbers are taken as the nodes of meshes that correspond already, and returned as they
    are: that a pipeline may be fed either.

    With cotangent weights a disk costs one sparse symmetric solve. The two rims of a ring are laid
    along the two ends of a cylinder of circumference 2 pi and height 1, where height and angle are
    harmonic: unlike a map between two circles, this turns no triangle over.

    References
    ----------
    .. [1] F. Casenave, B. Staber and X. Roynard, "MMGP: a Mesh Morphing Gaussian Process-based
       machine learning method for regression of physical problems under non-parameterized
       geometrical variability", NeurIPS 2023.
    .. [2] W. T. Tutte, "How to draw a graph", Proceedings of the London Mathematical Society, 1963.
    .. [3] M. S. Floater, "Mean value coordinates", Computer Aided Geometric Design 20, 2003.

    Examples
    --------
    >>> from skmanifold import MeshMorpher
    >>> from skmanifold.datasets import make_tensile_meshes
    >>> meshes = make_tensile_meshes(10, structured=True, random_state=0).X
    >>> morpher = MeshMorpher()
    >>> coordinates = morpher.fit_transform(meshes)
    >>> coordinates.shape == (10, 2 * morpher.support_.n_nodes)
    True
    >>> int(morpher.n_flips_.sum())
    0
    """

    _parameter_constraints = {
        "weights": [StrOptions({"auto", "cotangent", "mean_value", "uniform"})],
        "boundary": [StrOptions({"auto", "landmarks", "arclength"})],
        "support": [StrOptions({"medoid", "disk"}), MeshSample],
        "topology": [StrOptions({"auto", "disk", "annulus", "shared"})],
        "on_failure": [StrOptions({"raise", "warn"})],
        "n_jobs": [None, int],
    }

    def __init__(
        self,
        *,
        weights="auto",
        boundary="auto",
        support="medoid",
        topology="auto",
        on_failure="raise",
        n_jobs=None,
    ):
        self.weights = weights
        self.boundary = boundary
        self.support = support
        self.topology = topology
        self.on_failure = on_failure
        self.n_jobs = n_jobs

    def fit(self, X, y=None):
        """Choose the support, and where landmarks lie on it.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
        y : None
            Ignored, present by convention.

        Returns
        -------
        self : MeshMorpher

        Raises
        ------
        MeshError
            If a mesh cannot be morphed, with ``on_failure="raise"``, or none can; or if `support`
            is a mesh that cannot.
        ValueError
            If `X` is empty, or some meshes are in the plane and some in space.
        TypeError
            If `X` is a single mesh, or not all in it are meshes.
        """
        self.fit_transform(X)
        return self

    def fit_transform(self, X, y=None):
        """Fit to the meshes, and return their coordinates on the support.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)
        y : None
            Ignored, present by convention.

        Returns
        -------
        coordinates : ndarray of shape (n_samples, n_support_nodes * n_dims)
            As from `transform`.

        Raises
        ------
        MeshError, ValueError, TypeError
            As `fit` does.
        """
        return self._fit(X)[1]

    @undone_on_failure
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def _fit(self, X):
        """Morphs of the training meshes, None for rows of numbers, and the coordinates."""
        check_not_empty(X)
        with fit_steps(self, 2, X) as step:
            if not holds_meshes(X):
                return None, self._fit_rows(X, step)
            samples = read_meshes(X)
            for name in ("n_features_in_", "feature_names_in_"):  # of rows fitted before
                vars(self).pop(name, None)
            with step("support"):
                self._plan, self.support_index_, self.failures_ = self._planned(samples)
                self.support_ = _support_sample(self._plan, samples, self.support_index_)
                self.topology_ = self._plan.kind
                self._n_features_out = self.support_.n_nodes * samples[0].points.shape[1]
            with step("morph"):
                morphs = self._morphs(samples, self.failures_)
            self._set_diagnostics(morphs)
            return morphs, self._coordinates(samples, morphs)

    def _fit_rows(self, X, step):
        """Take rows of numbers as nodes that correspond already."""
        with step("support"):
            X = validate_data(self, X, dtype=FLOATS, copy=True)
            self._n_features_out = X.shape[1]
        with step("morph"):
            self._plan, self.support_, self.support_index_ = None, None, None
            self.topology_, self.failures_ = "shared", {}
            self._set_diagnostics([None] * len(X))
        return X

    def transform(self, X):
        """Lay meshes onto the support.

        Parameters
        ----------
        X : list of MeshSample, or array-like of shape (n_samples, n_features)

        Returns
        -------
        coordinates : ndarray of shape (n_samples, n_support_nodes * n_dims)
            Coordinates of the first support node, of the second, and so on. Rows of meshes that
            cannot be morphed are NaN with ``on_failure="warn"``. Rows of numbers are returned as
            they are.

        Raises
        ------
        MeshError
            If a mesh cannot be morphed, with ``on_failure="raise"``.
        ValueError
            If `X` is empty, or meshes are of another number of coordinates than in `fit`.
        TypeError
            If `X` is not of the kind given to `fit`, or a single mesh.
        """
        check_is_fitted(self)
        check_not_empty(X)
        if self._plan is None and not holds_meshes(X):
            return validate_data(self, X, dtype=FLOATS, copy=True, reset=False)
        samples = self._readable(X)
        return self._coordinates(samples, self.morph(samples))

    def morph(self, X):
        """Transfer between meshes and the support.

        Parameters
        ----------
        X : list of MeshSample

        Returns
        -------
        morphs : list of Morph or None
            With the matrices `to_support` and `from_support`, and diagnostics. None for a mesh that
            cannot be morphed, with ``on_failure="warn"``.

        Raises
        ------
        MeshError
            If a mesh cannot be morphed, with ``on_failure="raise"``.
        ValueError
            If `X` is empty, or meshes are of another number of coordinates than in `fit`.
        TypeError
            If `X` is not of the kind given to `fit`, or a single mesh.
        """
        check_is_fitted(self)
        return self._morphs(self._readable(X), {})

    def _readable(self, X):
        """A list of meshes of the training meshes' space."""
        check_not_empty(X)
        if self._plan is None:
            raise TypeError("X must be rows of numbers, as in fit, and those are not morphed.")
        if not holds_meshes(X):
            raise TypeError(
                f"X must be a list of MeshSample, as in fit, and this {type(X).__name__} has none."
            )
        samples = read_meshes(X)
        n_dims = self._n_features_out // self.support_.n_nodes
        if samples[0].points.shape[1] != n_dims:
            raise ValueError(
                f"X must hold meshes with points of {n_dims} coordinates, as in fit, got "
                f"{samples[0].points.shape[1]}."
            )
        return samples

    def _planned(self, samples):
        """The plan of all morphs, which sample is the support if one is, and faults by sample."""
        if self.topology == "shared":
            cells, n_nodes = samples[0].cells, samples[0].n_nodes
            return MorphPlan("shared", "auto", cells=cells, n_nodes=n_nodes), 0, {}
        draft = MorphPlan(self.topology, self.weights, landmarks=self._matches_landmarks(samples))
        surfaces, faults = self._each(draft.outlined, samples)
        self._report(faults)
        good = {index: each for index, each in enumerate(surfaces) if index not in faults}
        if not good:
            raise MeshError(f"no mesh of X can be morphed; X[0]: {faults[0]}")
        plan = replace(draft, kind=common_kind(good), fractions=mean_fractions(good))
        self._tell_of_landmarks(samples)
        return *self._with_support(plan, samples, good), faults

    def _matches_landmarks(self, samples):
        """Whether landmarks are matched: if all meshes have some, unless told."""
        if self.boundary == "auto":
            return all(sample.landmarks is not None for sample in samples)
        return self.boundary == "landmarks"

    def _tell_of_landmarks(self, samples):
        """Warn if some meshes have landmarks that are not matched because others have none."""
        without = [index for index, sample in enumerate(samples) if sample.landmarks is None]
        if self.boundary == "auto" and 0 < len(without) < len(samples):
            warn_user(
                f"X[{without[0]}] has no landmarks, as {len(without)} of {len(samples)} meshes: "
                "outlines of all are matched by arc length alone."
            )

    def _with_support(self, plan, samples, good):
        """The plan with its support, and which sample that is."""
        if isinstance(self.support, MeshSample):
            try:
                flat, weights = plan.flat_mesh(plan.outlined(self.support))
            except MeshError as error:
                raise MeshError(f"support: {error}") from error
            self._report_weights({"support": weights})
            return replace(plan, support=flat), None
        if self.support == "disk":
            n_nodes = int(np.median([samples[index].n_nodes for index in good]))
            regular = regular_disk if plan.kind == "disk" else regular_strip
            return replace(plan, support=regular(n_nodes)), None
        outlines = [outline(each, plan.fractions) for each in good.values()]
        index = list(good)[medoid(np.array(outlines))]
        return replace(plan, support=plan.flat_mesh(good[index])[0]), index

    def _morphs(self, samples, faults):
        """Morphs of the samples without faults; None for the others and for those that fail."""
        good = [index for index in range(len(samples)) if index not in faults]
        morphs, new = self._each(self._plan.morph, [samples[index] for index in good])
        self._report({good[place]: fault for place, fault in new.items()})
        faults |= {good[place]: fault for place, fault in new.items()}
        placed = dict(zip(good, morphs, strict=True))
        self._report_weights({f"X[{i}]": placed[i].weights for i in good if placed[i] is not None})
        return [placed.get(index) for index in range(len(samples))]

    def _each(self, work, samples):
        """Results by sample, None where there is a fault, and the faults."""
        outcomes = Parallel(n_jobs=self.n_jobs)(
            delayed(_outcome)(work, sample) for sample in samples
        )
        faults = {index: fault for index, (_, fault) in enumerate(outcomes) if fault}
        return [result for result, _ in outcomes], faults

    def _report(self, faults):
        """Raise an error about the first fault, or warn of all."""
        if not faults:
            return
        first, fault = next(iter(faults.items()))
        if self.on_failure == "raise":
            raise MeshError(f'X[{first}]: {fault} With on_failure="warn" such meshes are left out.')
        others = sorted(faults)[1:]
        more = f" So are {len(others)} others: {others[:5]}." if others else ""
        warn_user(f"X[{first}] is left out: {fault}{more}")

    def _report_weights(self, weights):
        """Warn of the meshes, by name, that were laid flat with other weights than cotangents."""
        changed = [name for name, kind in weights.items() if kind == "mean_value"]
        if self.weights == "auto" and changed:
            warn_user(
                f"Cotangents turn triangles over in {len(changed)} of {len(weights)} meshes, such "
                f"as {', '.join(changed[:5])}; mean values are taken there, which depend more on "
                "how a mesh is made."
            )

    def _set_diagnostics(self, morphs):
        """Keep what tells how well the training meshes were morphed."""
        self.weights_ = np.array([morph.weights if morph else "none" for morph in morphs])
        self.n_flips_ = np.array([morph.n_flips if morph else 0 for morph in morphs])
        self.smallest_angles_ = np.array([m.smallest_angle if m else np.nan for m in morphs])
        self.clamped_shares_ = np.array([m.clamped_share if m else np.nan for m in morphs])

    def _shapes(self, samples, morphs):
        """What tells the shapes apart (n, n_features): coordinates, or outlines alone for rings.

        Either tells all, as harmonic maps follow from the outlines. Around rings the outlines have
        less of the noise of meshes: far from the hole, cells are large and coordinates are, too.
        """
        if self.topology_ == "annulus":
            return np.array([morph.outline.ravel() for morph in morphs])
        return self._coordinates(samples, morphs)

    def _coordinates(self, samples, morphs):
        """Coordinates on the support, a row for each mesh."""
        rows = np.full((len(samples), self._n_features_out), np.nan)
        for row, sample, morph in zip(rows, samples, morphs, strict=True):
            if morph is not None:
                row[:] = (morph.to_support @ sample.points).ravel()
        return rows


def _outcome(work, sample):
    """What the work makes of a sample, or None and the words of its fault."""
    try:
        return work(sample), ""
    except MeshError as error:
        return None, str(error)


def _support_sample(plan, samples, index):
    """The support as a mesh."""
    if plan.support is None:
        return samples[index]
    return MeshSample(plan.support.nodes, plan.support.triangles)
