"""Tests of the model of one field."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold import BatchedGPRegressor, MeshMorpher, SnapshotPOD
from skmanifold.datasets import make_tensile_meshes
from skmanifold.gaussian_process._mesh_fields import FieldModel, field_names, mean_and_variance
from skmanifold.gaussian_process._target_transform import transform_of
from skmanifold.mesh import MeshSample

N_TRAIN = 20


@pytest.fixture(scope="module")
def runs():
    """Meshes, their morphs, and coordinates on the support with scalars as inputs."""
    samples = make_tensile_meshes(26, structured=True, mesh_size=0.15, random_state=0).X
    morpher = MeshMorpher()
    codes = SnapshotPOD(4).fit_transform(morpher.fit_transform(samples))
    scalars = np.array([list(sample.scalars.values()) for sample in samples])
    return samples, morpher.morph(samples), np.column_stack([codes, scalars])


def fitted(runs, name="sig22", transform=None, n_modes=4, regressor=None):
    """The model of a field of the first meshes."""
    samples, morphs, inputs = (each[:N_TRAIN] for each in runs)
    regressor = BatchedGPRegressor(n_restarts=0) if regressor is None else regressor
    pod = SnapshotPOD(n_modes)
    settings = {"transform": transform, "pod": pod, "regressor": regressor}
    return FieldModel.fit(name, samples, morphs, inputs, **settings)


@pytest.fixture(scope="module")
def model(runs):
    return fitted(runs)


def new(runs):
    """Inputs and morphs of the meshes that were not learnt."""
    return runs[2][N_TRAIN:], runs[1][N_TRAIN:]


def test_variances_are_those_of_draws_of_codes(runs, model):
    rng = np.random.default_rng(0)
    inputs, morphs = new(runs)
    means, variances = mean_and_variance(model.regressor, inputs)
    missed = model.pod.truncation_variance_ + model.lost.ravel()
    for mean, variance, morph, (_, std) in zip(
        means, variances, morphs, model.distributions(inputs, morphs), strict=True
    ):
        draws = mean + np.sqrt(variance) * rng.normal(size=(20_000, len(mean)))
        decoded = model.pod.inverse_transform(draws) @ morph.from_support.T
        by_hand = decoded.var(axis=0) + morph.from_support @ missed
        calibrated = model.widening**2 * by_hand
        assert_allclose(np.mean(std[:, 0] ** 2 / calibrated), 1, rtol=0.005)
        assert_allclose(std[:, 0] ** 2, calibrated, rtol=0.06)


def test_noise_is_part_of_the_variance(runs, model):
    inputs, _ = new(runs)
    _, std = model.regressor.predict(inputs, return_std=True)
    _, variances = mean_and_variance(model.regressor, inputs)
    assert_allclose(variances, std**2 + model.regressor.noise_variance_)


def test_predictions_are_decoded_codes_on_the_mesh(runs, model):
    inputs, morphs = new(runs)
    codes = model.regressor.predict(inputs)
    for code, morph, field in zip(codes, morphs, model.predict(inputs, morphs), strict=True):
        on_support = model.pod.inverse_transform(code[None])[0]
        assert_allclose(field, morph.from_support @ on_support, rtol=1e-12)


def test_medians_are_transformed_back(runs):
    transform = transform_of("asinh", "sig22")
    model = fitted(runs, transform=transform)
    inputs, morphs = new(runs)
    pairs = zip(model.predict(inputs, morphs), model.distributions(inputs, morphs), strict=True)
    for field, (mean, _) in pairs:
        assert_allclose(field, transform.inverse_transform(mean)[:, 0])


def test_intervals_hold_the_median_and_grow_with_the_width(runs):
    model = fitted(runs, transform=transform_of("asinh", "sig22"))
    inputs, morphs = new(runs)
    fields = model.predict(inputs, morphs)
    narrow, wide = (model.predict_interval(inputs, morphs, width) for width in (1.0, 2.0))
    for field, (low, high), (lower, higher) in zip(fields, narrow, wide, strict=True):
        assert (lower < low).all()
        assert (low < field).all()
        assert (field < high).all()
        assert (high < higher).all()


def test_a_linear_field_is_learnt_up_to_interpolation(runs):
    samples, morphs, inputs = runs
    linear = [
        MeshSample(each.points, each.cells, fields={"T": each.points @ [1.0, 2.0]})
        for each in samples
    ]
    regressor = BatchedGPRegressor(n_restarts=0)
    model = fitted((linear, morphs, inputs), "T", n_modes=None, regressor=regressor)
    fields = model.predict(inputs[:N_TRAIN], morphs[:N_TRAIN])
    for each, field in zip(linear[:N_TRAIN], fields, strict=True):
        assert np.abs(field - each.fields["T"]).max() < 0.1


def test_what_interpolation_loses_is_nought_where_meshes_correspond(runs):
    samples, morphs, inputs = runs
    index = 3
    same = [samples[index]] * 5, [morphs[index]] * 5, inputs[:5]
    shared = MeshMorpher(topology="shared").fit(same[0])
    model = fitted((same[0], shared.morph(same[0]), inputs[:5]), "U2", regressor=Ridge())
    assert_allclose(model.lost, 0, atol=1e-30)


def test_vector_fields_are_their_components(runs):
    samples, morphs, inputs = runs
    vectors = [
        MeshSample(
            each.points,
            each.cells,
            fields={"U": np.column_stack([each.fields["U1"], each.fields["U2"]])},
        )
        for each in samples
    ]

    def linear():
        return {"n_modes": None, "regressor": make_pipeline(StandardScaler(), Ridge())}

    both = fitted((vectors, morphs, inputs), "U", **linear())
    parts = [fitted(runs, name, **linear()) for name in ("U1", "U2")]
    predicted = [part.predict(*new(runs)) for part in parts]
    for vector, first, second in zip(both.predict(*new(runs)), *predicted, strict=True):
        assert_allclose(vector, np.column_stack([first, second]), atol=1e-12)


@pytest.mark.parametrize("columns", [None, 1, 2])
def test_fields_keep_their_shape(columns, runs):
    samples, morphs, inputs = runs
    shape = () if columns is None else (columns,)
    ones = [
        MeshSample(each.points, each.cells, fields={"one": np.ones((each.n_nodes, *shape))})
        for each in samples
    ]
    model = fitted((ones, morphs, inputs), "one")
    fields = model.predict(*new(runs))
    ends = model.predict_interval(*new(runs), 1.0)
    for sample, field, (low, high) in zip(samples[N_TRAIN:], fields, ends, strict=True):
        assert field.shape == low.shape == high.shape == (sample.n_nodes, *shape)
        assert_allclose(field, 1)


def test_no_meshes_have_no_fields(model):
    assert model.predict(np.empty((0, 7)), []) == []
    assert model.predict_interval(np.empty((0, 7)), [], 1.0) == []


def test_error_bars_need_a_regressor_that_has_some(runs):
    model = fitted(runs, regressor=Ridge())
    with pytest.raises(TypeError, match=r"error bars need a regressor .* which Ridge has not"):
        model.predict_interval(*new(runs), 1.0)


def test_other_regressors_may_have_error_bars(runs):
    pipeline = make_pipeline(StandardScaler(), GaussianProcessRegressor(normalize_y=True))
    model = fitted(runs, n_modes=1, regressor=pipeline)
    for low, high in model.predict_interval(*new(runs), 1.0):
        assert (low < high).all()


def mesh(**fields):
    values = {name: np.ones((3, *shape)) for name, shape in fields.items()}
    return MeshSample([[0, 0], [1, 0], [0, 1]], [[0, 1, 2]], fields=values)


def test_names_of_all_fields_are_sorted():
    assert field_names([mesh(b=(), a=())] * 2, "all") == ["a", "b"]


@pytest.mark.parametrize("wanted", [["b"], ("b", "b"), np.array(["b"])])
def test_names_may_be_chosen(wanted):
    assert field_names([mesh(a=(), b=()), mesh(b=())], wanted) == ["b"]


def test_a_field_that_is_missing_is_named():
    with pytest.raises(ValueError, match=r"X\[1\]\.fields lacks 'b', .*it has \['a'\]"):
        field_names([mesh(a=(), b=()), mesh(a=())], "all")


def test_a_field_that_the_first_mesh_lacks_is_named():
    with pytest.raises(ValueError, match=r"X\[1\]\.fields has \['b'\], which X\[0\] lacks"):
        field_names([mesh(a=()), mesh(a=(), b=())], "all")


def test_components_must_agree():
    with pytest.raises(ValueError, match=r"X\[1\]\.fields\['a'\] has 3 components .* X\[0\] 2"):
        field_names([mesh(a=(2,)), mesh(a=(3,))], ["a"])
