"""Curves of coding rates: which are drawn, where, and what marks the stages."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmanifold.cluster import MCRClustering
from skmanifold.plotting import RateDisplay

pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
pytestmark = pytest.mark.usefixtures("pyplot")

NAN = float("nan")


class FakeClustering(TransformerMixin, BaseEstimator):
    """Has the rates that it is made with."""

    def __init__(self, rates=(5.0, 6.0)):
        self.rates = rates

    def fit(self, X, y=None):
        n_epochs = len(self.rates)
        self.rate_history_ = {
            "stage": np.ones(n_epochs, dtype=int),
            "rate": np.array(self.rates),
            "cluster_rate": np.full(n_epochs, NAN),
        }
        return self

    def transform(self, X):
        return X

    def score(self, X, y=None):
        return max(self.rates)


@pytest.fixture(scope="module")
def two_stages():
    return RateDisplay([1, 1, 1, 2, 2], [20, 40, 45, 44, 43], [NAN, NAN, NAN, 25, 20]).plot()


@pytest.fixture(scope="module")
def one_stage():
    return RateDisplay([1, 1, 1], [20, 40, 45], [NAN] * 3).plot()


@pytest.fixture(scope="module")
def X():
    return np.random.RandomState(0).standard_normal((40, 3))


def names(display):
    return [text.get_text() for text in display.texts_]


def borders(display):
    """Where vertical lines are."""
    lines = [set(line.get_xdata()) for line in display.ax_.lines if len(line.get_xdata()) == 2]
    return [at.pop() for at in lines if len(at) == 1]


def test_draws_all_three_rates_where_they_are_known(two_stages):
    lines = two_stages.lines_
    assert list(lines) == ["rate", "cluster_rate", "rate_reduction"]
    assert_array_equal(lines["rate"].get_xydata(), np.c_[[1, 2, 3, 4, 5], [20, 40, 45, 44, 43]])
    assert_array_equal(lines["cluster_rate"].get_xydata(), [[4, 25], [5, 20]])


def test_the_parts_sum_to_the_whole(two_stages):
    rate, *parts = (line.get_ydata() for line in two_stages.lines_.values())
    assert_allclose(sum(parts), rate[3:])


def test_a_line_stands_between_the_stages(two_stages):
    assert names(two_stages) == ["warm-up", "refinement"]
    assert borders(two_stages) == [3.5]


def test_without_refinement_there_is_only_the_rate(one_stage):
    assert list(one_stage.lines_) == ["rate"]
    assert names(one_stage) == ["warm-up"]
    assert borders(one_stage) == []
    assert len(one_stage.legend_.get_texts()) == 1


def test_a_refinement_by_itself_has_no_border():
    display = RateDisplay([2, 2], [5, 6], [3, 2]).plot()
    assert names(display) == ["refinement"]
    assert borders(display) == []


def test_a_single_epoch_is_a_visible_mark():
    display = RateDisplay([1, 2], [5, 6], [NAN, 3]).plot()
    markers = {name: line.get_marker() for name, line in display.lines_.items()}
    assert markers == {"rate": "None", "cluster_rate": "o", "rate_reduction": "o"}


def test_nats_and_whole_epochs_are_on_the_axes(one_stage):
    ax = one_stage.ax_
    assert "nats" in ax.get_ylabel()
    assert_array_equal(ax.get_xticks(), np.round(ax.get_xticks()))


@pytest.mark.parametrize("cluster_rate", [5, 42])
def test_compared_rates_start_from_nought(cluster_rate):
    low, high = RateDisplay([1, 2], [40, 43], [NAN, cluster_rate]).plot().ax_.get_ylim()
    assert low <= 0
    assert high > 43


def test_draws_into_given_axes_with_settings_under_either_name(pyplot):
    figure, ax = pyplot.subplots()
    display = RateDisplay([1, 2, 2], [5, 6, 7], [NAN, 3, 4]).plot(ax, lw=3, color="green")
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert {line.get_linewidth() for line in display.lines_.values()} == {3}
    assert {line.get_color() for line in display.lines_.values()} == {"green"}


def test_draws_a_real_fit(X):
    fitted = MCRClustering(
        2, n_components=4, hidden_dim=8, pretrain_epochs=1, max_iter=1, refine=True, random_state=0
    ).fit(X)
    display = RateDisplay.from_estimator(fitted, alpha=0.5)
    display.figure_.canvas.draw()
    assert_allclose(display.lines_["rate"].get_ydata(), fitted.rate_history_["rate"])
    assert_allclose(
        display.lines_["cluster_rate"].get_ydata(), fitted.rate_history_["cluster_rate"][-1:]
    )


def test_finds_the_rates_in_pipelines_and_searches(X):
    search = GridSearchCV(FakeClustering(), {"rates": [(1.0, 2.0), (3.0, 7.0)]}, cv=2)
    for estimator in (make_pipeline(StandardScaler(), FakeClustering((3.0, 7.0))), search):
        display = RateDisplay.from_estimator(estimator.fit(X))
        assert_array_equal(display.lines_["rate"].get_ydata(), [3, 7])


def test_refuses_estimators_without_rates(X):
    with pytest.raises(ValueError, match=r"PCA keeps no coding rates .*fit an MCRClustering"):
        RateDisplay.from_estimator(PCA().fit(X))


@pytest.mark.parametrize(
    "unfitted", [MCRClustering(), make_pipeline(StandardScaler(), MCRClustering())]
)
def test_refuses_what_is_not_fitted(unfitted):
    with pytest.raises(NotFittedError):
        RateDisplay.from_estimator(unfitted)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([], [], []), r"no epoch has ended"),
        (([1, 2], [3.0], [NAN, 1.0]), r"inconsistent numbers of samples"),
        (([2, 1], [3.0, 3.0], [1.0, 1.0]), r"stage must be 1 in the first epochs, then 2"),
        (([0, 1], [3.0, 3.0], [1.0, 1.0]), r"stage must be 1 in the first epochs, then 2"),
    ],
)
def test_refuses_histories_that_cannot_be(arrays, message):
    with pytest.raises(ValueError, match=message):
        RateDisplay(*arrays).plot()
