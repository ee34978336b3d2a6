"""Pictures are of the last step of a pipeline and the best of a search, however nested."""

from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmanifold.plotting._final_step import final_step


def test_an_estimator_by_itself():
    pca = PCA()
    assert final_step(pca) is pca


def test_the_last_step_of_the_best_pipeline_in_a_pipeline():
    base = LogisticRegression(max_iter=1000)
    search = GridSearchCV(make_pipeline(PCA(), base), {"pca__n_components": [1, 2]}, cv=2)
    outer = make_pipeline(PCA(), search).fit(*load_iris(return_X_y=True))
    found = final_step(outer)
    assert isinstance(found, LogisticRegression)
    assert found is outer[-1].best_estimator_[-1]
