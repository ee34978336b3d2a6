"""Tests of fields and quantities on meshes of varying shape."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skmanifold import BatchedGPRegressor, MeshMorpher, MMGPRegressor
from skmanifold.datasets import make_airfoil_meshes, make_tensile_meshes
from skmanifold.exceptions import ForeignShapeWarning, MeshError
from skmanifold.mesh import MeshSample

N_TRAIN = 30
FAST = {
    "regressor": BatchedGPRegressor(n_restarts=0, random_state=0),
    "n_shape_modes": 6,
    "n_field_modes": 4,
}
NAMES = ["work", "stress", "top"]


def regressor(**settings):
    """An estimator that is quick to fit."""
    return MMGPRegressor(**{**FAST, "fields": ["U2"], **settings})


def halves(data):
    """Training meshes, test meshes, and their quantities."""
    return data.X[:N_TRAIN], data.X[N_TRAIN:], data.y[:N_TRAIN], data.y[N_TRAIN:]


@pytest.fixture(scope="module")
def runs():
    return halves(make_tensile_meshes(40, structured=True, mesh_size=0.15, random_state=0))


@pytest.fixture(scope="module")
def model(runs):
    return regressor(fields=["U2", "sig22"]).fit(runs[0], runs[2])


def renumbered(sample, seed):
    """The same mesh with other numbers, cells in another order, and turned or begun elsewhere."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(sample.n_nodes)
    number = np.argsort(order)
    cells = [np.roll(cell[:: rng.choice([-1, 1])], rng.integers(3)) for cell in sample.cells]
    fields = {name: field[order] for name, field in sample.fields.items()}
    return MeshSample(
        sample.points[order],
        number[np.array(cells)[rng.permutation(len(cells))]],
        sample.scalars,
        fields,
        None if sample.landmarks is None else number[sample.landmarks],
    ), order


@pytest.fixture
def broken(runs):
    """A mesh with a node that no cell has."""
    sample = runs[1][0]
    points = np.vstack([sample.points, [9, 9]])
    fields = {name: np.append(field, 0.0) for name, field in sample.fields.items()}
    return MeshSample(points, sample.cells, sample.scalars, fields, sample.landmarks)


@pytest.fixture
def foreign(runs):
    """A plate of which one half is three times as wide."""
    points = runs[1][0].points.copy()
    points[points[:, 1] > 1, 0] *= 3
    return replace(runs[1][0], points=points)


# Invariance


