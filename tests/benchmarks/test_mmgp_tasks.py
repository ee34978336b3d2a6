"""Mesh tasks hide nothing from one method that another is told, and their scores see errors."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import diags_array
from sklearn.base import BaseEstimator

from benchmarks import mmgp
from benchmarks._mmgp_carriers import triangles_of
from benchmarks._mmgp_data import (
    FOREIGN,
    Meshings,
    foreign,
    localised,
    renumbered,
    split,
    tensile,
)
from benchmarks._mmgp_learners import (
    GPyProcess,
    Neighbors,
    PrincipalModes,
    SklearnProcess,
    SnapshotModes,
)
from benchmarks._mmgp_parts import (
    EachGPyGP,
    EachSklearnGP,
    draws,
    fit_processes,
    map_difference,
    nats_behind,
    score_processes,
    score_remeshing,
)
from benchmarks._mmgp_peers import prepared
from benchmarks._mmgp_tasks import (
    covered,
    errors,
    field_error,
    fit_simulations,
    growth,
    relative_error,
    score_renumbered,
    score_simulations,
    worst_scalar_ratio,
)
from benchmarks._mmgp_warm_up import plate, plates
from benchmarks._peers import parse
from benchmarks._report import View

# Of the peers' packages, which know nothing of today's Python.
QUIET = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def simulations():
    return plates(60, 20, 9, seed=0)


class Told(BaseEstimator):
    """Answers with the truth at the nodes and something on top."""

    def __init__(self, shift=0.0, std=1.0, target_transform=None):
        self.shift = shift
        self.std = std
        self.target_transform = target_transform

    def fit(self, X, y):
        self.seen_ = X, y
        return self

    def predict(self, X, return_std=False):
        mean = np.array([[each.scalars["load"], each.points.max()] for each in X])
        return (mean, np.full(mean.shape, self.std)) if return_std else mean

    def predict_fields(self, X, return_std=False):
        means = [{k: v + self.shift for k, v in each.fields.items()} for each in X]
        spreads = [{k: np.full(len(v), self.std) for k, v in each.items()} for each in means]
        return (means, spreads) if return_std else means


class ByNumber(Told):
    """Answers that depend on how nodes are numbered."""

    def predict_fields(self, X, return_std=False):
        means = [{k: np.arange(len(v)) + 1.0 for k, v in each.fields.items()} for each in X]
        return (means, means) if return_std else means


def signed_areas(sample):
    corners = sample.points[triangles_of(sample.cells)]
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    return ax * by - ay * bx


def records(task, figures):
    """A view of quality figures by method, one list of dictionaries for each."""
    kept = [
        {"task": task, "method": method, "seed": seed, "run": "a", "quality": quality}
        for method, each in figures.items()
        for seed, quality in enumerate(each)
    ]
    return View({"runs": {"a": {"machine": "", "threads": 1}}, "records": kept}, mmgp.TASKS, task)


def test_every_method_of_the_suite_has_a_maker():
    methods = {m for task in mmgp.TASKS.values() for m in task.methods}
    assert {parse(method)[0] for method in methods} == set(mmgp.METHODS)


def test_every_task_has_its_bounds_in_words():
    for name, task in mmgp.TASKS.items():
        assert task.bounds, name
        assert all("inf" not in bound.wanted() for bound in task.bounds)


def test_plates_are_meshes_of_their_own_with_fields_that_are_functions_of_place(simulations):
    assert len({each.n_nodes for each in simulations.X}) > 1
    for each in simulations.X:
        assert signed_areas(each).min() > 0
        width = each.points[:, 0]
        np.testing.assert_allclose(each.fields["U1"], each.fields["U1"].max() * width, rtol=1e-12)


def test_a_split_tells_which_fields_are_there(simulations):
    groups = {"displacement": ("U1", "U2"), "stress": ("sig11",), "strain": ("plastic_strain",)}
    X, y = simulations.X, simulations.y
    data = split(X, y, 40, groups)
    assert data.groups == {"displacement": ["U1"], "stress": ["sig11"]}
    assert data.fields == ["U1", "sig11"]
    assert (len(data.X), len(data.X_test), len(data.y), len(data.y_test)) == (40, 20, 40, 20)


def test_only_plastic_plates_have_transformers(simulations, monkeypatch):
    def made(n_samples, *, random_state, material):
        X = [replace(x, fields={"plastic_strain": x.fields["sig11"]}) for x in simulations.X]
        y, names = simulations.y.to_numpy(), ("max_sig11", "work")
        return SimpleNamespace(X=X, y=y, target_names=names)

    monkeypatch.setattr("skmanifold.datasets.make_tensile_meshes", made, raising=False)
    assert not tensile(40, 20)(0).transforms
    assert set(tensile(40, 20, "plastic")(0).transforms) == {"plastic_strain", "max_sig11"}


def test_transformers_are_undone_and_told_to_a_copy(simulations):
    transforms = localised(simulations.X, simulations.y, fields=("sig11",))
    assert set(transforms) == {"sig11", "max_sig11"}
    values = np.linspace(0.1, 5, 7)[:, None]
    for transformer in transforms.values():
        there = transformer.transform(values)
        np.testing.assert_allclose(transformer.inverse_transform(there), values)
    plain = Told()
    told = prepared(plain, replace(simulations, transforms=transforms))
    assert told.target_transform is not None
    assert plain.target_transform is None


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_shapes_are_sound_meshes_of_another_shape(kind, rng):
    X = [plate(25, rng)[0] for _ in range(10)]
    for before, after in zip(X, foreign(X, kind), strict=True):
        assert signed_areas(after).min() > 0
        assert not after.fields
        size = np.ptp(before.points, axis=0).max()
        assert np.abs(after.points - before.points).max() > 0.2 * size


def test_renumbered_samples_are_the_same_ones(simulations, rng):
    before = simulations.X[0]
    after, order = renumbered(before, rng)
    np.testing.assert_array_equal(after.points, before.points[order])
    np.testing.assert_array_equal(after.fields["U1"], before.fields["U1"][order])
    np.testing.assert_array_equal(after.points[after.landmarks], before.points[before.landmarks])
    np.testing.assert_allclose(np.sort(signed_areas(after)), np.sort(signed_areas(before)))
    assert not np.array_equal(order, np.sort(order))


def test_relative_errors_are_of_the_truth_or_of_its_size_where_it_passes_nought():
    assert relative_error([1.1, 1.8], [1.0, 2.0]) == pytest.approx(0.1)
    assert relative_error([-0.9, 1.1], [-1.0, 1.0]) == pytest.approx(0.1)
    assert relative_error([0.1, 1.1], [1e-5, 1.0]) == pytest.approx(0.1 * np.sqrt(2), rel=1e-3)


def test_field_errors_are_of_the_largest_value(simulations):
    off = [{"U1": each.fields["U1"] + 0.1 * each.fields["U1"].max()} for each in simulations.X]
    assert field_error(off, simulations.X, "U1") == pytest.approx(0.1)


def test_coverage_counts_truths_inside_the_interval(rng):
    truth, ends = rng.normal(size=4000), np.full(4000, 1.96)
    assert covered(truth, -ends, ends) == pytest.approx(0.95, abs=0.012)
    assert covered(truth, ends * 0, ends) == pytest.approx(0.475, abs=0.02)
    assert np.isnan(covered(truth, ends * np.nan, ends))


def test_intervals_of_the_estimator_itself_come_first(simulations):
    class OneSided(Told):
        def predict_interval(self, X):
            mean = self.predict(X)
            return mean, mean + 1000

        def predict_field_intervals(self, X):
            means = self.predict_fields(X)
            return means, [{k: v + 1 for k, v in each.items()} for each in means]

    for shift, share in ((0.0, 1), (1e-6, 0)):
        model = OneSided(shift=shift, std=9.0)
        scores = score_simulations(model, fit_simulations(model, simulations), simulations, 0)
        assert scores["coverage U1"] == scores["coverage sig11"] == share


def test_scores_are_those_of_known_errors(simulations):
    exact = Told()
    scores = score_simulations(exact, fit_simulations(exact, simulations), simulations, 0)
    assert scores["displacement"] == scores["stress"] == 0
    assert scores["coverage U1"] == 1
    mean = exact.predict(simulations.X_test)
    wrong = relative_error(mean[:, 0], simulations.y_test["max_sig11"])
    assert scores["scalar max_sig11"] == pytest.approx(wrong)
    off = Told(shift=0.5, std=0.1)
    scores = score_simulations(off, fit_simulations(off, simulations), simulations, 0)
    assert scores["coverage_least"] == scores["coverage sig11"] == 0
    largest = np.array([each.fields["U1"].max() for each in simulations.X_test])
    assert scores["displacement"] == pytest.approx(np.sqrt(np.mean((0.5 / largest) ** 2)))


def test_scores_group_fields(simulations):
    told = simulations.y_test.to_numpy(), None
    means = [{k: v * 1.0 for k, v in each.fields.items()} for each in simulations.X_test]
    for mean in means:
        mean["U1"] += 0.2 * mean["U1"].max()
    both = replace(simulations, groups={"all": ["U1", "sig11"]})
    scores = errors(both, told, (means, None))
    assert scores["all"] == pytest.approx(0.1)
    assert scores["field sig11"] == scores["worst_scalar"] == 0


def test_renumbering_tells_what_depends_on_it(simulations):
    for model, moves in ((Told(), False), (ByNumber(), True)):
        result = fit_simulations(model, simulations)
        error = score_renumbered(model, result, simulations, 0)["renumbered_error"]
        assert (error > 0.1) == moves
        assert moves or error < 1e-12


def test_remesh_noise_is_the_share_of_the_spread(rng):
    shapes = rng.normal(size=(400, 1, 8)) * np.arange(8, 0, -1)
    meshed = shapes + 0.1 * np.arange(8, 0, -1) * rng.normal(size=(400, 2, 8))
    data = Meshings([], np.repeat(np.arange(400), 2))
    scores = score_remeshing(None, meshed.reshape(800, 8), data, 0)
    assert scores["remesh_noise"] == pytest.approx(0.1, rel=0.05)
    assert scores["remesh_noise_modes"] == pytest.approx(0.1, rel=0.05)


def test_the_worst_scalar_counts_against_the_best_rival():
    ours = {"scalar a": 1.0, "scalar b": 3.0}
    rivals = {"scalar a": 2.0, "scalar b": 2.0}, {"scalar a": 4.0, "scalar b": 1.5}
    names = mmgp.PUBLISHED
    view = records("tensile", {mmgp.OURS: [ours], names[0]: rivals[:1], names[1]: rivals[1:]})
    assert worst_scalar_ratio(names, most=1.1).figure(view) == pytest.approx(2)
    assert np.isnan(worst_scalar_ratio(names, most=1.1).figure(records("tensile", {})))


def test_growth_and_nats_are_of_pairs():
    few, many = mmgp.TASKS["modes"].methods[:2]
    view = records("modes", {few: [{"stress": 1.0}, {"stress": 3.0}], many: [{"stress": 1.5}]})
    assert growth("stress", many, few, most=1.01).figure(view) == pytest.approx(1.5)
    figures = {
        "BatchedGP": [{"nats 0": -1.0, "nats 1": 2.0}],
        "EachSklearnGP": [{"nats 0": -2.0, "nats 1": 2.25}],
    }
    bound = nats_behind("EachSklearnGP", 2, most=0.5)
    assert bound.figure(records("processes", figures)) == pytest.approx(0.25)


def test_snapshot_modes_are_orthonormal_under_the_mass(rng):
    mass = diags_array(rng.uniform(1, 2, 20))
    snapshots = rng.normal(size=(12, 40)) + 3
    modes = SnapshotModes(12).fit(snapshots, mass)
    parts = modes.modes_.reshape(12, 20, 2)
    gram = np.einsum("knp,n,lnp->kl", parts, mass.diagonal(), parts)
    np.testing.assert_allclose(gram, np.eye(12), atol=1e-9)
    np.testing.assert_allclose(modes.decode(modes.encode(snapshots)), snapshots, atol=1e-9)


def test_principal_modes_keep_what_they_are_told_to(rng):
    snapshots = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 40))
    modes = PrincipalModes(0.9999).fit(snapshots, None)
    assert modes.encode(snapshots).shape[1] <= 3
    np.testing.assert_allclose(modes.decode(modes.encode(snapshots)), snapshots, atol=0.2)


def smooth(n_samples, rng):
    inputs = rng.uniform(-1, 1, size=(n_samples, 2)) * [1, 50]
    return inputs, np.column_stack([np.sin(2 * inputs[:, 0]), 100 * inputs[:, 0] + inputs[:, 1]])


@pytest.mark.parametrize("learner", [SklearnProcess(n_restarts=0, random_state=0), GPyProcess(2)])
@QUIET
def test_processes_learn_smooth_functions_and_say_how_well(learner, rng):
    if isinstance(learner, GPyProcess):
        pytest.importorskip("GPy")
        np.random.seed(0)  # noqa: NPY002  (GPy knows no other)
    (inputs, targets), (new, truth) = smooth(60, rng), smooth(60, rng)
    mean, spread = learner.fit(inputs, targets).predict(new)
    assert mean.shape == spread.shape == (60, 2)
    assert (np.abs(mean - truth).mean(axis=0) < 0.02 * truth.std(axis=0)).all()
    assert (spread >= 0).all()
    assert (spread < 0.1 * truth.std(axis=0)).all()


def test_neighbours_return_what_they_saw_and_no_spread(rng):
    inputs, targets = smooth(30, rng)
    mean, spread = Neighbors(3).fit(inputs, targets).predict(inputs)
    np.testing.assert_allclose(mean, targets)
    assert np.isnan(spread).all()


def _scores(method, data):
    model = mmgp.make(method, 0)
    return score_simulations(model, fit_simulations(model, data), data, 0)


def test_baselines_learn_what_they_are_given(simulations):
    whole, blind = _scores("PCAGP", simulations), _scores("ScalarGP", simulations)
    near = _scores("ShapeKNN", simulations)
    for name in ("displacement", "stress", "worst_scalar"):
        assert whole[name] < 0.03
        assert whole[name] < blind[name] / 3
        assert whole[name] < near[name] / 2
    assert "coverage_least" not in near


def test_draws_are_standardised_and_repeat_themselves():
    first, again = draws(40, 3, 4)(1), draws(40, 3, 4)(1)
    np.testing.assert_array_equal(first.y, again.y)
    np.testing.assert_allclose([first.y.mean(axis=0), first.y.std(axis=0) - 1], 0, atol=1e-12)


def test_evidence_is_that_of_the_same_model():
    data, scores = draws(60, 2, 2)(0), []
    for model in (EachSklearnGP(random_state=0), mmgp.make("BatchedGP", 0)):
        scores.append(score_processes(model, fit_processes(model, data), data, 0))
    assert scores[0]["nats"] == pytest.approx((scores[0]["nats 0"] + scores[0]["nats 1"]) / 2)
    assert scores[1]["nats"] == pytest.approx(scores[0]["nats"], abs=0.5)


@QUIET
def test_evidence_of_gpy_is_that_of_scikit_learn_for_the_same_parameters():
    pytest.importorskip("GPy")
    np.random.seed(0)  # noqa: NPY002  (GPy knows no other)
    data = draws(60, 2, 1)(0)
    theirs = EachGPyGP(2).fit(data.X, data.y)
    kernel, noise = theirs.models_[0].kern, theirs.models_[0].likelihood.variance
    theta = np.log([*kernel.variance, *kernel.lengthscale, *noise + 1e-8])  # as GPy adds it
    model = EachSklearnGP(0).fit(data.X, data.y).models_[0]
    nats = model.log_marginal_likelihood(theta)
    assert theirs.evidence()[0] == pytest.approx(nats, abs=1e-3)


@QUIET
def test_the_published_morph_is_muscats_and_carries_linear_functions(rng):
    pytest.importorskip("Muscat")
    from benchmarks._mmgp_carriers import MuscatCarrier, muscat_disk

    X = [renumbered(plate(n_side, rng)[0], rng)[0] for n_side in (9, 12)]
    assert max(map_difference(each, "uniform") for each in X) < 1e-12
    disk, order = muscat_disk(X[1])
    assert np.hypot(*disk.nodes.T).max() == pytest.approx(1)
    carrier = MuscatCarrier().fit(X)
    assert carrier.mass().sum() == pytest.approx(np.pi, rel=0.05)
    (here, back_here), (there, back) = carrier.operators(X)
    on_disk = np.empty_like(disk.nodes)
    on_disk[order] = disk.nodes
    support, support_order = carrier.support_
    on_support = np.empty_like(support.nodes)
    on_support[support_order] = support.nodes
    inside = np.hypot(*on_support.T) < 0.9
    np.testing.assert_allclose((there @ on_disk)[inside], on_support[inside], atol=1e-9)
    inside = np.hypot(*on_disk.T) < 0.9
    np.testing.assert_allclose((back @ on_support)[inside], on_disk[inside], atol=1e-9)
    np.testing.assert_allclose((back_here @ here).toarray(), np.eye(X[0].n_nodes), atol=1e-9)


@QUIET
def test_the_published_pipeline_learns_plates(simulations):
    pytest.importorskip("Muscat")
    pytest.importorskip("GPy")
    scores = _scores("PublishedMMGP[n_restarts=2]", simulations)
    assert max(scores[name] for name in ("displacement", "stress", "worst_scalar")) < 0.06
    assert 0 < scores["coverage U1"] <= 1


@QUIET
def test_transformed_outputs_come_back_in_their_own_units(simulations):
    transforms = localised(simulations.X, simulations.y, fields=("sig11",))
    data = replace(simulations, transforms=transforms)
    scores = _scores("PCAGP", data)
    assert scores["stress"] < 0.03
    assert scores["scalar max_sig11"] < 0.03
    y = pd.DataFrame(mmgp.make("PCAGP", 0).fit(data.X, data.y).predict(data.X_test))
    assert list(y) == list(data.y)
