"""A Gaussian process of a batch as a gpytorch model of its own."""

from typing import Any

import gpytorch
import torch


class ExportedGP(gpytorch.models.ExactGP):
    """Exact GP with a constant mean and an ARD kernel, solved by Cholesky at every size.

    Parameters
    ----------
    train_x : Tensor of shape (n, d)
    train_y : Tensor of shape (n,)
    kernel : {"matern52", "rbf"}
    mean : float
    lengthscales : Tensor of shape (d,)
    amplitude : float
        Prior variance.
    noise : float
        Variance.
    """

    def __init__(
        self,
        train_x: torch.Tensor,
        train_y: torch.Tensor,
        *,
        kernel: str,
        mean: float,
        lengthscales: torch.Tensor,
        amplitude: float,
        noise: float,
    ) -> None:
        above_zero = gpytorch.constraints.GreaterThan(0.0)
        likelihood = gpytorch.likelihoods.GaussianLikelihood(noise_constraint=above_zero)
        super().__init__(train_x, train_y, likelihood)
        options = {"ard_num_dims": train_x.shape[1]}
        if kernel == "matern52":
            base = gpytorch.kernels.MaternKernel(nu=2.5, **options)
        else:
            base = gpytorch.kernels.RBFKernel(**options)
        self.mean_module = gpytorch.means.ConstantMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(base)
        self.to(train_x)
        base.lengthscale = lengthscales
        self.covar_module.outputscale = amplitude
        self.mean_module.constant = mean
        self.likelihood.noise = noise
        self.eval()

    def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
        """The prior at some points."""
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Above 800 points gpytorch would turn to iterations, whose results are random.
        with gpytorch.settings.max_cholesky_size(10**9):
            return super().__call__(*args, **kwargs)
