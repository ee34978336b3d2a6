"""The Matern kernel of scalar and vector fields on a graph, as a gpytorch kernel."""

import math
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from gpytorch.priors import Prior
from linear_operator.operators import (
    LinearOperator,
    LowRankRootLinearOperator,
    MatmulLinearOperator,
    RootLinearOperator,
)
from numpy.typing import ArrayLike

from skmanifold.gp._spectral_density import log_matern_variances
from skmanifold.utils import to_tensor

# Below, fields are as rough as white noise; above, none can tell them from those of the heat
# kernel, and the evidence would let nu drift for ever.
NU_BOUNDS = (0.25, 8.0)


class ConnectionLaplacianKernel(Kernel):
    r"""Matern kernel of fields on a graph, from eigenpairs of its (connection) Laplacian.

    Between coordinate a of the field at node i and coordinate b at node j,

    .. math::

        K((i, a), (j, b)) = \sum_k S_k \, \varphi_k(i)_a \, \varphi_k(j)_b, \qquad
        S_k \propto (\lambda_k + 2 \nu / \kappa^2)^{-\nu - m / 2},

    with the length scale :math:`\kappa`, in the unit whose inverse square the eigenvalues have,
    the smoothness :math:`\nu` and the dimension m of the manifold. For :math:`\nu = \infty`,
    :math:`S_k \propto \exp(-\kappa^2 \lambda_k / 2)`. The mean prior variance over nodes and
    directions of the field is 1; `gpytorch.kernels.ScaleKernel` gives it another.

    Inputs are indices of nodes. Eigenvectors of the ordinary Laplacian make it a kernel of scalar
    fields, and those of a connection Laplacian one of tangent vector fields.

    Parameters
    ----------
    eigenvalues : array-like or Tensor of shape (n_eigenpairs,)
        In any order, not negative; what rounding leaves below 0 is taken for 0.
    encoding : array-like or Tensor of shape (n_nodes, n_coordinates, n_eigenpairs)
        The eigenvectors: ``encoding[i, :, k]`` is the value of the k-th at node i. For a vector
        field in ambient coordinates it is ``frames[i] @ u[i, :, k]``, with ``n_coordinates`` the
        dimension of the data; in tangent coordinates ``u[i, :, k]`` itself. For a scalar field
        ``n_coordinates`` is 1. It stays on its device and takes the kernel there.
    manifold_dim : int
        The dimension m of the manifold. No more than ``n_coordinates`` unless that is 1.
    nu : float, default=1.5
        Smoothness, ``float("inf")`` for the heat kernel.
    learn_nu : bool, default=False
        Whether `nu` is a parameter, ``raw_nu``, that starts from the value given.
    nu_prior : gpytorch.priors.Prior or None, default=None
        Prior of a learnt `nu`.
    nu_constraint : gpytorch.constraints.Interval or None, default=None
        Range of a learnt `nu`; None is from 0.25 to 8, as data hardly speak against values without
        bound.
    lengthscale_prior : gpytorch.priors.Prior or None, default=None
    lengthscale_constraint : gpytorch.constraints.Interval or None, default=None
        None asks for positive length scales.
    batch_shape : torch.Size or None, default=None
        One length scale, and one `nu` if it is learnt, for each member of a batch.
    active_dims : tuple of int or None, default=None
        The one column of the inputs that holds the indices, where there are others for other
        kernels.

    Attributes
    ----------
    lengthscale : Tensor of shape (\*batch_shape, 1, 1)
        Settable, as in every gpytorch kernel.
    nu : float, or Tensor of shape (\*batch_shape, 1, 1) if learnt
        Settable.
    spectral_variances : Tensor of shape (\*batch_shape, n_eigenpairs)
        The prior variances :math:`S_k` of the coefficients of the eigenvectors.

    Raises
    ------
    ValueError
        For spectra of wrong shapes, not finite or with negative eigenvalues; for a `manifold_dim`
        or `nu` that cannot be; when called, for inputs that are not indices of nodes.

    Notes
    -----
    Called on inputs of shape (..., n, 1), whole numbers from 0 to ``n_nodes - 1`` of any dtype, it
    gives matrices of ``n * n_coordinates`` rows, node by node: the order that
    `gpytorch.distributions.MultitaskMultivariateNormal` expects.

    The matrix of n nodes is kept as a root with ``n_eigenpairs`` columns. With fewer columns than
    rows, evidence and predictions of an exact GP come of systems with as many unknowns as columns,
    exactly at any number of rows. With more columns, or in a sum with another kernel, gpytorch
    solves in the rows, and above 800 of them is exact only within
    ``gpytorch.settings.max_cholesky_size``.

    Parameters of gpytorch start in torch's default dtype, and that is what the kernel computes in.
    The spectrum keeps its own: after ``model.double()`` nothing of it has been lost.

    References
    ----------
    .. [1] R. L. Peach et al. "Implicit Gaussian process representation of vector fields over
       arbitrary latent manifolds". ICLR 2024.
    .. [2] V. Borovitskiy et al. "Matern Gaussian processes on graphs". AISTATS 2021.

    Examples
    --------
    Fields on a circle of 40 nodes. Lengths are angles as its Laplacian is divided by the squared
    step:

    >>> import gpytorch, numpy as np, torch
    >>> from skmanifold import ConnectionLaplacianKernel
    >>> step = 2 * np.pi / 40
    >>> shift = np.roll(np.eye(40), 1, axis=0)
    >>> values, vectors = np.linalg.eigh((2 * np.eye(40) - shift - shift.T) / step**2)
    >>> kernel = ConnectionLaplacianKernel(values[:15], vectors[:, None, :15], manifold_dim=1)
    >>> kernel(torch.arange(40)).shape
    torch.Size([40, 40])

    A sine known at every fourth node, and its prediction at the nodes 10 and 30:

    >>> class Model(gpytorch.models.ExactGP):
    ...     def __init__(self, x, y, likelihood):
    ...         super().__init__(x, y, likelihood)
    ...         self.mean = gpytorch.means.ZeroMean()
    ...         self.covariance = gpytorch.kernels.ScaleKernel(kernel)
    ...
    ...     def forward(self, x):
    ...         return gpytorch.distributions.MultivariateNormal(self.mean(x), self.covariance(x))
    >>> nodes = torch.arange(0, 40, 4)[:, None]
    >>> likelihood = gpytorch.likelihoods.GaussianLikelihood()
    >>> model = Model(nodes, torch.sin(nodes[:, 0] * step), likelihood).double().eval()
    >>> model.likelihood.noise = 1e-3
    >>> with torch.no_grad():
    ...     print(model(torch.tensor([[10], [30]])).mean.numpy().round(1))
    [ 1. -1.]
    """

    has_lengthscale = True
    is_stationary = False

    def __init__(
        self,
        eigenvalues: ArrayLike | torch.Tensor,
        encoding: ArrayLike | torch.Tensor,
        *,
        manifold_dim: int,
        nu: float = 1.5,
        learn_nu: bool = False,
        nu_prior: Prior | None = None,
        nu_constraint: Interval | None = None,
        lengthscale_prior: Prior | None = None,
        lengthscale_constraint: Interval | None = None,
        batch_shape: torch.Size | None = None,
        active_dims: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(
            batch_shape=batch_shape,
            active_dims=active_dims,
            lengthscale_prior=lengthscale_prior,
            lengthscale_constraint=lengthscale_constraint,
        )
        self.spectrum = _Spectrum(eigenvalues, encoding, manifold_dim)
        if learn_nu:
            self._register_nu(nu, nu_prior, nu_constraint)
        elif nu_prior is not None or nu_constraint is not None:
            raise ValueError("nu_prior and nu_constraint need learn_nu=True: nu is fixed.")
        else:
            self.nu = nu
        self.to(self.spectrum.encoding.device)

    @classmethod
    def from_estimator(cls, estimator: Any, **kwargs: Any) -> "ConnectionLaplacianKernel":
        """The kernel on the graph of a fitted `RVGP`.

        Parameters
        ----------
        estimator : RVGP
            Fitted; of it ``eigenvalues_`` of shape (n_eigenpairs,), ``encoding_`` of shape
            (n_nodes, n_coordinates, n_eigenpairs) and ``manifold_dim_`` are read.
        **kwargs
            Further parameters of the kernel.

        Returns
        -------
        kernel : ConnectionLaplacianKernel
            It shares no memory with the estimator, and takes none of its hyper-parameters.

        Raises
        ------
        ValueError
            If the estimator is not fitted, or lacks one of these attributes.
        """
        needed = ("eigenvalues_", "encoding_", "manifold_dim_")
        missing = [name for name in needed if not hasattr(estimator, name)]
        if missing:
            raise ValueError(
                f"estimator has no {', '.join(missing)}: pass an RVGP after its fit, "
                f"got {type(estimator).__name__}."
            )
        values, encoding, manifold_dim = (getattr(estimator, name) for name in needed)
        return cls(values, encoding, manifold_dim=manifold_dim, **kwargs)

    def _register_nu(self, nu: float, prior: Prior | None, constraint: Interval | None) -> None:
        constraint = Interval(*NU_BOUNDS) if constraint is None else constraint
        raw = constraint.inverse_transform(torch.as_tensor(float(nu)))
        if not torch.isfinite(raw):
            raise ValueError(
                f"nu={nu} is not inside the range in which it is to be learnt, {constraint}; start "
                "from a value within, or give another nu_constraint."
            )
        shape = (*self.batch_shape, 1, 1)
        self.register_parameter("raw_nu", torch.nn.Parameter(torch.zeros(shape)))
        self.register_constraint("raw_nu", constraint)
        self.nu = nu
        if prior is not None:
            self.register_prior("nu_prior", prior, self._nu_param, self._nu_closure)

    # Methods, not lambdas: a kernel with a prior is to be pickled.
    def _nu_param(self, module: "ConnectionLaplacianKernel") -> torch.Tensor | float:
        return module.nu

    def _nu_closure(self, module: "ConnectionLaplacianKernel", value: torch.Tensor) -> None:
        module.nu = value

    @property
    def nu(self) -> torch.Tensor | float:
        """Smoothness: a number, or a tensor of shape (\\*batch_shape, 1, 1) if learnt."""
        if "raw_nu" in self._parameters:
            return self.raw_nu_constraint.transform(self.raw_nu)
        return self._fixed_nu

    @nu.setter
    def nu(self, value: torch.Tensor | float) -> None:
        if "raw_nu" in self._parameters:
            value = torch.as_tensor(value).to(self.raw_nu)
            self.initialize(raw_nu=self.raw_nu_constraint.inverse_transform(value))
        elif value > 0:
            self._fixed_nu = float(value)
        else:
            raise ValueError(f"nu must be positive, or inf for the heat kernel; got {value}.")

    @property
    def spectral_variances(self) -> torch.Tensor:
        """Prior variances of the coefficients, of shape (\\*batch_shape, n_eigenpairs)."""
        return self._log_variances().exp()

    def _log_variances(self) -> torch.Tensor:
        # The mean prior variance is a sum over eigenpairs. In logarithms neither that sum nor its
        # gradient is lost where a long or a short length scale leaves the range of floats.
        eigenvalues = self.spectrum.eigenvalues.to(self.dtype)
        log_shares = self.spectrum.mean_squares.to(self.dtype).log()
        log_density = log_matern_variances(
            eigenvalues, self.lengthscale, self.nu, self.spectrum.manifold_dim
        ).squeeze(-2)
        return log_density - torch.logsumexp(log_density + log_shares, -1, keepdim=True)

    def _features(self, nodes: torch.Tensor) -> torch.Tensor:
        """Rows of a root of the matrix: (..., n) indices to (..., n * n_coordinates, n_eigenpairs).

        Cast after they are picked, not to copy the encoding of the whole graph.
        """
        rows = self.spectrum.encoding[nodes].to(self.dtype)
        scales = (self._log_variances() / 2).exp()
        return (rows * scales[..., None, None, :]).flatten(-3, -2)

    def num_outputs_per_input(self, x1: torch.Tensor, x2: torch.Tensor) -> int:
        """The number of coordinates of the field, each of which is a row for every input."""
        return self.spectrum.encoding.shape[1]

    def prediction_strategy(
        self, train_inputs: Any, train_prior_dist: Any, train_labels: Any, likelihood: Any
    ) -> Any:
        """gpytorch's default, on the prior's root.

        Of the unevaluated prior it would solve for posterior covariances by conjugate gradients
        past its size for Cholesky, with errors of per cents.
        """
        prior = train_prior_dist.__class__(
            train_prior_dist.mean, train_prior_dist.lazy_covariance_matrix.evaluate_kernel()
        )
        return super().prediction_strategy(train_inputs, prior, train_labels, likelihood)

    def forward(
        self,
        x1: torch.Tensor,
        x2: torch.Tensor,
        diag: bool = False,
        last_dim_is_batch: bool = False,
        **params: Any,
    ) -> torch.Tensor | LinearOperator:
        """Covariances between nodes; call the kernel itself, which calls this when needed.

        Parameters
        ----------
        x1 : Tensor of shape (..., n1, 1)
        x2 : Tensor of shape (..., n2, 1)
            Indices of nodes.
        diag : bool, default=False
            Only the diagonal, for ``n1 == n2``.
        last_dim_is_batch : bool, default=False
            Not supported: there is one index to a node.
        **params
            Ignored, as in gpytorch's own kernels.

        Returns
        -------
        covariance : LinearOperator of shape (..., n1 * n_coordinates, n2 * n_coordinates)
            With `diag` a tensor of shape (..., n1 * n_coordinates).
        """
        if last_dim_is_batch:
            raise ValueError("ConnectionLaplacianKernel does not accept last_dim_is_batch=True.")
        nodes1, nodes2 = (_checked_nodes(x, len(self.spectrum.encoding)) for x in (x1, x2))
        same = nodes1.shape == nodes2.shape and torch.equal(nodes1, nodes2)
        left = self._features(nodes1)
        right = left if same else self._features(nodes2)
        if diag:
            return (left * right).sum(-1)
        return _square(left) if same else MatmulLinearOperator(left, right.mT)


class _Spectrum(torch.nn.Module):
    """The eigenpairs: buffers of a module of their own, not of the kernel.

    A kernel takes a batch's index to its own buffers, where these are the same for all of a batch.
    """

    eigenvalues: torch.Tensor  # (n_eigenpairs,)
    encoding: torch.Tensor  # (n_nodes, n_coordinates, n_eigenpairs)
    mean_squares: torch.Tensor  # (n_eigenpairs,), what each adds to the mean prior variance

    def __init__(
        self,
        eigenvalues: ArrayLike | torch.Tensor,
        encoding: ArrayLike | torch.Tensor,
        manifold_dim: int,
    ) -> None:
        super().__init__()
        vectors = _own_tensor(encoding)
        values = _own_tensor(eigenvalues).to(vectors.device)
        _check_shapes(values, vectors)
        self.manifold_dim = _checked_dim(manifold_dim, vectors.shape[1])
        # A scalar field has one direction at a node, a tangent field one for each dimension.
        n_directions = min(vectors.shape[1], self.manifold_dim)
        self.register_buffer("eigenvalues", _not_negative(values))
        self.register_buffer("encoding", vectors)
        mean_squares = vectors.square().sum((0, 1)) / (len(vectors) * n_directions)
        self.register_buffer("mean_squares", mean_squares)
        if not 0 < float(mean_squares.sum()) < math.inf:
            raise ValueError("encoding must hold finite numbers that are not all 0.")


def _square(root: torch.Tensor) -> LinearOperator:
    """``root @ root.mT`` as an operator that is solved in the smaller of its two dimensions.

    With as many columns as rows, the low-rank solve is dearer and loses digits to cancellation.
    """
    low_rank = root.shape[-1] < root.shape[-2]
    return LowRankRootLinearOperator(root) if low_rank else RootLinearOperator(root)


def _checked_nodes(x: torch.Tensor, n_nodes: int) -> torch.Tensor:
    """Inputs of shape (..., n, 1) as whole numbers of shape (..., n)."""
    if x.shape[-1] != 1:
        raise ValueError(
            "Inputs must be indices of nodes, of shape (..., n, 1), got shape "
            f"{tuple(x.shape)}; active_dims picks one column of several."
        )
    nodes = x.squeeze(-1)
    if nodes.numel() == 0:
        return nodes.long()
    if nodes.is_floating_point() and not (nodes == nodes.round()).all():
        raise ValueError("Inputs must be indices of nodes: whole numbers, got fractions or NaN.")
    low, high = (float(bound) for bound in nodes.aminmax())
    if low < 0 or high >= n_nodes:
        raise ValueError(
            f"Inputs must be indices of nodes, from 0 to {n_nodes - 1}, got values from "
            f"{low:g} to {high:g}."
        )
    return nodes.long()


def _own_tensor(values: ArrayLike | torch.Tensor) -> torch.Tensor:
    """A floating-point copy: a state that is loaded later is written into it."""
    tensor = values.detach().clone() if isinstance(values, torch.Tensor) else to_tensor(values)
    return tensor if tensor.is_floating_point() else tensor.double()


def _check_shapes(eigenvalues: torch.Tensor, encoding: torch.Tensor) -> None:
    fits = encoding.ndim == 3 and eigenvalues.shape == encoding.shape[-1:]
    if not fits or encoding.numel() == 0:
        raise ValueError(
            "eigenvalues of shape (n_eigenpairs,) and encoding of shape (n_nodes, n_coordinates, "
            f"n_eigenpairs), none of these 0, are needed; got {tuple(eigenvalues.shape)} and "
            f"{tuple(encoding.shape)}. The encoding of a scalar field is eigenvectors[:, None, :]."
        )


def _checked_dim(manifold_dim: int, n_coordinates: int) -> int:
    if manifold_dim < 1 or manifold_dim != int(manifold_dim):
        raise ValueError(f"manifold_dim must be a positive whole number, got {manifold_dim}.")
    if 1 < n_coordinates < manifold_dim:
        raise ValueError(
            f"encoding has {n_coordinates} coordinates, fewer than manifold_dim={manifold_dim}; a "
            "tangent field has at least as many, a scalar field one."
        )
    return int(manifold_dim)


def _not_negative(eigenvalues: torch.Tensor) -> torch.Tensor:
    """Eigenvalues with rounding errors below 0 removed, after larger ones were refused."""
    if not torch.isfinite(eigenvalues).all():
        raise ValueError("eigenvalues must be finite.")
    rounding = torch.finfo(eigenvalues.dtype).eps ** 0.5 * eigenvalues.abs().max()
    if eigenvalues.min() < -rounding:
        raise ValueError(
            f"eigenvalues must not be negative, got {float(eigenvalues.min()):g}: the kernel needs "
            "those of a Laplacian, not of an adjacency or affinity matrix."
        )
    return eigenvalues.clamp(min=0.0)