def test_numbering_does_not_change_predictions(runs, model):
    test = runs[1]
    pairs = [renumbered(sample, seed) for seed, sample in enumerate(test)]
    others = [sample for sample, _ in pairs]
    for first, second in zip(
        model.predict(test, return_std=True), model.predict(others, return_std=True), strict=True
    ):
        assert_allclose(second, first, rtol=1e-10)
    assert_allclose(model.ood_score(others), model.ood_score(test), rtol=1e-10)
    known = zip(
        model.predict_fields(test, return_std=True),
        model.predict_fields(others, return_std=True),
        strict=True,
    )
    for first, second in known:
        for one, other, (_, order) in zip(first, second, pairs, strict=True):
            for name, field in one.items():
                size = np.abs(field).max()
                assert_allclose(other[name], field[order], rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("n_shape_modes", [6, None])
def test_numbering_of_training_meshes_does_not_change_predictions(n_shape_modes, runs):
    train, test, y, _ = runs
    others = [renumbered(sample, seed)[0] for seed, sample in enumerate(train)]
    first, second = (
        regressor(n_shape_modes=n_shape_modes, fields=[]).fit(meshes, y).predict(test)
        for meshes in (train, others)
    )
    assert_allclose(second, first, rtol=1e-9)


def test_one_shape_with_many_numberings_is_one_shape(runs):
    # Rounding errors of its coordinates must not become inputs of the Gaussian processes.
    loads = np.random.default_rng(0).uniform(1, 2, size=40)
    shape = replace(runs[0][0], fields={})
    meshes = [
        renumbered(replace(shape, scalars={"load": load}), seed)[0]
        for seed, load in enumerate(loads)
    ]
    model = regressor(fields=[]).fit(meshes[:30], loads[:30] ** 2)
    again = [renumbered(sample, 99)[0] for sample in meshes[30:]]
    assert_array_equal(model.predict(meshes[30:]), model.predict(again))
    assert_allclose(model.predict(again), loads[30:] ** 2, rtol=1e-3)
    assert np.mean(model.ood_score(again) > 1) < 0.5
    others = [replace(sample, scalars={"load": 1.5}) for sample in runs[1]]
    assert (model.ood_score(others) > 100).all()


# Predictions


def test_fields_live_on_the_nodes_of_each_mesh(runs, model):
    for fields in model.predict_fields(runs[1], return_std=True):
        for sample, of_mesh in zip(runs[1], fields, strict=True):
            assert {name: field.shape for name, field in of_mesh.items()} == {
                "U2": (sample.n_nodes,),
                "sig22": (sample.n_nodes,),
            }


def test_predictions_need_no_fields(runs, model):
    bare = [replace(sample, fields={}) for sample in runs[1]]
    assert_array_equal(model.predict(bare), model.predict(runs[1]))
    for one, other in zip(model.predict_fields(bare), model.predict_fields(runs[1]), strict=True):
        assert_array_equal(one["U2"], other["U2"])


def test_training_runs_are_interpolated(runs):
    train, _, y, _ = runs
    noiseless = BatchedGPRegressor(n_restarts=0, noise=0)
    model = regressor(regressor=noiseless, n_field_modes=None).fit(train, y)
    assert_allclose(model.predict(train), y, rtol=1e-4)
    for sample, of_mesh in zip(train, model.predict_fields(train), strict=True):
        size = np.abs(sample.fields["U2"]).max()
        assert np.sqrt(np.mean((of_mesh["U2"] - sample.fields["U2"]) ** 2)) < 0.01 * size


def test_new_runs_are_predicted(runs, model):
    _, test, _, y = runs
    assert model.score(test, y) > 0.8


def test_intervals_of_the_defaults_cover_at_the_nominal_rate():
    hits = {"quantities": [], "U2": [], "sig22": []}
    for seed in range(3):
        data = make_tensile_meshes(160, structured=True, mesh_size=0.15, random_state=seed)
        train, test, y, truth = data.X[:100], data.X[100:], data.y[:100], data.y[100:]
        model = MMGPRegressor(fields=["U2", "sig22"], random_state=0).fit(train, y)
        low, high = model.predict_interval(test)
        hits["quantities"].append((low < truth) & (truth < high))
        lower, upper = model.predict_field_intervals(test)
        for sample, low, high in zip(test, lower, upper, strict=True):
            for name in ("U2", "sig22"):
                field = sample.fields[name]
                hits[name].append((low[name] <= field) & (field <= high[name]))
    for name, inside in hits.items():
        share = np.mean(np.concatenate([np.ravel(each) for each in inside]))
        assert 0.88 < share < 0.99, name
    by_quantity = np.concatenate(hits["quantities"]).mean(axis=0)
    assert (by_quantity > 0.88).all()
    assert (by_quantity < 0.99).all()


def test_intervals_of_gaussian_outputs_are_multiples_of_the_standard_deviation(runs, model):
    y, std = model.predict(runs[1], return_std=True)
    low, high = model.predict_interval(runs[1], coverage=0.95)
    assert_allclose(low, y - 1.959964 * std, rtol=1e-6)
    assert_allclose(high, y + 1.959964 * std, rtol=1e-6)


@pytest.mark.parametrize("coverage", [0, 1, -0.1])
def test_coverage_must_be_a_probability(coverage, runs, model):
    with pytest.raises(ValueError, match="coverage"):
        model.predict_interval(runs[1], coverage=coverage)


# Outputs


def test_quantities_keep_the_shape_and_the_names_of_y(runs):
    train, test, y, _ = runs
    frame = regressor(fields=[]).fit(train, pd.DataFrame(y, columns=NAMES))
    plain = regressor(fields=[]).fit(train, y)
    flat = regressor(fields=[]).fit(train, y[:, 0])
    assert frame.target_names_ == NAMES
    assert plain.target_names_ == ["y0", "y1", "y2"]
    assert_array_equal(frame.predict(test), plain.predict(test))
    for values in (*flat.predict(test, return_std=True), *flat.predict_interval(test)):
        assert values.shape == (10,)
    assert_allclose(flat.predict(test), plain.predict(test)[:, 0])


def test_without_y_only_fields_are_learnt(runs):
    train, test, _, y = runs
    model = regressor().fit(train)
    assert model.target_names_ == []
    assert model.score(test) > 0.8
    with pytest.raises(ValueError, match="fit had no y"):
        model.predict(test)
    with pytest.raises(ValueError, match="fit had no y"):
        model.score(test, y)


def test_without_fields_only_quantities_are_learnt(runs):
    train, test, y, _ = runs
    model = regressor(fields=[]).fit(train, y)
    assert model.field_names_ == []
    with pytest.raises(ValueError, match="fit had no fields"):
        model.predict_fields(test)
    with pytest.raises(ValueError, match="needs y, or meshes with the fields"):
        model.score(test)


def test_there_must_be_something_to_learn(runs):
    with pytest.raises(ValueError, match="nothing to learn: y is None"):
        regressor(fields=[]).fit(runs[0])


def test_all_fields_are_learnt_unless_told(runs):
    model = regressor(fields="all", regressor=Ridge()).fit(runs[0])
    assert model.field_names_ == ["U1", "U2", "sig11", "sig12", "sig22"]


def test_the_score_is_the_mean_over_quantities_and_fields(runs, model):
    _, test, _, y = runs
    fields = model.predict_fields(test)
    expected = list(r2_score(y, model.predict(test), multioutput="raw_values"))
    for name in model.field_names_:
        truth = np.concatenate([sample.fields[name] for sample in test])
        expected.append(r2_score(truth, np.concatenate([each[name] for each in fields])))
    assert_allclose(model.score(test, y), np.mean(expected))


def test_weights_of_samples_count_as_repetitions(runs, model):
    _, test, _, y = runs
    weights = np.arange(len(test))
    repeated = np.repeat(np.arange(len(test)), weights)
    assert_allclose(
        model.score(test, y, sample_weight=weights),
        model.score([test[index] for index in repeated], y[repeated]),
    )


# Transforms of outputs


@pytest.mark.parametrize(
    "transform",
    ["asinh", "yeo-johnson", FunctionTransformer(np.cbrt, lambda values: values**3)],
    ids=["asinh", "yeo-johnson", "cube root"],
)
def test_transformed_outputs_have_intervals_and_positive_errors(transform, runs):
    train, test, y, truth = runs
    model = regressor(target_transform=transform).fit(train, y)
    predicted, std = model.predict(test, return_std=True)
    low, high = model.predict_interval(test)
    assert (std > 0).all()
    assert (low < predicted).all()
    assert (predicted < high).all()
    assert model.score(test, truth) > 0.7


def test_a_log_is_that_of_logs(runs):
    train, test, y, _ = runs
    by_name = regressor(fields=[], target_transform="log").fit(train, y)
    by_hand = regressor(fields=[]).fit(train, np.log(y))
    assert_allclose(by_name.predict(test), np.exp(by_hand.predict(test)), rtol=1e-10)
    for one, other in zip(
        by_name.predict_interval(test), by_hand.predict_interval(test), strict=True
    ):
        assert_allclose(one, np.exp(other), rtol=1e-10)


def test_transforms_by_name_leave_the_others_alone(runs):
    train, test, y, _ = runs
    frame = pd.DataFrame(y, columns=NAMES)
    some = regressor(target_transform={"stress": "log", "U2": StandardScaler()}).fit(train, frame)
    none = regressor().fit(train, frame)
    assert_allclose(some.predict(test)[:, [0, 2]], none.predict(test)[:, [0, 2]], rtol=1e-6)
    assert np.abs(some.predict(test)[:, 1] / none.predict(test)[:, 1] - 1).max() > 1e-6


def test_transforms_of_unknown_outputs_are_refused(runs):
    with pytest.raises(ValueError, match=r"names \['U9'\], and the outputs are \['U2', 'y0'"):
        regressor(target_transform={"U9": "log"}).fit(runs[0], runs[2])


@pytest.mark.parametrize("name", ["U1", "y0"])
def test_log_of_a_negative_value_names_the_output(name, runs):
    y = runs[2] - runs[2].mean(axis=0)
    with pytest.raises(ValueError, match=f"output '{name}': .*needs positive values"):
        regressor(fields=["U1"], target_transform={name: "log"}).fit(runs[0], y)


# Foreign shapes


def test_false_alarms_come_at_the_nominal_rate_and_foreign_shapes_are_flagged():
    alarms = []
    for seed in range(4):
        data = make_tensile_meshes(160, structured=True, mesh_size=0.15, random_state=seed)
        model = regressor(regressor=Ridge(), fields=[], n_shape_modes=0.999)
        model.fit(data.X[:80], data.y[:80])
        alarms.append(np.mean(model.ood_score(data.X[80:], false_alarm_rate=0.1) > 1))
        stretched = [replace(each, points=each.points * [2.0, 1.0]) for each in data.X[80:]]
        assert (model.ood_score(stretched) > 1).all()
    assert 0.03 < np.mean(alarms) < 0.17


def test_a_foreign_shape_is_warned_of(runs, model, foreign):
    score = model.ood_score([foreign])[0]
    message = rf"1 of 2 meshes .* first X\[1\] with an ood_score of {score:.3g}:"
    for method in (model.predict, model.predict_fields, model.predict_interval):
        with pytest.warns(ForeignShapeWarning, match=message):
            method([runs[1][0], foreign])


def test_foreign_conditions_are_flagged(runs, model):
    heavy = [replace(sample, scalars={**sample.scalars, "traction": 1e4}) for sample in runs[1]]
    assert (model.ood_score(heavy) > 1).all()


@pytest.mark.parametrize("rate", [0, 1])
def test_the_false_alarm_rate_must_be_a_probability(rate, runs, model):
    with pytest.raises(ValueError, match="false_alarm_rate"):
        model.ood_score(runs[1], false_alarm_rate=rate)


# Bad input


def test_a_mesh_that_cannot_be_morphed_is_named(runs, model, broken):
    train, test, y, _ = runs
    with pytest.raises(MeshError, match=r"X\[1\]: .* nodes must be in a cell"):
        regressor().fit([train[0], broken, *train[2:]], y)
    with pytest.raises(MeshError, match=r"X\[2\]: .* nodes must be in a cell"):
        model.predict([*test[:2], broken])


@pytest.mark.filterwarnings("ignore:X.* is left out:UserWarning")
def test_meshes_that_cannot_be_morphed_are_left_out(runs, broken):
    train, test, y, truth = runs
    model = regressor(on_failure="warn").fit([train[0], broken, *train[2:]], y)
    without = regressor().fit([train[0], *train[2:]], np.delete(y, 1, axis=0))
    assert_array_equal(model.predict(test), without.predict(test))
    mixed = [test[0], broken, test[1]]
    for values in (*model.predict(mixed, return_std=True), *model.predict_interval(mixed)):
        assert_array_equal(np.isnan(values).all(axis=1), [False, True, False])
        assert_array_equal(np.isnan(values).any(axis=1), [False, True, False])
    for fields in (*model.predict_fields(mixed, return_std=True),):
        assert [each["U2"].shape for each in fields] == [(each.n_nodes,) for each in mixed]
        assert [np.isnan(each["U2"]).all() for each in fields] == [False, True, False]
    assert_array_equal(np.isinf(model.ood_score(mixed)), [False, True, False])
    assert_allclose(
        model.score([*test, broken], np.vstack([truth, truth[:1]])), model.score(test, truth)
    )


@pytest.mark.filterwarnings("ignore:X.* is left out:UserWarning")
def test_all_meshes_may_fail_in_predict_but_not_in_fit(runs, broken):
    train, _, y, _ = runs
    model = regressor(on_failure="warn").fit(train, y)
    for values in (*model.predict([broken] * 2, return_std=True),):
        assert_array_equal(values, np.full((2, 3), np.nan))
    for (fields,) in model.predict_field_intervals([broken]):
        assert_array_equal(fields["U2"], np.full(broken.n_nodes, np.nan))
    assert_array_equal(model.ood_score([broken]), [np.inf])
    with pytest.raises(MeshError, match=r"no mesh of X can be morphed; X\[0\]"):
        regressor(on_failure="warn").fit([broken] * 2, y[:2])


@pytest.mark.filterwarnings("ignore:X.* is left out:UserWarning")
def test_one_mesh_that_can_be_morphed_is_too_few(runs, broken):
    with pytest.raises(ValueError, match=r"minimum of 2 meshes .*, got 1 of 3"):
        regressor(on_failure="warn").fit([broken, runs[0][0], broken], runs[2][:3])


@pytest.mark.filterwarnings("ignore:X.* is left out:UserWarning")
def test_what_cannot_be_scored_is_refused(runs, broken):
    train, test, y, truth = runs
    model = regressor(on_failure="warn").fit(train, y)
    lacking = [*test[:3], replace(test[3], fields={})]
    cases = [
        ((test, truth[1:]), "inconsistent numbers of samples"),
        ((test, truth, [1.0, 2.0]), "inconsistent numbers of samples"),
        ((test, truth[:, 0]), "y must have the 3 columns that it had in fit, got 1"),
        ((test, truth * np.nan), "y contains NaN"),
        ((lacking, truth[:4]), r"X\[3\]\.fields lacks \['U2'\]"),
        (([broken], truth[:1]), "no mesh of X can be morphed"),
        (([], truth[:0]), "minimum of 1 is required"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            model.score(*arguments)
    bare = [replace(each, fields={}) for each in test]
    assert_allclose(model.score(bare, truth), r2_score(truth, model.predict(test)))


def test_x_must_be_of_the_kind_given_to_fit(rng, runs, model):
    rows = rng.normal(size=(N_TRAIN, 3))
    of_rows = regressor().fit(rows, runs[2])
    with pytest.raises(TypeError, match="must be rows of numbers, as in fit, got meshes"):
        of_rows.predict(runs[1])
    with pytest.raises(TypeError, match="must be a list of MeshSample, as in fit"):
        model.predict(rows)
    for method in (model.predict, model.predict_fields, model.ood_score):
        with pytest.raises(ValueError, match="X is empty"):
            method([])


def test_a_fit_to_meshes_forgets_rows(rng, runs):
    train, _, y, _ = runs
    rows = pd.DataFrame(rng.normal(size=(N_TRAIN, 3)), columns=["a", "b", "c"])
    model = regressor().fit(rows, y)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    model.fit(train, y)
    assert not hasattr(model, "n_features_in_")
    assert not hasattr(model, "feature_names_in_")


def test_a_warning_says_what_was_left_out(runs, broken):
    model = regressor(on_failure="warn").fit(runs[0], runs[2])
    with pytest.warns(UserWarning, match=r"X\[1\] is left out: .* nodes must be in a cell"):
        model.predict([runs[1][0], broken])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scalars: {"traction": 1.0}, r"X\[1\]\.scalars lacks \['poisson_ratio', 'young"),
        (lambda scalars: {**scalars, "heat": 1.0}, r"X\[1\]\.scalars has \['heat'\] besides"),
    ],
)
def test_scalars_must_be_those_of_training(change, message, runs, model):
    _, test, y, _ = runs
    wrong = [test[0], replace(test[1], scalars=change(test[1].scalars))]
    with pytest.raises(ValueError, match=message):
        model.predict(wrong)
    with pytest.raises(ValueError, match=message):
        regressor().fit(wrong, y[:2])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda X, y: (X[0], y), TypeError, r"got a single one\. Pass \[X\]"),
        (lambda X, y: ([X[0], "mesh"], y), TypeError, r"X\[1\] is a str"),
        (lambda X, y: (X, y[:-1]), ValueError, "y has 29 rows, and X 30 meshes"),
        (lambda X, y: (X, y * np.nan), ValueError, "y contains NaN"),
        (lambda X, y: (X, y[:, :, None]), ValueError, "dim 3"),
        (lambda X, y: (X[:1], y[:1]), ValueError, "minimum of 2 meshes .*, got 1 of 1"),
        (lambda X, y: ([], []), ValueError, "X is empty"),
        (lambda X, y: ([], None), ValueError, "X is empty"),
    ],
)
def test_bad_input_is_refused(change, error, message, runs):
    with pytest.raises(error, match=message):
        regressor().fit(*change(runs[0], runs[2]))


