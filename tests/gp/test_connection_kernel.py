import pickle
from types import SimpleNamespace

import gpytorch
import numpy as np
import pytest
import torch
from gpytorch.constraints import Positive
from gpytorch.distributions import MultitaskMultivariateNormal, MultivariateNormal
from gpytorch.kernels import RBFKernel, ScaleKernel
from gpytorch.priors import GammaPrior
from linear_operator.operators import (
    LowRankRootLinearOperator,
    MatmulLinearOperator,
    RootLinearOperator,
)
from numpy.testing import assert_allclose
from scipy.linalg import expm

from skmanifold.gp import ConnectionLaplacianKernel

N_NODES = 60


def cycle_laplacian(n_nodes=N_NODES):
    shift = np.roll(np.eye(n_nodes), 1, axis=0)
    return 2 * np.eye(n_nodes) - shift - shift.T


def scalar_spectrum(n_eigenpairs=N_NODES):
    """Eigenpairs of scalar fields on a circle; the lowest eigenvalue is 0."""
    values, vectors = np.linalg.eigh(cycle_laplacian())
    return values[:n_eigenpairs], vectors[:, None, :n_eigenpairs]


def vector_spectrum(n_eigenpairs=2 * N_NODES):
    """Eigenpairs of tangent fields of planes in space with a random connection on a cycle.

    No field is parallel, so that the lowest eigenvalue is above 0.
    """
    rng = np.random.default_rng(5)
    frames = np.linalg.qr(rng.normal(size=(N_NODES, 3, 2)))[0]
    turns = np.linalg.qr(rng.normal(size=(N_NODES, 2, 2)))[0]
    laplacian = np.kron(np.eye(N_NODES), 2 * np.eye(2))
    for i, turn in enumerate(turns):
        j = (i + 1) % N_NODES
        laplacian[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = -turn
        laplacian[2 * j : 2 * j + 2, 2 * i : 2 * i + 2] = -turn.T
    values, vectors = np.linalg.eigh(laplacian)
    u = vectors[:, :n_eigenpairs].reshape(N_NODES, 2, n_eigenpairs)
    return values[:n_eigenpairs], np.einsum("iam,imk->iak", frames, u)


# name: (spectrum, dimension of the manifold, directions of the field at a node)
FIELDS = {"scalar": (scalar_spectrum, 1, 1), "vector": (vector_spectrum, 2, 2)}
every_field = pytest.mark.parametrize("field", FIELDS)


def make_kernel(field, n_eigenpairs=12, *, lengthscale=1.3, **kwargs):
    spectrum, manifold_dim, _ = FIELDS[field]
    kernel = ConnectionLaplacianKernel(*spectrum(n_eigenpairs), manifold_dim=manifold_dim, **kwargs)
    return with_lengthscale(kernel, lengthscale)


def with_lengthscale(kernel, lengthscale=1.3):
    """The kernel in double precision; of a plain number gpytorch keeps only single precision."""
    kernel.double().lengthscale = torch.as_tensor(lengthscale, dtype=torch.float64)
    return kernel


def dense_matrix(field, n_eigenpairs, lengthscale, nu):
    """The matrix of all nodes, of the formula word for word."""
    spectrum, manifold_dim, n_directions = FIELDS[field]
    values, encoding = spectrum(n_eigenpairs)
    if np.isinf(nu):
        density = np.exp(-(lengthscale**2) * values / 2)
    else:
        density = (values + 2 * nu / lengthscale**2) ** (-nu - manifold_dim / 2)
    matrix = sum(s * np.outer(encoding[..., k], encoding[..., k]) for k, s in enumerate(density))
    return matrix * len(encoding) * n_directions / np.trace(matrix)


def all_nodes(dtype=torch.float64):
    return torch.arange(N_NODES, dtype=dtype)[:, None]


def rows_of(nodes, n_coordinates):
    return (np.asarray(nodes)[:, None] * n_coordinates + np.arange(n_coordinates)).ravel()


@every_field
@pytest.mark.parametrize("nu", [0.5, 1.5, 4.0, np.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_matrix_is_the_explicit_sum(field, nu, dtype):
    kernel = make_kernel(field, nu=nu)
    expected = dense_matrix(field, 12, 1.3, nu)
    n_coordinates = len(expected) // N_NODES
    assert kernel.num_outputs_per_input(None, None) == n_coordinates
    x1, x2 = torch.tensor([[7], [0], [7]], dtype=dtype), torch.tensor([[3], [59]], dtype=dtype)
    rows, columns = rows_of([7, 0, 7], n_coordinates), rows_of([3, 59], n_coordinates)
    with torch.no_grad():
        assert_allclose(kernel(all_nodes(dtype)).to_dense(), expected, atol=1e-12)
        assert_allclose(kernel(x1, x2).to_dense(), expected[np.ix_(rows, columns)], atol=1e-12)
        assert_allclose(kernel(x1).to_dense(), expected[np.ix_(rows, rows)], atol=1e-12)


@pytest.mark.parametrize(("field", "nu"), [("scalar", 1.5), ("scalar", 2.5), ("vector", 2.0)])
def test_full_spectrum_gives_powers_of_the_laplacian(field, nu):
    spectrum, manifold_dim, n_directions = FIELDS[field]
    values, encoding = spectrum()
    flat = encoding.reshape(-1, len(values))
    laplacian = (flat * values) @ flat.T + flat @ flat.T * 2 * nu / 1.3**2
    power = np.linalg.matrix_power(np.linalg.pinv(laplacian), round(nu + manifold_dim / 2))
    with torch.no_grad():
        found = make_kernel(field, len(values), nu=nu)(all_nodes()).to_dense()
    assert_allclose(found, power * N_NODES * n_directions / np.trace(power), atol=1e-11)


def test_infinite_smoothness_is_the_heat_kernel():
    heat = expm(-cycle_laplacian() * 1.3**2 / 2)
    with torch.no_grad():
        found = make_kernel("scalar", N_NODES, nu=np.inf)(all_nodes()).to_dense()
    assert_allclose(found, heat * N_NODES / np.trace(heat), atol=1e-12)


@every_field
def test_large_smoothness_goes_to_the_heat_kernel(field):
    heat = make_kernel(field, nu=np.inf).spectral_variances.detach()
    errors = [
        float((make_kernel(field, nu=nu).spectral_variances.detach() - heat).abs().max())
        for nu in (1e2, 1e4, 1e6, 1e12)
    ]
    assert_allclose(np.divide(errors[1:3], errors[:2]), 0.01, rtol=0.1)
    assert errors[3] < 1e-8


@every_field
@pytest.mark.parametrize("nu", [1.5, np.inf])
def test_short_length_scales_spread_the_spectrum(field, nu):
    variances = make_kernel(field, nu=nu, lengthscale=1e-5).spectral_variances.detach()
    assert_allclose(variances / variances[0], 1.0, rtol=1e-6)


@pytest.mark.parametrize("nu", [1.5, np.inf])
def test_long_length_scales_leave_constant_fields(nu):
    with torch.no_grad():
        found = make_kernel("scalar", N_NODES, nu=nu, lengthscale=1e5)(all_nodes()).to_dense()
    assert_allclose(found, np.ones((N_NODES, N_NODES)), atol=1e-6)


def test_long_length_scales_without_parallel_fields():
    values = vector_spectrum(12)[0]
    assert values[0] > 1e-4
    matern = make_kernel("vector", lengthscale=1e6).spectral_variances.detach()
    assert_allclose(matern / matern[0], (values / values[0]) ** -2.5, rtol=1e-6)
    heat = make_kernel("vector", nu=np.inf, lengthscale=1e3).spectral_variances.detach()
    lowest = values - values[0] < 1e-10
    assert_allclose(heat / heat[0], lowest, atol=1e-6)


@every_field
@pytest.mark.parametrize("lengthscale", [1e-3, 0.3, 3.0, 1e3])
@pytest.mark.parametrize("nu", [0.3, 1.5, np.inf])
def test_positive_semi_definite_with_mean_variance_1(field, lengthscale, nu):
    n_directions = FIELDS[field][2]
    with torch.no_grad():
        covariance = make_kernel(field, nu=nu, lengthscale=lengthscale)(all_nodes())
        assert_allclose(covariance.diagonal().sum() / (N_NODES * n_directions), 1.0)
        assert torch.linalg.eigvalsh(covariance.to_dense())[0] > -1e-10


def test_normalised_whatever_the_size_of_the_encoding():
    values, encoding = vector_spectrum(12)
    encoding = encoding * np.linspace(0.1, 30, 12)  # of no length in particular
    kernel = ConnectionLaplacianKernel(values, encoding, manifold_dim=2).double()
    assert_allclose(kernel(all_nodes()).diagonal().sum().item(), N_NODES * 2)


def test_eigenvector_outside_of_the_nodes_does_not_matter():
    values, encoding = scalar_spectrum(6)
    padded = np.concatenate([encoding, np.zeros((N_NODES, 1, 1))], axis=-1)
    kernel = ConnectionLaplacianKernel([*values, 9.0], padded, manifold_dim=1)
    matrix = with_lengthscale(kernel)(all_nodes()).to_dense()
    assert_allclose(matrix.detach(), dense_matrix("scalar", 6, 1.3, 1.5), atol=1e-12)
    matrix[0, 1].backward()
    assert torch.isfinite(kernel.raw_lengthscale.grad).all()


def test_operators():
    kernel = make_kernel("vector", 12)
    few, many = all_nodes()[:4], all_nodes()[:5]
    assert type(kernel.forward(many, many.clone())) is LowRankRootLinearOperator
    assert type(kernel.forward(few, few)) is RootLinearOperator  # 12 columns to 12 rows
    assert type(kernel.forward(few, many)) is MatmulLinearOperator
    assert type(kernel.forward(few, few.flip(0))) is MatmulLinearOperator


@every_field
def test_diagonal(field):
    kernel = make_kernel(field)
    x, y = all_nodes()[:9], all_nodes()[3:12]
    with torch.no_grad():
        assert_allclose(kernel(x, diag=True), kernel(x).to_dense().diagonal())
        assert_allclose(kernel(x).diagonal(), kernel(x).to_dense().diagonal())
        assert_allclose(kernel(x, y, diag=True), kernel(x, y).to_dense().diagonal())


@every_field
@pytest.mark.parametrize("learn_nu", [False, True])
def test_batches_of_kernels_and_inputs(field, learn_nu):
    lengthscales = torch.tensor([0.4, 2.0]).reshape(2, 1, 1)
    batch = make_kernel(
        field, lengthscale=lengthscales, learn_nu=learn_nu, batch_shape=torch.Size([2])
    )
    single = [make_kernel(field, lengthscale=float(each)) for each in lengthscales]
    x, y = torch.tensor([[[1.0], [4.0]], [[9.0], [2.0]]]), all_nodes()[:5]
    with torch.no_grad():
        for left, right in [(x, y), (x, x), (y, y)]:
            covariance = batch(left, right)
            for k, kernel in enumerate(single):
                alone = [each[k] if each.ndim == 3 else each for each in (left, right)]
                expected = kernel(*alone).to_dense()
                assert_allclose(covariance.to_dense()[k], expected, atol=1e-6)
                assert_allclose(covariance[k].to_dense(), expected, atol=1e-6)
                assert_allclose(batch[k](*alone).to_dense(), expected, atol=1e-6)
        assert_allclose(batch(x).diagonal(), batch(x).to_dense().diagonal(dim1=-2, dim2=-1))
        # Inputs in a batch of their own before that of the kernel, and a kernel expanded to both.
        wide = x.unsqueeze(1).expand(2, 2, 2, 1)
        expanded = batch.expand_batch(2, 2)
        assert_allclose(batch(wide).to_dense(), expanded(wide).to_dense())
        assert_allclose(batch(wide)[0, 1].to_dense(), single[1](x[0]).to_dense(), atol=1e-6)


@every_field
@pytest.mark.parametrize("nu", [1.5, np.inf])
def test_gradients(field, nu):
    kernel = make_kernel(field, nu=nu, learn_nu=np.isfinite(nu))
    x, y = all_nodes()[:6], all_nodes()[2:5]
    names = [name for name, _ in kernel.named_parameters()]
    assert names == ["raw_lengthscale", "raw_nu"][: 1 + np.isfinite(nu)]

    def matrices(*values):
        given = dict(zip(names, values, strict=True))
        full = torch.func.functional_call(kernel, given, (x, x)).to_dense()
        return full, torch.func.functional_call(kernel, given, (x, y)).to_dense()

    with gpytorch.settings.lazily_evaluate_kernels(False):
        assert torch.autograd.gradcheck(matrices, list(kernel.parameters()))


@every_field
@pytest.mark.parametrize("nu", [1.5, np.inf])
@pytest.mark.parametrize("lengthscale", [1e-4, 1e4])
def test_gradients_stay_finite_in_single_precision(field, nu, lengthscale):
    kernel = make_kernel(field, nu=nu, lengthscale=lengthscale).float()
    kernel(all_nodes(torch.float32)).to_dense().square().sum().backward()
    assert torch.isfinite(kernel.raw_lengthscale.grad).all()


class ScalarModel(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel):
        super().__init__(x, y, likelihood)
        self.mean = gpytorch.means.ConstantMean()
        self.covariance = ScaleKernel(kernel)

    def forward(self, x):
        return MultivariateNormal(self.mean(x), self.covariance(x))


class VectorModel(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel):
        super().__init__(x, y, likelihood)
        self.mean = gpytorch.means.MultitaskMean(gpytorch.means.ConstantMean(), num_tasks=3)
        self.covariance = ScaleKernel(kernel)

    def forward(self, x):
        return MultitaskMultivariateNormal(self.mean(x), self.covariance(x))


def trained(model, n_steps):
    """The model after steps of L-BFGS, and the objective before and after."""
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model)
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=n_steps, line_search_fn="strong_wolfe"
    )
    x, y = model.train_inputs[0], model.train_targets

    def closure():
        optimizer.zero_grad()
        loss = -objective(model(x), y)
        loss.backward()
        return loss

    model.train()
    before = optimizer.step(closure).item()
    after = closure().item()
    return model.eval(), -before, -after


def dense_posterior(prior, mean, targets, noise, train, test):
    """Mean and covariance of test rows, and log density of the targets, by plain algebra."""
    gram = prior[np.ix_(train, train)] + noise
    cross = prior[np.ix_(test, train)]
    residual = targets - mean[train]
    log_density = -0.5 * (
        residual @ np.linalg.solve(gram, residual)
        + np.linalg.slogdet(gram)[1]
        + len(train) * np.log(2 * np.pi)
    )
    posterior_mean = mean[test] + cross @ np.linalg.solve(gram, residual)
    covariance = prior[np.ix_(test, test)] - cross @ np.linalg.solve(gram, cross.T)
    return posterior_mean, covariance, log_density


def scaled_prior(model, field, n_eigenpairs):
    base = model.covariance.base_kernel
    nu = torch.as_tensor(base.nu).item()
    dense = dense_matrix(field, n_eigenpairs, base.lengthscale.item(), nu)
    return model.covariance.outputscale.item() * dense


# With fewer columns than rows no matrix of all rows is factorised, however small; with more, it is.
@pytest.mark.parametrize(("n_eigenpairs", "max_cholesky_size"), [(25, 1), (N_NODES, 10_000)])
@pytest.mark.parametrize("learn_nu", [False, True])
def test_exact_gp_of_scalars(rng, n_eigenpairs, max_cholesky_size, learn_nu):
    train, test = np.arange(0, N_NODES, 2), np.arange(1, N_NODES, 3)
    targets = np.sin(train * 2 * np.pi / N_NODES) + 0.1 * rng.normal(size=len(train)) + 2
    model = ScalarModel(
        torch.tensor(train)[:, None],
        torch.tensor(targets),
        gpytorch.likelihoods.GaussianLikelihood(),
        make_kernel("scalar", n_eigenpairs, learn_nu=learn_nu),
    ).double()
    with gpytorch.settings.max_cholesky_size(max_cholesky_size):
        model, before, after = trained(model, n_steps=8)
        with torch.no_grad():
            found = model(torch.tensor(test)[:, None])
            mean, covariance = found.mean.numpy(), found.covariance_matrix.numpy()
    assert after > before + 0.1
    expected_mean, expected_covariance, log_density = dense_posterior(
        scaled_prior(model, "scalar", n_eigenpairs),
        np.full(N_NODES, model.mean.constant.item()),
        targets,
        model.likelihood.noise.item() * np.eye(len(train)),
        train,
        test,
    )
    assert_allclose(mean, expected_mean, atol=1e-9)
    assert_allclose(covariance, expected_covariance, atol=1e-9)
    assert_allclose(after * len(train), log_density, rtol=1e-9)


@pytest.mark.parametrize(("n_eigenpairs", "max_cholesky_size"), [(30, 1), (2 * N_NODES, 10_000)])
@pytest.mark.parametrize("has_task_noise", [False, True])
def test_exact_gp_of_vectors(rng, n_eigenpairs, max_cholesky_size, has_task_noise):
    train, test = np.arange(0, N_NODES, 2), np.arange(1, N_NODES, 3)
    encoding = vector_spectrum()[1]
    targets = encoding[train, :, 1] + 0.05 * rng.normal(size=(len(train), 3))
    likelihood = gpytorch.likelihoods.MultitaskGaussianLikelihood(
        num_tasks=3, has_task_noise=has_task_noise
    )
    kernel = make_kernel("vector", n_eigenpairs)
    model = VectorModel(torch.tensor(train)[:, None], torch.tensor(targets), likelihood, kernel)
    with gpytorch.settings.max_cholesky_size(max_cholesky_size):
        model, before, after = trained(model.double(), n_steps=4)
        with torch.no_grad():
            found = model(torch.tensor(test)[:, None])
            mean, covariance = found.mean.numpy(), found.covariance_matrix.numpy()
    assert after > before + 0.1
    noise = np.full(3, likelihood.noise.item())
    if has_task_noise:
        noise += likelihood.task_noises.detach().numpy()
    constants = [each.constant.item() for each in model.mean.base_means]
    expected_mean, expected_covariance, log_density = dense_posterior(
        scaled_prior(model, "vector", n_eigenpairs),
        np.tile(constants, N_NODES),
        targets.ravel(),
        np.diag(np.tile(noise, len(train))),
        rows_of(train, 3),
        rows_of(test, 3),
    )
    assert mean.shape == (len(test), 3)
    assert_allclose(mean.ravel(), expected_mean, atol=1e-9)
    assert_allclose(covariance, expected_covariance, atol=1e-9)
    assert_allclose(after * targets.size, log_density, rtol=1e-9)


def test_sum_with_a_kernel_of_coordinates():
    """The index in one column, coordinates in the others, a kernel for each."""
    angles = np.arange(N_NODES) * 2 * np.pi / N_NODES
    x = torch.tensor(np.column_stack([np.arange(N_NODES), np.cos(angles), np.sin(angles)]))
    spectral = make_kernel("scalar", active_dims=(0,))
    local = RBFKernel(active_dims=(1, 2)).double()
    with torch.no_grad():
        found = (ScaleKernel(spectral).double() + local)(x).to_dense()
        outputscale = float(ScaleKernel(spectral).outputscale)
        distances = torch.cdist(x[:, 1:], x[:, 1:])
        rbf = torch.exp(-0.5 * (distances / local.lengthscale) ** 2)
    assert_allclose(found, outputscale * dense_matrix("scalar", 12, 1.3, 1.5) + rbf.numpy(), 1e-6)


def test_computes_in_the_precision_of_its_parameters():
    kernel = ConnectionLaplacianKernel(*scalar_spectrum(6), manifold_dim=1)
    scaled = ScaleKernel(kernel)
    x = all_nodes(torch.float32)
    assert scaled(x).dtype == scaled(x).to_dense().dtype == torch.float32
    # Nothing of the spectrum was lost to single precision.
    found = with_lengthscale(kernel)(x).to_dense().detach()
    assert found.dtype == torch.float64
    assert_allclose(found, dense_matrix("scalar", 6, 1.3, 1.5), atol=1e-12)


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor, lambda a: a.astype(np.float32)])
def test_kinds_of_spectra(convert):
    kernel = ConnectionLaplacianKernel(*map(convert, scalar_spectrum(6)), manifold_dim=1)
    kernel.lengthscale = 1.3
    found = kernel(all_nodes()).to_dense().detach()
    assert_allclose(found, dense_matrix("scalar", 6, 1.3, 1.5), atol=1e-5)


