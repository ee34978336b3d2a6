"""Many exact Gaussian processes at once."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skmanifold.base import ManifoldEstimator
from skmanifold.gp import BatchedPosterior, ExportedGP, search_batch
from skmanifold.utils import (
    as_arrays,
    as_tensors,
    draw_seed,
    fit_steps,
    resolve_device,
    to_numpy,
    to_tensor,
    undone_on_failure,
    warn_user,
)
from skmanifold.utils._sklearn import Interval, Options, StrOptions, fit_context

# In standard deviations of a feature: beyond, squares of distances would overflow, and predictions
# are those of the prior long since.
FARTHEST = 1e100


class BatchedGPRegressor(RegressorMixin, CallbackSupportMixin, ManifoldEstimator):
    """Exact Gaussian processes for many outputs, fitted all at once.

    Each output is a function with a constant mean, a kernel with a lengthscale for each feature
    (ARD), and noise. Hyper-parameters maximise the evidence, times a prior if one is given. It is
    what one would do with a `GaussianProcessRegressor` per output, many times faster: all outputs
    and all starts of the search are rows of one batch, in float64, on a GPU if there is one.

    Parameters
    ----------
    kernel : {"matern52", "rbf"}, default="matern52"
        Matern 5/2, for functions that have two derivatives, or squared exponential, for functions
        that have all.
    share : {"none", "scaled"}, default="none"
        "none" fits each output by itself. "scaled" finds one set of lengthscales for all outputs
        by their joint evidence at a common amplitude and noise, at the cost of one output. They
        are judged in one unit, so that outputs of small variance, such as the last modes of a
        decomposition, count as little as they are. Each output then takes the amplitude and the
        noise of its own greatest evidence.
    noise : float or "auto", default="auto"
        Standard deviation of the noise, in units of `y`. "auto" fits it, as at least 1e-6 of the
        standard deviation of the function. If it is given, the outputs of ``share="scaled"`` have
        one amplitude, too.
    lengthscale_prior : float or None, default=None
        Median of a log-normal prior of the lengthscales, in units of `X`, whose logarithm has a
        standard deviation of 1: so 95% of it are between a seventh and seven times the median.
        With many features for few samples it keeps error bars from being too narrow, and lets
        features of small variance count little. None has no prior: the evidence alone decides.
    normalize_y : bool, default=True
        Whether the mean of the processes is that of `y` over the samples, and else nought.
    n_restarts : int, default=9
        Random starts of each search besides the first. Of 120 outputs with 6 to 20 features, 24
        ended half a nat or more below the best known optimum with none, 7 with 4, 3 with 9 and 1
        with 14 (measured). A start is given up early if it is far behind or on its way to a place
        that another will reach: each costs about half of the first.
    max_iter : int, default=300
        Most iterations of the search from each start.
    tol : float, default=1e-3
        A search ends where a step brings less than so many nats.
    device : str or torch.device, default="auto"
        Where the work is done. "auto" is CUDA where there is one and the CPU elsewhere.
    random_state : int, RandomState instance or None, default=None
        Of the starts.

    Attributes
    ----------
    lengthscales_ : ndarray of shape (n_outputs, n_features)
        In units of `X`. At hundreds of standard deviations of a feature it has no influence as a
        rule.
    signal_variance_ : ndarray of shape (n_outputs,)
        Prior variance of the function, in squared units of `y`.
    noise_variance_ : ndarray of shape (n_outputs,)
        Of the noise. The standard deviation of a new measurement is
        ``sqrt(std**2 + noise_variance_)``, with `std` from `predict`.
    jitter_ : ndarray of shape (n_outputs,)
        Variance that had to be added to the noise to factorise the covariance of the samples.
        Nought, unless samples lie close together and the noise is given as hardly any.
    log_marginal_likelihood_ : ndarray of shape (n_outputs,)
        Log evidence of the samples, in units of `y`.
    n_iter_ : ndarray of shape (n_outputs,)
        Iterations of the search that was the best.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Only where `X` has names that are all strings.

    See Also
    --------
    sklearn.gaussian_process.GaussianProcessRegressor : One process, with any kernel.
    skmanifold.gaussian_process.RVGP : Fields on a manifold that is learnt, too.

    Notes
    -----
    Features are standardised inside; their units have no influence but on a prior. For each set of
    lengthscales the best amplitude is known in closed form, so that only the others are searched
    for: by L-BFGS with a line search for each row, between 0.01 and a million standard
    deviations of a feature.

    Time grows with the third power of `n_samples`, memory with the second: the fitted estimator
    holds a matrix (n_samples, n_samples) for each output, or one of them if they share, and a fit
    six more on a CPU (as many as fit an eighth of scikit-learn's working memory on a GPU).

    An output that does not vary is predicted as it is, with hardly any uncertainty.

    References
    ----------
    .. [1] C. Rasmussen and C. Williams, "Gaussian Processes for Machine Learning", 2006,
       chapters 2 and 5.
    .. [2] F. Casenave, B. Staber and X. Roynard, "MMGP: a Mesh Morphing Gaussian Process-based
       machine learning method for regression of physical problems under non-parameterized
       geometrical variability", NeurIPS 2023: where many outputs come from.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.gaussian_process import BatchedGPRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-2, 2, size=(60, 3))
    >>> y = np.stack([np.sin(2 * X[:, 0]), X[:, 0] * X[:, 1]], axis=1)  # not of the last one
    >>> model = BatchedGPRegressor(random_state=0).fit(X, y + 0.05 * rng.normal(size=y.shape))
    >>> model.lengthscales_ > 100  # features without influence
    array([[False,  True,  True],
           [False, False,  True]])
    >>> mean, std = model.predict([[0.5, 1.0, 0.0]], return_std=True)
    >>> bool(np.all(np.abs(mean - [np.sin(1.0), 0.5]) < 4 * std))
    True
    """

    _parameter_constraints = {
        "kernel": [StrOptions({"matern52", "rbf"})],
        "share": [StrOptions({"none", "scaled"})],
        "noise": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "lengthscale_prior": [Interval(Real, 0, None, closed="neither"), None],
        "normalize_y": ["boolean"],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "device": [str, Options(torch.device, set())],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        kernel="matern52",
        *,
        share="none",
        noise="auto",
        lengthscale_prior=None,
        normalize_y=True,
        n_restarts=9,
        max_iter=300,
        tol=1e-3,
        device="auto",
        random_state=None,
    ):
        self.kernel = kernel
        self.share = share
        self.noise = noise
        self.lengthscale_prior = lengthscale_prior
        self.normalize_y = normalize_y
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.tol = tol
        self.device = device
        self.random_state = random_state

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    @undone_on_failure
    def fit(self, X, y):
        """Find the hyper-parameters of every output, and condition on all samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        self : BatchedGPRegressor

        Raises
        ------
        ValueError
            If shapes do not fit, or numbers are not finite or so large that their spread is not.
        """
        kwargs = {"multi_output": True, "y_numeric": True, "dtype": [np.float64, np.float32]}
        kwargs["ensure_min_samples"] = 2  # one has no spread to judge errors by
        X, y = validate_data(self, X, y, **kwargs)
        device, seed = resolve_device(self.device), draw_seed(self.random_state)
        outputs = y.reshape(len(y), -1).astype(np.float64)
        points, x_center, x_scale = _standardized(X.astype(np.float64), "X")
        targets, y_center, y_scale = _standardized(outputs, "y", centered=self.normalize_y)
        x_scale, y_scale = np.where(x_scale > 0, x_scale, 1.0), self._units(y_center, y_scale)
        with fit_steps(self, 2, X) as step:
            points = to_tensor(points / x_scale, device=device)
            targets = self._groups(to_tensor(targets / y_scale, device=device))
            noises = self._noises(y_scale, targets)
            with step("search"):
                search = search_batch(
                    points,
                    targets,
                    kernel=self.kernel,
                    noises=noises,
                    medians=self._medians(x_scale, device),
                    n_restarts=self.n_restarts,
                    max_iter=self.max_iter,
                    tol=self.tol,
                    generator=np.random.default_rng(seed),
                )
            with step("posterior"):
                known = (points, targets, search.logs, noises)
                posterior = BatchedPosterior.given(self.kernel, *known)
        if search.capped.any():
            warn_user(
                f"The search of {int(search.capped.sum())} of {len(search.capped)} sets of "
                f"hyper-parameters ended at max_iter={self.max_iter}; raise it.",
                ConvergenceWarning,
            )
        # All at once and last: a fit that fails leaves an earlier one as it was.
        self._posterior, self._flat = as_arrays(posterior), y.ndim == 1
        self._outputs = outputs  # as they were, for exported models
        self._x_center, self._x_scale = x_center, x_scale
        self._y_center, self._y_scale = y_center, y_scale
        self._tell(search)
        return self

    def _units(self, center, scale):
        """What one is in the search, for each output."""
        if self.share == "scaled":  # by the leading output, so that small ones count little
            return np.full_like(scale, scale.max() or 1.0)
        # The error bars of an output that never varies are a share of it.
        return np.select([scale > 0, center != 0], [scale, np.abs(center)], 1.0)

    def _groups(self, targets):
        """Targets (n, q) as groups (G, n, c) of outputs that share their lengthscales."""
        return targets[None] if self.share == "scaled" else targets.T[:, :, None]

    def _noises(self, y_scale, targets):
        """Noise variances of the groups in units of their targets, where they are given."""
        if self.noise == "auto":
            return None
        return to_tensor((self.noise / y_scale[: len(targets)]) ** 2, device=targets.device)

    def _medians(self, x_scale, device):
        """Medians of the lengthscales' priors in standard deviations of the features, if any."""
        if self.lengthscale_prior is None:
            return None
        return to_tensor(self.lengthscale_prior / x_scale, device=device)

    def _tell(self, search):
        """Fitted attributes, in units of X and y."""
        fitted, n_outputs = self._posterior, len(self._y_scale)
        shape = (n_outputs, len(self._x_scale))
        self.lengthscales_ = np.broadcast_to(fitted.lengthscales * self._x_scale, shape).copy()
        self.signal_variance_ = fitted.amplitudes.ravel() * self._y_scale**2
        self.noise_variance_ = fitted.ratios.ravel() * self.signal_variance_
        self.jitter_ = fitted.jitters.ravel() * self.signal_variance_
        change = len(fitted.points) * np.log(self._y_scale)
        self.log_marginal_likelihood_ = fitted.log_evidences.ravel() - change
        self.n_iter_ = np.broadcast_to(to_numpy(search.n_iter), n_outputs).copy()

    def predict(self, X, return_std=False, return_cov=False):
        """Means of the functions at some points, and how sure they are.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
            Worked on in blocks that fit scikit-learn's working memory.
        return_std : bool, default=False
        return_cov : bool, default=False
            All points are taken together, at a cost of the square of their number.

        Returns
        -------
        mean : ndarray of shape (n_queries,) or (n_queries, n_outputs)
            As `y` was. Computed in float64, and of the dtype of `X`, as are the others.
        std : ndarray of the same shape
            Standard deviation of the function itself, free of the noise. Only with `return_std`.
        covariance : ndarray of shape (n_queries, n_queries) or (n_queries, n_queries, n_outputs)
            Likewise. Only with `return_cov`.
        """
        if return_std and return_cov:
            raise ValueError("At most one of return_std and return_cov can be requested.")
        X = self._new_points(X)
        posterior, queries = self._on_device(X, roots=return_std or return_cov)
        chunks = posterior.chunks(len(X))
        if not return_std:
            means = torch.cat([posterior.mean(queries[rows]) for rows in chunks])
            mean = self._in_units(to_numpy(means), X.dtype)
            return (mean, self._covariances(posterior, queries, X.dtype)) if return_cov else mean
        pairs = [posterior.mean_and_variances(queries[rows]) for rows in chunks]
        means, variances = (to_numpy(torch.cat(parts)) for parts in zip(*pairs, strict=True))
        std = self._shaped(np.sqrt(variances) * self._y_scale, X.dtype)
        return self._in_units(means, X.dtype), std

    def sample_y(self, X, n_samples=1, random_state=0):
        """Functions drawn from the posterior, free of the noise.

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
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        X = self._new_points(X)
        posterior, queries = self._on_device(X)
        shape = (len(self._y_scale), len(X), n_samples)
        normals = check_random_state(random_state).standard_normal(shape)
        draws = to_numpy(posterior.draws(queries, to_tensor(normals, device=queries.device)))
        return self._shaped(draws * self._y_scale[:, None] + self._y_center[:, None], X.dtype)

    def to_gpytorch(self, output=0):
        """One of the fitted processes as a gpytorch model.

        Parameters
        ----------
        output : int, default=0
            Its column in `y`.

        Returns
        -------
        model : skmanifold.gp.ExportedGP
            A `gpytorch.models.ExactGP` in float64 and in evaluation mode, on the estimator's
            device: ``model(X)`` is the posterior of the function, as by `predict`. The noise of
            its likelihood has `jitter_` in it.
        """
        check_is_fitted(self)
        check_scalar(output, "output", Integral, min_val=0, max_val=len(self._y_scale) - 1)
        device = resolve_device(self.device)
        return ExportedGP(
            to_tensor(self._posterior.points * self._x_scale + self._x_center, device=device),
            to_tensor(self._outputs[:, output], device=device),
            kernel=self._posterior.kernel,
            mean=self._y_center[output],
            lengthscales=to_tensor(self.lengthscales_[output], device=device),
            amplitude=self.signal_variance_[output],
            noise=self.noise_variance_[output] + self.jitter_[output],
        )

    def _new_points(self, X):
        check_is_fitted(self)
        return validate_data(self, X, dtype=[np.float64, np.float32], reset=False)

    def _on_device(self, X, *, roots=True):
        """The posterior, and standardised points, on the device of now."""
        device, posterior = resolve_device(self.device), self._posterior
        if not roots:  # by far the largest part, which means do without
            posterior = replace(posterior, roots=posterior.roots[:0])
        with np.errstate(over="ignore"):
            queries = (X - self._x_center) / self._x_scale
        queries = queries.clip(-FARTHEST, FARTHEST)
        return as_tensors(posterior, device), to_tensor(queries, device=device)

    def _covariances(self, posterior, queries, dtype):
        """Posterior covariances in units of y."""
        result = np.empty((len(queries), len(queries), len(self._y_scale)), dtype)
        for k, covariance in enumerate(posterior.covariances(queries)):
            result[:, :, k] = to_numpy(covariance) * self._y_scale[k] ** 2
        return result[:, :, 0] if self._flat else result

    def _in_units(self, means, dtype):
        return self._shaped(means * self._y_scale + self._y_center, dtype)

    def _shaped(self, values, dtype):
        """Outputs in the shape of y."""
        return (values[:, 0] if self._flat else values).astype(dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _standardized(columns, name, *, centered=True):
    """Columns without their mean, the mean, and the standard deviation: nought if it is rounding.

    Without centering, the root mean square takes the place of the standard deviation.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        center = columns.mean(0) if centered else np.zeros(columns.shape[1])
        values = columns - center
        largest = np.abs(values).max(0)
        unit = np.where(largest > 0, largest, 1.0)
        scale = unit * np.sqrt(np.mean((values / unit) ** 2, axis=0))
    if not (np.isfinite(center).all() and np.isfinite(scale).all()):
        raise ValueError(f"{name} holds numbers too large to take their mean: rescale it.")
    flat = scale <= 10 * np.finfo(np.float64).eps * np.abs(columns).max(0)
    return np.where(flat, 0.0, values), center, np.where(flat, 0.0, scale)