def test_a_fit_that_fails_leaves_an_earlier_one_usable(runs, broken):
    train, test, y, _ = runs
    model = regressor().fit(train, y)
    before = model.predict(test)
    with pytest.raises(MeshError):
        model.fit([*train, broken], np.vstack([y, y[:1]]))
    with pytest.raises(ValueError, match="needs positive values"):
        model.set_params(target_transform="log").fit(train, -y)
    assert_array_equal(model.predict(test), before)


# Unusual data


def test_rows_of_numbers_are_meshes_of_shared_cells(runs):
    mesh, rng = runs[0][0], np.random.default_rng(0)
    n_samples = 24
    scale = rng.uniform(0.5, 2, size=(n_samples, 2))
    meshes = [MeshSample(mesh.points * each, mesh.cells, {"load": each[0]}) for each in scale]
    rows = np.array([[*each.scalars.values(), *each.points.ravel()] for each in meshes])
    y = np.log(scale.prod(axis=1))
    lists = regressor(fields="all", morpher=MeshMorpher(topology="shared"), n_shape_modes=2)
    table = regressor(n_shape_modes=2, n_shape_columns=mesh.points.size)
    lists.fit(meshes[:20], y[:20])
    table.fit(rows[:20], y[:20])
    for one, other in zip(
        lists.predict(meshes[20:], return_std=True),
        table.predict(rows[20:], return_std=True),
        strict=True,
    ):
        assert_allclose(one, other, rtol=1e-8)
    assert_allclose(lists.ood_score(meshes[20:]), table.ood_score(rows[20:]), rtol=1e-6)