def test_spectrum_is_a_copy():
    values, encoding = map(torch.tensor, scalar_spectrum(6))
    kernel = ConnectionLaplacianKernel(values, encoding, manifold_dim=1)
    before = values.clone(), encoding.clone()
    other = ConnectionLaplacianKernel(values + 1, 2 * encoding, manifold_dim=1)
    kernel.load_state_dict(other.state_dict())
    assert torch.equal(values, before[0])
    assert torch.equal(encoding, before[1])
    assert_allclose(kernel(all_nodes()).to_dense().detach(), other(all_nodes()).to_dense().detach())


def test_eigenvalues_below_0_by_rounding():
    values, encoding = scalar_spectrum(6)
    values[0] = -1e-14
    kernel = ConnectionLaplacianKernel(values, encoding, manifold_dim=1).double()
    kernel.lengthscale = 1e9  # where 2 nu / kappa^2 is far below that rounding error
    assert torch.isfinite(kernel(all_nodes()).to_dense()).all()


def test_nu():
    fixed = make_kernel("scalar", nu=2.5)
    assert fixed.nu == 2.5
    fixed.nu = np.inf
    assert_allclose(
        fixed.spectral_variances.detach(),
        make_kernel("scalar", nu=np.inf).spectral_variances.detach(),
    )
    learnt = make_kernel("scalar", nu=2.5, learn_nu=True, batch_shape=torch.Size([2]))
    assert_allclose(learnt.nu.detach(), np.full((2, 1, 1), 2.5), rtol=1e-6)
    learnt.initialize(nu=3.0)
    assert_allclose(learnt.nu.detach(), np.full((2, 1, 1), 3.0), rtol=1e-6)
    learnt.raw_nu.data.fill_(100.0)
    assert_allclose(learnt.nu.detach(), np.full((2, 1, 1), 8.0))
    wide = make_kernel("scalar", nu=30.0, learn_nu=True, nu_constraint=Positive())
    assert_allclose(wide.nu.item(), 30.0, rtol=1e-6)


