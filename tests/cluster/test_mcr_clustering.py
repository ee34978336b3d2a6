"""What a fit finds, and what its methods say of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context

from skmanifold.cluster import MCRClustering, _label_graph
from skmanifold.datasets import make_clusters
from skmanifold.metrics import clustering_accuracy
from tests.cluster.quick_fits import far_blobs, quick, same_clusters, touching

pytestmark = pytest.mark.usefixtures("few_steps")
AUGMENTATIONS = ["neighbors", "noise", None]
every_augmentation = pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=repr)
refined_or_not = pytest.mark.parametrize("refine", [True, False])


@pytest.fixture(scope="module")
def blobs():
    return far_blobs()


@pytest.mark.parametrize("seed", range(3))
def test_curves_are_told_apart(seed):
    """The graph of the input settles them, whatever is learnt."""
    X, y = make_clusters("circles", 300, n_clusters=2, random_state=seed)
    assert clustering_accuracy(y, quick(n_clusters=2).fit(X).labels_) >= 0.99


@pytest.mark.parametrize("seed", range(3))
def test_subspaces_are_told_apart(seed, monkeypatch):
    """Of eight seeds, all were right to 0.99."""
    monkeypatch.undo()  # with all the steps that it takes
    X, y = make_clusters("subspaces", 240, n_clusters=3, random_state=seed)
    model = MCRClustering(3, n_components=16, hidden_dim=32, random_state=seed).fit(X)
    assert clustering_accuracy(y, model.labels_) >= 0.97


@every_augmentation
@refined_or_not
def test_training_samples_keep_their_labels(augmentation, refine):
    X = touching()
    model = quick(augmentation=augmentation, refine=refine).fit(X)
    assert_array_equal(np.unique(model.labels_), range(3))
    assert_array_equal(model.predict(X), model.labels_)
    assert_array_equal(model.predict(X[::-7]), model.labels_[::-7])


@every_augmentation
def test_duplicates_have_one_label(augmentation):
    X = np.repeat(touching(12), 5, axis=0)
    model = quick(augmentation=augmentation, n_neighbors=3, label_neighbors=3).fit(X)
    assert (np.ptp(model.labels_.reshape(12, 5), axis=1) == 0).all()
    assert_array_equal(model.predict(X), model.labels_)


@every_augmentation
def test_probabilities(augmentation):
    X, queries = touching(), np.random.default_rng(2).normal(size=(25, 4))
    model = quick(augmentation=augmentation).fit(X)
    for samples in (X, queries):
        shares = model.predict_proba(samples)
        assert shares.shape == (len(samples), 3)
        assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
        assert (shares >= 0).all()
        assert_array_equal(shares.argmax(axis=1), model.predict(samples))
    assert_array_equal(model.predict_proba(X).max(axis=1), 1.0)  # they know their cluster
    assert (model.predict_proba(queries) < 1).any()


def test_held_out_samples_join_their_cluster(blobs):
    X, y = blobs
    queries, expected = far_blobs(seed=7)
    model = quick().fit(X)
    assert same_clusters(model.labels_, y)
    assert_array_equal(model.predict(queries), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_representation_has_unit_norm(dtype):
    X = touching().astype(dtype)
    model = quick().fit(X)
    assert model.embedding_.shape == (60, 8)
    assert model.embedding_.dtype == dtype
    assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-6)
    assert_array_equal(model.transform(X), model.embedding_)
    assert_array_equal(quick().fit_transform(X), model.embedding_)
    assert_array_equal(quick().fit_predict(X), model.labels_)


def test_what_fit_transform_gives_is_a_copy():
    model, X = quick(), touching()
    model.fit_transform(X)[:] = 0
    assert (model.embedding_ != 0).any()


@every_augmentation
def test_batches_do_not_change_what_is_said_of_a_sample(augmentation):
    model = quick(augmentation=augmentation).fit(touching())
    queries = np.random.default_rng(2).normal(size=(9, 4))
    for method in (model.transform, model.predict_proba):
        whole = method(queries)
        order = np.random.default_rng(3).permutation(9)
        assert_allclose(method(queries[order]), whole[order], rtol=0, atol=1e-12)
        alone = np.concatenate([method(query[None]) for query in queries])
        assert_allclose(alone, whole, rtol=0, atol=1e-12)
        with config_context(working_memory=1e-3):
            assert_allclose(method(queries), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("samples", ["training", "others"])
def test_score_is_the_rate_reduction_of_the_predicted_clusters(samples):
    X = touching()
    model = quick().fit(X)
    if samples == "others":
        X = np.random.default_rng(2).normal(size=(40, 4))
    Z, labels = model.transform(X), model.predict(X)
    rate = 8 / 0.1
    whole = np.linalg.slogdet(np.eye(8) + rate / len(Z) * Z.T @ Z)[1] / 2
    of_clusters = sum(
        len(part) / len(Z) * np.linalg.slogdet(np.eye(8) + rate / len(part) * part.T @ part)[1] / 2
        for part in (Z[labels == k] for k in np.unique(labels))
    )
    assert_allclose(model.score(X), whole - of_clusters, rtol=1e-9)
    assert model.score(X) >= 0
    assert model.score(X, np.arange(len(X))) == model.score(X)


def test_score_of_one_sample_is_nothing():
    model = quick().fit(touching())
    assert_allclose(model.score(touching()[:1]), 0, atol=1e-9)


@every_augmentation
@pytest.mark.parametrize("n_queries", [2, 25])
def test_membership_is_symmetric_and_doubly_stochastic(augmentation, n_queries):
    model = quick(augmentation=augmentation).fit(touching())
    membership = model.membership(np.random.default_rng(2).normal(size=(n_queries, 4)))
    assert membership.shape == (n_queries, n_queries)
    assert (membership != membership.T).nnz == 0
    assert (membership.data >= 0).all()
    assert_allclose(membership.sum(axis=0), 1, atol=1e-5)


def test_membership_stays_within_far_clusters(blobs):
    X, y = blobs
    membership = quick().fit(X).membership(X).toarray()
    assert (membership[y[:, None] != y] == 0).all()


def test_names_go_by_size(blobs):
    assert_array_equal(np.bincount(quick().fit(blobs[0]).labels_), np.bincount(blobs[1]))


@refined_or_not
def test_rates_of_every_epoch_are_kept(refine):
    model = quick(refine=refine, early_stopping=False).fit(touching())
    history = model.rate_history_
    assert history.keys() == {"stage", "rate", "cluster_rate"}
    assert_array_equal(history["stage"], [1, 1, 2, 2] if refine else [1, 1])
    assert_array_equal(np.isnan(history["cluster_rate"]), history["stage"] == 1)
    most = 8 / 2 * np.log1p(1 / 0.1)
    assert ((history["rate"] > 0) & (history["rate"] <= most)).all()
    assert (history["cluster_rate"][2:] < history["rate"][2:]).all()
    assert model.n_iter_ == len(history["stage"])
    assert model.refined_ is refine
    assert (model.temperature_ is None) is not refine


def test_a_temperature_that_is_given_is_taken():
    assert quick(refine=True, membership_temperature=0.3).fit(touching()).temperature_ == 0.3


@pytest.mark.parametrize(
    ("augmentation", "is_settled", "is_refined"),
    [("neighbors", True, False), ("neighbors", False, True), ("noise", True, True)],
)
def test_auto_refines_unless_the_graph_of_the_input_settles_it(
    blobs, augmentation, is_settled, is_refined
):
    X = blobs[0] if is_settled else touching()
    model = quick(augmentation=augmentation, refine="auto").fit(X)
    assert model.refined_ is is_refined


def test_auto_goes_by_the_number_of_clusters(blobs):
    assert quick(n_clusters=2, refine="auto").fit(blobs[0]).refined_


def test_bases_of_subspaces(blobs):
    model = quick().fit(blobs[0])
    assert len(model.cluster_subspaces_) == 3
    for k, basis in enumerate(model.cluster_subspaces_):
        features = model.embedding_[model.labels_ == k]
        assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
        held = ((features @ basis) ** 2).sum() / (features**2).sum()
        without_last = ((features @ basis[:, :-1]) ** 2).sum() / (features**2).sum()
        assert without_last < 0.95 <= held


@pytest.mark.parametrize("refine", [True, "auto"])
def test_a_single_cluster(refine):
    X = touching()
    model = quick(n_clusters=1, refine=refine).fit(X)
    assert_array_equal(model.labels_, np.zeros(60))
    assert_array_equal(model.predict_proba(X), np.ones((60, 1)))
    assert_allclose(model.score(X), 0, atol=1e-9)


def test_the_number_of_clusters_is_found(blobs, monkeypatch):
    monkeypatch.setattr(_label_graph, "MOST_CLUSTERS", 6)
    X, y = blobs
    model = quick(n_clusters="auto", pretrain_epochs=30, early_stopping=False).fit(X)
    assert model.n_clusters_ == 3
    assert model.n_clusters == "auto"
    assert same_clusters(model.labels_, y)
    assert model.predict_proba(X).shape == (60, 3)