def test_there_must_be_as_many_columns_as_nodes_take(rng):
    with pytest.raises(ValueError, match="n_shape_columns=6 exceeds the 5 columns of X"):
        regressor(n_shape_columns=6).fit(rng.normal(size=(20, 5)), rng.normal(size=20))


def test_vector_fields_come_back_as_such(runs):
    meshes = [
        replace(each, fields={"U": np.column_stack([each.fields["U1"], each.fields["U2"]])})
        for each in (*runs[0], *runs[1])
    ]
    model = regressor(fields="all").fit(meshes[:N_TRAIN])
    for fields in model.predict_fields(meshes[N_TRAIN:], return_std=True):
        for sample, each in zip(meshes[N_TRAIN:], fields, strict=True):
            assert each["U"].shape == (sample.n_nodes, 2)
    assert model.score(meshes[N_TRAIN:]) > 0.8


def test_what_is_constant_stays_so(runs):
    meshes = [
        replace(
            each,
            scalars={**each.scalars, "constant": 0.1},
            fields={"nought": np.zeros(each.n_nodes), "tenth": np.full(each.n_nodes, 0.1)},
        )
        for each in (*runs[0], *runs[1])
    ]
    model = regressor(fields="all").fit(meshes[:N_TRAIN], np.full(N_TRAIN, 7.0))
    assert_allclose(model.predict(meshes[N_TRAIN:]), 7)
    for fields in model.predict_fields(meshes[N_TRAIN:]):
        assert_allclose(fields["nought"], 0, atol=1e-12)
        assert_allclose(fields["tenth"], 0.1)
    assert (model.ood_score(meshes[N_TRAIN:]) < 2).all()
    other = [replace(each, scalars={**each.scalars, "constant": 0.2}) for each in meshes[N_TRAIN:]]
    assert (model.ood_score(other) > 1).all()