def kernel_with_priors():
    return make_kernel(
        "scalar",
        learn_nu=True,
        nu_prior=GammaPrior(3.0, 2.0),
        lengthscale_prior=GammaPrior(2.0, 1.0),
    )


def test_priors():
    kernel = kernel_with_priors()
    named = {name: (prior, closure(kernel)) for name, _, prior, closure, _ in kernel.named_priors()}
    assert_allclose(named["nu_prior"][1].detach(), kernel.nu.detach())
    assert_allclose(named["lengthscale_prior"][1].detach(), kernel.lengthscale.detach())
    before = kernel.nu.item()
    with torch.random.fork_rng():
        kernel.sample_from_prior("nu_prior")
    assert kernel.nu.item() != before


def test_pickling():
    kernel = ScaleKernel(kernel_with_priors()).double()
    kernel.base_kernel.nu = 2.2
    kernel(all_nodes()).to_dense()
    copy = pickle.loads(pickle.dumps(kernel))
    assert copy.base_kernel.nu.item() == kernel.base_kernel.nu.item()
    with torch.no_grad():
        assert torch.equal(copy(all_nodes()).to_dense(), kernel(all_nodes()).to_dense())
    copy.base_kernel.sample_from_prior("nu_prior")
    assert_allclose(kernel.base_kernel.nu.item(), 2.2, rtol=1e-6)


