"""Methods by name: `"Isomap"` at its defaults, `"Isomap[n_neighbors=10]"` with a change."""

import ast
import contextlib
import importlib
import os


class _HeatGeo:
    """The authors' research code at the settings of their "auto" mode, kept quiet."""

    def __init__(self, **parameters):
        from heatgeo.embedding import HeatGeo

        self._model = HeatGeo(**({"knn": 5, "tau": "auto", "harnack_regul": 1.0} | parameters))

    def fit_transform(self, X):
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            return self._model.fit_transform(X)


def imported(module, name, **defaults):
    """A factory that imports only when it is called, with `defaults` that a caller may change."""

    def build(**parameters):
        return getattr(importlib.import_module(module), name)(**(defaults | parameters))

    return build


# name: (factory, whether it takes `random_state`)
METHODS = {
    "HeatGeodesic": (
        imported("skmanifold.embedding", "HeatGeodesicEmbedding", device="cpu"),
        True,
    ),
    "UMAP": (imported("umap", "UMAP"), True),
    "PHATE": (imported("phate", "PHATE", verbose=0), True),
    "heatgeo": (_HeatGeo, False),
    "Isomap": (imported("sklearn.manifold", "Isomap"), False),
    "PCA": (imported("sklearn.decomposition", "PCA", n_components=2), True),
    "input": (imported("sklearn.preprocessing", "FunctionTransformer"), False),
}


def parse(method):
    """`"Name[a=1, b='c']"` -> `("Name", {"a": 1, "b": "c"})`."""
    call = ast.parse(method.replace("[", "(").replace("]", ")"), mode="eval").body
    if isinstance(call, ast.Name):
        return call.id, {}
    return call.func.id, {word.arg: ast.literal_eval(word.value) for word in call.keywords}


def _need_cuda():
    if not importlib.import_module("torch").cuda.is_available():
        raise ImportError("no CUDA device")


def maker(methods):
    """`make(method, seed)` of a suite, from its factories by name.

    It gives the estimator, seeded where it can be, and raises ImportError where that is absent.
    """

    def make(method, seed):
        name, parameters = parse(method)
        if parameters.get("device") == "cuda":
            _need_cuda()
        factory, seeded = methods[name]
        return factory(**({"random_state": seed} if seeded else {}), **parameters)

    return make


make = maker(METHODS)