@pytest.mark.parametrize("n_samples", [2, 3])
def test_hardly_any_samples_do(n_samples, runs):
    train, test, y, _ = runs
    model = regressor().fit(train[:n_samples], y[:n_samples])
    _, std = model.predict(test, return_std=True)
    assert (std > 0).all()
    assert np.isfinite(model.ood_score(test)).all()


def test_runs_may_come_more_than_once(runs):
    train, test, y, truth = runs
    model = regressor().fit([*train, *train[:5]], np.vstack([y, y[:5]]))
    assert model.score(test, truth) > 0.8


def test_arrays_may_be_read_only_or_of_single_precision(runs, model):
    train, test, y, _ = runs
    y = y.copy()
    y.flags.writeable = False
    assert_array_equal(
        regressor(fields=["U2", "sig22"]).fit(train, y).predict(test), model.predict(test)
    )
    single = [replace(each, points=each.points.astype(np.float32)) for each in test]
    assert_allclose(model.predict(single), model.predict(test), rtol=1e-3)


def test_quads_do():
    def plate(width, n):
        x, y = np.meshgrid(np.linspace(0, width, n), np.linspace(0, 1, n), indexing="ij")
        points, first = np.column_stack([x.ravel(), y.ravel()]), np.arange(n * n).reshape(n, n)
        cells = np.stack([first[:-1, :-1], first[1:, :-1], first[1:, 1:], first[:-1, 1:]], axis=-1)
        corners = [0, n * (n - 1), n * n - 1, n - 1]
        heat = points[:, 0] ** 2 + points[:, 1]
        return MeshSample(points, cells.reshape(-1, 4), {}, {"heat": heat}, corners)

    rng = np.random.default_rng(0)
    widths, sizes = rng.uniform(1, 2, size=30), rng.integers(8, 12, size=30)
    meshes = [plate(width, n) for width, n in zip(widths, sizes, strict=True)]
    model = regressor(fields="all").fit(meshes[:24], widths[:24])
    assert_allclose(model.predict(meshes[24:]), widths[24:], rtol=1e-2)
    assert model.score(meshes[24:]) > 0.99