def test_from_estimator():
    values, encoding = vector_spectrum(12)
    fitted = SimpleNamespace(eigenvalues_=values, encoding_=encoding, manifold_dim_=2)
    kernel = ConnectionLaplacianKernel.from_estimator(fitted, nu=2.0)
    expected = dense_matrix("vector", 12, 1.3, 2.0)
    assert_allclose(with_lengthscale(kernel)(all_nodes()).to_dense().detach(), expected, atol=1e-12)
    del fitted.encoding_
    with pytest.raises(ValueError, match="estimator has no encoding_: pass an RVGP after its fit"):
        ConnectionLaplacianKernel.from_estimator(fitted)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(4, 2), r"shape \(\.\.\., n, 1\), got shape \(4, 2\); active_dims"),
        (torch.tensor([[0.5]]), "whole numbers"),
        (torch.tensor([[torch.nan]]), "whole numbers"),
        (torch.tensor([[torch.inf]]), "from 0 to 59"),
        (torch.tensor([[-1], [3]]), "from 0 to 59, got values from -1 to 3"),
        (torch.tensor([[0.0], [60.0]]), "from 0 to 59, got values from 0 to 60"),
    ],
)
def test_bad_inputs(x, message):
    kernel = make_kernel("scalar")
    with pytest.raises(ValueError, match=message):
        kernel(x).to_dense()
    with pytest.raises(ValueError, match=message):
        kernel.forward(all_nodes(), x)


