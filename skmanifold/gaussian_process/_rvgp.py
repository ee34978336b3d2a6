"""Gaussian processes for vector fields on an unknown manifold."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_array, check_consistent_length, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.gaussian_process._field_geometry import Setting
from skmanifold.gaussian_process._field_input import (
    Targets,
    all_points,
    has_nan,
    read_labels,
    rms_radius,
)
from skmanifold.gaussian_process._field_settings import (
    field_geometry,
    frame_grid,
    given_geometry,
    graph_grid,
)
from skmanifold.gaussian_process._fitted_field import FittedField
from skmanifold.gaussian_process._model_choice import (
    Choice,
    posterior_of,
    projection_helps,
)
from skmanifold.gaussian_process._model_report import (
    evidence_results,
    evidence_table,
    in_units_of_data,
)
from skmanifold.gaussian_process._model_search import FAMILIES, Grid, LabeledField, ModelSearch
from skmanifold.gaussian_process._vector_calculus import VectorCalculusMixin
from skmanifold.gp import RADIAL
from skmanifold.linalg import deterministic_bases
from skmanifold.utils import (
    as_arrays,
    as_tensors,
    draw_seed,
    fit_steps,
    resolve_device,
    to_numpy,
    to_tensor,
    undone_on_failure,
)
from skmanifold.utils._sklearn import Interval, Options, StrOptions, fit_context

MOST_MIXED = 6  # ambient dimensions up to which tangent and ambient terms are tried together


class RVGP(
    VectorCalculusMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
    CallbackSupportMixin,
    ManifoldEstimator,
):
    """Gaussian process for vector or scalar fields on a manifold known by its points alone.

    From noisy vectors at some points of a surface (wind on a globe, currents on a sheet, the flow
    of neural states) it tells the field everywhere on it, and how sure it is. The surface itself
    is learnt from all points, labelled or not:

    1. tangent frames T are fitted to the neighbours of each point (`tangent_frames`);
    2. a neighbour graph carries vectors from point to point, and the eigenvectors Phi of its
       connection Laplacian are the smoothest fields on it (`connection_laplacian`);
    3. a field is a sum of up to three Gaussian processes and noise, with the projectors
       ``P = T T'``::

           K(x, x') = s_g^2 Phi(x) S Phi(x')'         "spectral": along the manifold
                    + s_l^2 k_l(|x - x'|) P(x) P(x')   "tangent": near in space
                    + s_a^2 k_a(|x - x'|) I            "ambient": no geometry at all

       ``S_k ~ (lambda_k + 2 nu / kappa^2)^(-nu - m / 2)`` is the Matern spectrum of the manifold;
    4. the evidence chooses the neighbourhoods, the terms and every hyper-parameter;
    5. new points are placed by moving least squares on the nodes around them.

    Scalar fields, or several of them, are the special case of a trivial connection: a Matern
    process of the graph plus one of the distance.

    Parameters
    ----------
    field : {"auto", "vector", "scalar", "tangent"}, default="auto"
        What `y` is. "auto" takes `y` of the shape of `X` as a vector field in ambient
        coordinates if at least 70% of its energy is tangent to a manifold of a lower dimension
        than the space, and else as scalar fields. "tangent" means coordinates in given frames.
    manifold_dim : int or "auto", default="auto"
        Dimension of the manifold. "auto" rounds the estimate of the distances to neighbours.
    n_neighbors : int or "auto", default="auto"
        Neighbours in the graph, which set its bandwidth. "auto" climbs the evidence among 15,
        30, 60 and 120, as far as there are so many points. Not used with a given graph or faces.
    n_frame_neighbors : int or "auto", default="auto"
        Neighbours that each frame is fitted to. "auto" chooses between few, for sheets that
        nearly touch, and 2.5 times as many, for noisy points: 8 and 20 for surfaces. Scalar
        fields take the larger number. Not used with given frames or faces.
    n_eigenpairs : int, default=200
        Most eigenvectors of the spectral term and of `transform`, found whatever the kernel; a
        repeated eigenvalue is kept whole or not at all. More resolve finer fields, and cost time.
    kernel : {"hybrid", "spectral", "tangent", "ambient"}, default="hybrid"
        Which terms may be used. "hybrid" lets the evidence choose among sums of them. "spectral"
        alone is the published method, solved in weight space at a cost that the labels hardly
        enter. "ambient" alone uses no geometry at all but that of predictions. For scalar fields
        "tangent" and "ambient" are one and the same.
    local_kernel : {"auto", "rbf", "matern72", "matern52"}, default="auto"
        Correlation at a distance of the tangent and ambient terms, from smooth to rough; "auto"
        compares all. Not used by the spectral term.
    nu : float or "auto", default="auto"
        Smoothness of the spectral term; "auto" fits it, between 0.3 and 8.
    noise : float or "auto", default="auto"
        Standard deviation of the labels' noise in each direction, in units of `y`. "auto" fits
        it. If it is given, several scalar outputs share all hyper-parameters, else each output
        has its own scale and noise, in one proportion.
    n_landmarks : int, "auto" or None, default="auto"
        Points that become nodes, chosen evenly by `furthest_point_sampling`; the others are
        placed between them. "auto" takes 3000 where there are more than 5000 distinct points;
        None takes all, as do ``field="tangent"``, faces and a graph, which name every point.
    max_exact : int, default=4000
        Label coordinates (labels times directions) up to which the process is solved exactly.
        Beyond it, it is solved in the space of the eigenvectors and of about 1500 features of
        the other terms.
    missing_target : {"error", "unlabeled"}, default="error"
        What NaN in `y` mean. "unlabeled" uses such rows for the manifold alone. `score` needs
        labels in all rows.
    n_restarts : int, default=0
        Further starts of each fit of hyper-parameters, drawn from their priors. The search
        starts each candidate from one that was fitted before, so that none is needed as a rule.
    eigen_solver : {"auto", "dense", "lanczos", "chebyshev"}, default="auto"
        How eigenvectors are found.
    device : str or torch.device, default="auto"
        Where the heavy work runs. "auto" is CUDA where there is one and the CPU elsewhere.
    random_state : int, RandomState instance or None, default=None
        Of landmarks, of the labels that candidates are compared on, and of restarts.
    n_jobs : int or None, default=None
        Threads of neighbour searches.

    Attributes
    ----------
    field_ : str
        "vector", "scalar" or "tangent".
    tangential_share_ : float or None
        Share of the energy of `y` in the tangent spaces: None for scalars, unless "auto" found
        `y` of the shape of `X` to be some.
    manifold_dim_ : int
    n_neighbors_, n_frame_neighbors_ : int or None
        As chosen; None where the graph or the frames were given (faces give both), and for
        frames where the manifold fills the space. Without a spectral term the graph is that of
        `transform`: of the best candidate that had one, or the first.
    terms_ : tuple of str
        Terms of the kernel that was chosen.
    local_kernel_ : str
        As chosen; without a meaning where the spectral term stands alone.
    projection_ : bool
        Whether predictions are projected on the tangent spaces: always without the ambient term,
        and with it if that brings left-out labels nearer. Never for scalars.
    hyperparameters_ : dict of str to float or ndarray
        Of each term "<term>_scale", its standard deviation in each direction, and
        "<term>_lengthscale"; "nu" of the spectral term; "noise"; and "normal_noise" across the
        manifold where the ambient term is one of several. Lengths are in units of `X`, scales and
        noise in units of `y` (arrays if there are several scalar outputs).
    noise_variance_ : float or ndarray of shape (n_outputs,)
        In each direction. Beyond `max_exact` it counts what the features cannot follow too, and
        may be more than the square of the "noise" that was fitted.
    nodes_ : ndarray of shape (n_nodes, n_features)
        Distinct points, or landmarks, that carry the manifold.
    frames_ : ndarray of shape (n_nodes, n_features, m)
        Their tangent frames; m is ``manifold_dim_``.
    eigenvalues_ : ndarray of shape (n_pairs,)
        Of the connection Laplacian, in units of one over the square of those of `X`.
    encoding_ : ndarray of shape (n_nodes, D, n_pairs)
        Its eigenvectors in ambient coordinates; D is 1 for scalar fields.
    n_graph_components_ : int
        Parts of the neighbour graph.
    evidence_results_ : dict of str to ndarray
        What was compared: see `evidence_table`.
    log_marginal_likelihood_value_ : float
        Log evidence of the chosen model on the labels that it was judged on, see the notes, in
        units of `y`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where `X` has names that are all strings.

    See Also
    --------
    skmanifold.gaussian_process.ConnectionLaplacianKernel : The spectral term for gpytorch models.
    skmanifold.plotting.VectorFieldDisplay : Pictures of the field and its uncertainty.

    Notes
    -----
    Vectors have the prior mean 0, scalars their mean over the labels. Far from all data the
    prediction returns to it, and its standard deviation to the prior's.

    Candidates are compared on at most 300 labels, the best four on as many as have 1500
    coordinates, and the winner is refined on these. Hyper-parameters have weak log-normal priors
    around the size of the data.

    Scores of ``field="tangent"`` at points that were not nodes compare coordinates in two
    different frames: to cross-validate, pass ambient vectors and `frames` with ``field="vector"``.

    References
    ----------
    .. [1] R. Peach et al., "Implicit Gaussian process representation of vector fields over
       arbitrary latent manifolds", ICLR 2024.
    .. [2] A. Singer and H.-T. Wu, "Vector diffusion maps and the connection Laplacian",
       Communications on Pure and Applied Mathematics 65, 2012.
    .. [3] V. Borovitskiy et al., "Matern Gaussian processes on Riemannian manifolds", NeurIPS
       2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold import RVGP
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 3))
    >>> X /= np.linalg.norm(X, axis=1, keepdims=True)
    >>> wind = np.cross([0.0, 0.0, 1.0], X)  # a sphere that turns about its axis
    >>> y = wind[:100] + 0.1 * rng.normal(size=(100, 3))
    >>> model = RVGP(random_state=0).fit(X[:100], y, X_unlabeled=X[100:])
    >>> model.field_, model.manifold_dim_
    ('vector', 2)
    >>> mean, std = model.predict(X[100:], return_std=True)
    >>> bool(np.abs(mean - wind[100:]).max() < 0.3)
    True
    """

    _parameter_constraints = {
        "field": [StrOptions({"auto", "vector", "scalar", "tangent"})],
        "manifold_dim": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_frame_neighbors": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_eigenpairs": [Interval(Integral, 1, None, closed="left")],
        "kernel": [StrOptions(set(FAMILIES))],
        "local_kernel": [StrOptions({"auto", *RADIAL})],
        "nu": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "noise": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "n_landmarks": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
        "max_exact": [Interval(Integral, 1, None, closed="left")],
        "missing_target": [StrOptions({"error", "unlabeled"})],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "eigen_solver": [StrOptions({"auto", "dense", "lanczos", "chebyshev"})],
        "device": [str, Options(torch.device, set())],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        field="auto",
        *,
        manifold_dim="auto",
        n_neighbors="auto",
        n_frame_neighbors="auto",
        n_eigenpairs=200,
        kernel="hybrid",
        local_kernel="auto",
        nu="auto",
        noise="auto",
        n_landmarks="auto",
        max_exact=4000,
        missing_target="error",
        n_restarts=0,
        eigen_solver="auto",
        device="auto",
        random_state=None,
        n_jobs=None,
    ):
        self.field = field
        self.manifold_dim = manifold_dim
        self.n_neighbors = n_neighbors
        self.n_frame_neighbors = n_frame_neighbors
        self.n_eigenpairs = n_eigenpairs
        self.kernel = kernel
        self.local_kernel = local_kernel
        self.nu = nu
        self.noise = noise
        self.n_landmarks = n_landmarks
        self.max_exact = max_exact
        self.missing_target = missing_target
        self.n_restarts = n_restarts
        self.eigen_solver = eigen_solver
        self.device = device
        self.random_state = random_state
        self.n_jobs = n_jobs

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit(self, X, y, X_unlabeled=None, *, frames=None, faces=None, graph=None):
        """Learn the manifold from all points and the field from the labelled ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points on or near the manifold. One unit of length in all directions: scale features
            of different kinds first.
        y : array-like of shape (n_samples,), (n_samples, n_outputs) or (n_samples, n_features)
            Scalars, or vectors in the coordinates of `X`; with ``field="tangent"`` coordinates
            (n_samples, manifold_dim) in `frames`. Rows of NaN are unlabelled points, if
            `missing_target` allows.
        X_unlabeled : array-like of shape (n_unlabeled, n_features), default=None
            More points of the manifold, without labels. Points to predict at, put here, make the
            manifold known where it matters. Routed through a search or a pipeline, it is split
            like `y` if it has as many rows; a `Pipeline` takes it through its earlier steps with
            ``transform_input=["X_unlabeled"]`` only.
        frames : array-like of shape (n_points, n_features, manifold_dim), default=None
            Orthonormal tangent frames of the rows of `X` and after them of `X_unlabeled`, where
            they are known; else they are estimated.
        faces : array-like of shape (n_faces, 3), default=None
            Triangles of a mesh whose vertices are the rows of `X` and after them of
            `X_unlabeled`: frames and Laplacian (cotangent weights) are those of the surface.
        graph : sparse array of shape (n_points, n_points), default=None
            Symmetric weights of the edges between the rows of `X` and after them of
            `X_unlabeled`, where it is known which are neighbours. Larger is nearer: weights are
            not distances.

        Returns
        -------
        self : RVGP

        Raises
        ------
        ValueError
            If shapes do not fit, numbers are so large or small that their squares overflow or
            vanish, `noise` is too small to solve for, labels are missing without permission,
            `manifold_dim` or a number of neighbours is more than the data allow, frames are not
            orthonormal, faces are broken, or the graph is not symmetric.
        """
        X, labels = self._validated(X, y)
        every = all_points(X, X_unlabeled, getattr(self, "feature_names_in_", None))
        device, seed = resolve_device(self.device), draw_seed(self.random_state)
        center, unit = every.mean(0), rms_radius(every)
        points = (every - center) / unit
        frames, spectrum = given_geometry(points, frames, faces, graph, self.manifold_dim)
        geometry = field_geometry(
            points, frames, spectrum, graph, **self._geometry_params(device, seed)
        )
        around = frame_grid(geometry, self.n_frame_neighbors)
        positions = points[labels.rows]
        located = geometry.manifold(Setting(None, around[-1])).locate(positions)
        targets = Targets.of(
            self.field, labels, to_numpy(located.frames), frames, common=self.noise != "auto"
        )
        geometry = replace(geometry, scalar=targets.kind == "scalar")
        grid = self._grid(geometry, targets.kind, around)
        with fit_steps(self, grid.most_models + 3, every) as step:
            values = to_tensor(targets.values, device=device)
            labeled = LabeledField(geometry, positions, values, targets.kind == "tangent")
            rng, fixed = np.random.default_rng(seed), self._fixed(targets.scale)
            search = ModelSearch(labeled, fixed, self.n_restarts, rng, step)
            choice = Choice.of(search, self.kernel, grid)
            with step("posterior"):
                sizes = {"max_exact": self.max_exact, "adapt_noise": self.noise == "auto"}
                posterior = posterior_of(labeled, choice.model, choice.found, **sizes)
                projected = projection_helps(choice.judged.labels, choice.model, choice.found)
            with step("encoding"):
                encoding = geometry.encoding(choice.setting)
        fitted = FittedField(
            to_tensor(center, device=device),
            torch.tensor(unit, dtype=torch.float64, device=device),
            geometry.manifold(choice.model.setting),
            encoding if "spectral" in choice.model.terms else encoding[:, :, :0],
            posterior,
            to_tensor(targets.offset, device=device),
            to_tensor(targets.scale, device=device),
            geometry.scalar,
            projected,
            targets.kind == "tangent",
        )
        # All at once and last: a fit that fails leaves an earlier one as it was.
        self._fitted, self._flat = as_arrays(fitted), labels.flat
        self._tell_geometry(geometry, choice.setting, encoding, center, unit)
        self._tell_model(targets, choice, fitted)
        return self

    def _geometry_params(self, device, seed):
        """What the parameters say of the manifold."""
        # A tangent field is told in the frames of all its points.
        return {
            "manifold_dim": self.manifold_dim,
            "n_landmarks": None if self.field == "tangent" else self.n_landmarks,
            "n_pairs": self.n_eigenpairs,
            "solver": self.eigen_solver,
            "device": device,
            "n_jobs": self.n_jobs,
            "seed": seed,
        }

    def _tell_geometry(self, geometry, setting, encoding, center, unit):
        """Fitted attributes of the manifold, in units of X."""
        self.manifold_dim_ = geometry.manifold_dim
        self.n_neighbors_ = setting.n_neighbors
        self.n_frame_neighbors_ = setting.n_frame_neighbors
        self.nodes_ = geometry.nodes * unit + center
        self.frames_ = to_numpy(geometry.manifold(setting).frames)
        self.eigenvalues_ = geometry.spectrum(setting).eigenvalues / unit**2
        self.encoding_ = _settled(self.eigenvalues_, to_numpy(encoding))
        self.n_graph_components_ = geometry.n_components(setting)

    def _tell_model(self, targets, choice, fitted):
        """Fitted attributes of the field, in units of y."""
        model, found = choice.model, choice.found
        self.field_, self.tangential_share_ = targets.kind, targets.share
        self.terms_, self.local_kernel_ = model.terms, model.radial
        self.projection_ = fitted.projected
        scale = targets.plain_scale
        self.hyperparameters_ = in_units_of_data(found.values, fitted.unit.item(), scale)
        self.noise_variance_ = (fitted.posterior.noise.item() * scale) ** 2
        self.evidence_results_ = evidence_results(choice.first, choice.judged, model)
        change = len(choice.judged.labels.targets) * targets.log_scale
        self.log_marginal_likelihood_value_ = float(found.log_evidence - change)

    def _validated(self, X, y):
        """Points and labels as they were given, once they are sound."""
        if not has_nan(y):
            kwargs = {"multi_output": True, "y_numeric": True, "dtype": [np.float64, np.float32]}
            X, y = validate_data(self, X, y, **kwargs)
        else:
            X = validate_data(self, X, dtype=[np.float64, np.float32])
            y = check_array(
                y, ensure_2d=False, dtype=np.float64, ensure_all_finite="allow-nan", input_name="y"
            )
            check_consistent_length(X, y)
        return X, read_labels(y, self.missing_target)

    def _grid(self, geometry, kind, around):
        """All that the evidence chooses from."""
        n_features = geometry.points.shape[1]
        projected = kind == "vector" and geometry.manifold_dim < n_features
        return Grid(
            n_neighbors=graph_grid(geometry, self.n_neighbors),
            n_frame_neighbors=around[-1:] if kind == "scalar" else around,
            radials=tuple(RADIAL) if self.local_kernel == "auto" else (self.local_kernel,),
            projected=projected,
            mixed=projected and n_features <= MOST_MIXED,
        )

    def _fixed(self, scale):
        """Hyper-parameters that were given, in the units of the search."""
        given = {} if self.nu == "auto" else {"nu": self.nu}
        return given if self.noise == "auto" else given | {"noise": self.noise / scale[0]}

    @property
    def _field(self):
        """The fitted field on the device of now."""
        check_is_fitted(self)
        return as_tensors(self._fitted, resolve_device(self.device))

    def _new_points(self, X):
        check_is_fitted(self)
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=False)

    def predict(self, X, return_std=False, return_cov=False):
        """The field at some points, and how sure it is.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        return_std : bool, default=False
        return_cov : bool, default=False

        Returns
        -------
        mean : ndarray of the shape of `y`
            Vectors in ambient coordinates, or in the frames of ``field="tangent"``; at a new
            point these are the frame of the nearest node, carried to it.
        std : ndarray of the shape of `y`
            Standard deviation of the field itself, free of the labels' noise, in each
            coordinate. Only with `return_std`.
        covariance : ndarray of shape (n_queries, n_outputs, n_outputs)
            Of the field at each point; of rank ``manifold_dim_`` for tangent vectors. Only with
            `return_cov`.
        """
        X = self._new_points(X)
        if return_std and return_cov:
            raise ValueError("At most one of return_std and return_cov can be requested.")
        field = self._field
        means, spreads = [], []
        for rows in field.chunks(len(X)):
            points = field.points(X[rows])
            if return_std or return_cov:
                mean, covariance = field.mean_and_covariances(points)
                spreads.append(to_numpy(covariance))
            else:
                mean = field.mean(points)
            means.append(to_numpy(mean))
        mean = self._shaped(np.concatenate(means), X.dtype)
        if not (return_std or return_cov):
            return mean
        covariance = np.concatenate(spreads)
        if return_cov:
            return mean, covariance.astype(X.dtype)
        variance = np.diagonal(covariance, axis1=1, axis2=2).clip(min=0)
        return mean, self._shaped(np.sqrt(variance), X.dtype)

    def _shaped(self, values, dtype):
        """Outputs in the shape of y."""
        return (values[:, 0] if self._flat else values).astype(dtype)

    def sample_y(self, X, n_samples=1, random_state=0):
        """Fields drawn from the posterior, free of the labels' noise.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            All of them are drawn together, at a cost of the third power of their number.
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=0

        Returns
        -------
        samples : ndarray of shape (n_queries, n_samples) or (n_queries, n_outputs, n_samples)
            The first where `y` was one-dimensional.
        """
        X = self._new_points(X)
        field = self._field
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        draws = field.samples(field.points(X), n_samples, check_random_state(random_state))
        return self._shaped(to_numpy(draws), X.dtype)

    def transform(self, X):
        """Eigenvectors of the connection Laplacian: coordinates in which smooth fields are linear.

        They do not depend on the choice of frames.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)

        Returns
        -------
        encoding : ndarray of shape (n_queries, n_pairs * D)
            The D ambient coordinates of each eigenvector next to each other; D is 1 for scalar
            fields.
        """
        X = self._new_points(X)
        field = self._field
        located = field.manifold.locate(field.place(X))
        values = located.values(to_tensor(self.encoding_, device=located.frames.device))
        return to_numpy(values.mT.flatten(1)).astype(X.dtype)

    @property
    def _n_features_out(self):
        return self.encoding_.shape[1] * self.encoding_.shape[2]

    def log_marginal_likelihood(self):
        """Log evidence of the chosen model.

        Returns
        -------
        log_evidence : float
            Log density of the labels that it was judged on (see the notes), in units of `y`.
        """
        check_is_fitted(self)
        return self.log_marginal_likelihood_value_

    def evidence_table(self):
        """What was compared, as a table to print.

        Returns
        -------
        table : str
            A line for each candidate: the number of labels it was judged on, its terms, its
            local kernel, the neighbours of graph and frames, its log evidence, and how far its
            evidence (with the priors) is behind the best of the same labels. The last lines are
            of the first round; the arrow marks the choice.
        """
        check_is_fitted(self)
        return evidence_table(self.evidence_results_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _settled(eigenvalues, encoding):
    """Eigenvectors that no choice of frames changes, in sign or within equal eigenvalues."""
    flat = encoding.reshape(-1, encoding.shape[2])
    return deterministic_bases(eigenvalues, flat).reshape(encoding.shape)