def test_meshes_with_a_hole_do():
    pytest.importorskip("skfem")
    data = make_airfoil_meshes(30, mesh_size=0.03, cache=False, random_state=0)
    model = regressor(fields="all", n_shape_modes=0.999).fit(data.X[:24], data.y[:24])
    assert model.morpher_.topology_ == "annulus"
    assert model.score(data.X[24:], data.y[24:]) > 0.5


# As an estimator of scikit-learn


def test_lists_of_meshes_are_cut_by_cross_validation(runs):
    train, _, y, _ = runs
    here = cross_val_score(regressor(), train, y, cv=3)
    there = cross_val_score(regressor(), train, y, cv=3, n_jobs=2)
    assert_allclose(there, here, rtol=1e-9)
    assert (here > 0.5).all()
    assert (cross_val_score(regressor(), train, cv=3) > 0.5).all()  # without y
    cv = KFold(3)
    predicted = cross_val_predict(regressor(), train, y, cv=cv)
    first, held_out = next(cv.split(train))
    alone = regressor().fit([train[index] for index in first], y[first])
    assert_array_equal(predicted[held_out], alone.predict([train[index] for index in held_out]))


def test_nested_parameters_are_searched(runs):
    grid = {"regressor__kernel": ["rbf", "matern52"], "morpher__weights": ["uniform", "auto"]}
    search = GridSearchCV(regressor(morpher=MeshMorpher()), grid, cv=2).fit(runs[0], runs[2])
    assert set(search.best_params_) == set(grid)
    copy = clone(search.best_estimator_)
    assert copy.get_params()["morpher__weights"] == search.best_params_["morpher__weights"]