def test_no_nodes():
    assert make_kernel("vector")(all_nodes()[:0], all_nodes()).to_dense().shape == (0, 3 * N_NODES)


def test_last_dim_is_batch_is_refused():
    with pytest.raises(ValueError, match="last_dim_is_batch"):
        make_kernel("scalar").forward(all_nodes(), all_nodes(), last_dim_is_batch=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eigenvalues": np.ones(5)}, r"got \(5,\) and \(4, 3, 2\)"),
        ({"eigenvalues": np.ones((2, 1))}, r"got \(2, 1\) and"),
        ({"encoding": np.ones((4, 2))}, r"eigenvectors\[:, None, :\]"),
        ({"eigenvalues": np.ones(0), "encoding": np.ones((4, 3, 0))}, "none of these 0"),
        ({"eigenvalues": [0.0, np.nan]}, "eigenvalues must be finite"),
        ({"eigenvalues": [-0.1, 1.0]}, "must not be negative, got -0.1"),
        ({"encoding": np.full((4, 3, 2), np.inf)}, "encoding must hold finite"),
        ({"encoding": np.zeros((4, 3, 2))}, "encoding must hold finite"),
        ({"manifold_dim": 0}, "manifold_dim must be a positive whole number, got 0"),
        ({"manifold_dim": 1.5}, "manifold_dim must be a positive whole number"),
        ({"manifold_dim": 4}, "3 coordinates, fewer than manifold_dim=4"),
        ({"nu": 0.0}, "nu must be positive"),
        ({"nu": np.nan}, "nu must be positive"),
        ({"nu_prior": GammaPrior(1.0, 1.0)}, "learn_nu=True"),
        ({"nu_constraint": Positive()}, "learn_nu=True"),
        ({"learn_nu": True, "nu": 9.0}, "nu=9.0 is not inside the range"),
        ({"learn_nu": True, "nu": 8.0}, "nu=8.0 is not inside the range"),
        ({"learn_nu": True, "nu": np.inf, "nu_constraint": Positive()}, "nu=inf is not inside"),
    ],
)
def test_bad_parameters(changes, message):
    good = {"eigenvalues": [0.0, 1.0], "encoding": np.ones((4, 3, 2)), "manifold_dim": 2}
    ConnectionLaplacianKernel(**good)
    with pytest.raises(ValueError, match=message):
        ConnectionLaplacianKernel(**(good | changes))


@pytest.mark.gpu
def test_follows_the_encoding_to_its_device():
    values, encoding = map(torch.tensor, vector_spectrum(12))
    kernel = ConnectionLaplacianKernel(values, encoding.cuda(), manifold_dim=2, learn_nu=True)
    found = with_lengthscale(kernel)(all_nodes().cuda()).to_dense()
    assert found.is_cuda
    assert_allclose(found.detach().cpu(), dense_matrix("vector", 12, 1.3, 1.5), atol=1e-12)