def test_a_pipeline_passes_meshes_on(runs, model):
    train, test, y, _ = runs
    pipeline = make_pipeline("passthrough", regressor(fields=["U2", "sig22"])).fit(train, y)
    assert_array_equal(pipeline.predict(test), model.predict(test))


@pytest.mark.parametrize("as_sequence", [tuple, lambda meshes: np.array(meshes, dtype=object)])
def test_meshes_may_come_in_other_sequences(as_sequence, runs, model):
    assert_array_equal(model.predict(as_sequence(runs[1])), model.predict(runs[1]))


def test_a_seed_makes_it_repeatable(runs):
    train, test, y, _ = runs
    settings = {"fields": [], "regressor": None, "n_shape_modes": 4, "random_state": 3}
    first, second = (regressor(**settings).fit(train, y[:, :1]).predict(test) for _ in range(2))
    assert_array_equal(first, second)


def test_two_jobs_give_what_one_gives(runs, model):
    train, test, y, _ = runs
    two = regressor(fields=["U2", "sig22"], n_jobs=2).fit(train, y)
    assert_array_equal(two.predict(test), model.predict(test))


def test_a_regressor_without_error_bars_still_predicts(runs):
    train, test, y, truth = runs
    model = regressor(regressor=Ridge()).fit(train, y)
    assert model.score(test, truth) > 0.5
    for method in (model.predict, model.predict_fields):
        with pytest.raises(TypeError, match="error bars need a regressor"):
            method(test, return_std=True)


def with_pickle(model):
    return pickle.loads(pickle.dumps(model))


def with_skops(model):
    data = skops.io.dumps(model)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


@pytest.mark.parametrize("kept", [with_pickle, with_skops])
def test_round_trips_give_the_same_predictions(kept, runs, model):
    model.predict(runs[1])  # fills caches
    other = kept(model)
    assert_array_equal(other.predict(runs[1]), model.predict(runs[1]))
    for one, two in zip(other.predict_fields(runs[1]), model.predict_fields(runs[1]), strict=True):
        assert_array_equal(one["sig22"], two["sig22"])


class Counter:
    """Callback that counts the steps of one fit, and how many were announced."""

    def __init__(self):
        self.done, self.announced = 0, None

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.parent is None:
            self.announced = context.max_subtasks

    def on_fit_task_end(self, estimator, context):
        self.done += context.parent is not None and context.parent.parent is None

    def teardown(self, estimator, context):
        pass


def test_as_many_steps_are_done_as_announced(runs):
    counter = Counter()
    regressor(fields=["U1", "U2"]).set_callbacks(counter).fit(runs[0], runs[2])
    assert counter.done == counter.announced == 5
