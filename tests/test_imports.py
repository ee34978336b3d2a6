"""The house rule: estimators -> mathematics -> utils, read from the imports of every file.

Imports inside functions count as well: a late import is still a dependency.
"""

import ast
from pathlib import Path

import pytest

import skmanifold

ROOT = Path(skmanifold.__file__).resolve().parent

ESTIMATORS = {"classification", "cluster", "embedding", "gaussian_process"}
MATHEMATICS = {"frames", "gp", "graph", "label_space", "linalg", "mesh", "nn"}
BESIDE = {"datasets", "metrics", "plotting"}
# The package's own front: it names everything, lazily, and nothing below may name it.
FRONT = {"__init__", "_show_versions"}

MAY_IMPORT = {
    **{family: {family, "base", "utils", "exceptions"} | MATHEMATICS for family in ESTIMATORS},
    **{layer: {"utils", "exceptions"} | MATHEMATICS for layer in MATHEMATICS},
    **{layer: {"utils", "exceptions"} | MATHEMATICS | BESIDE for layer in BESIDE},
    "base": {"utils"},
    "exceptions": set(),
    "utils": {"utils"},
}


def imported_names(source, module):
    """Absolute dotted names that ``source``, the text of ``module`` (a tuple of parts), imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = module[: len(module) - node.level] if node.level else ()
            base = ".".join([*start, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def layer_of(dotted):
    """The part of the package that a dotted name lies in; None for foreign names."""
    package, _, rest = dotted.partition(".")
    return rest.split(".")[0] if package == "skmanifold" else None


def forbidden_layers(source, module):
    """Layers that ``module`` imports and may not."""
    layers = {layer_of(name) for name in imported_names(source, module)} - {None}
    return layers - MAY_IMPORT[module[1]]


def private_sklearn_names(source, module):
    """Private names of scikit-learn among the imports; ``__version__`` and its like are public."""
    return {
        name
        for name in imported_names(source, module)
        if name.split(".")[0] == "sklearn"
        and any(part.startswith("_") and not part.startswith("__") for part in name.split("."))
    }


def module_of(path):
    """``skmanifold/graph/_knn.py`` -> ("skmanifold", "graph", "_knn")."""
    return ("skmanifold", *path.relative_to(ROOT).with_suffix("").parts)


FILES = sorted(path for path in ROOT.rglob("*.py") if module_of(path)[1] not in FRONT)
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(module_of(path)[1:]))


@every_file
def test_imports_point_down(path):
    assert module_of(path)[1] in MAY_IMPORT, "give the new folder its place in MAY_IMPORT"
    assert not forbidden_layers(path.read_text(), module_of(path))


def test_only_one_file_imports_private_sklearn_names():
    offenders = {
        module_of(path): names
        for path in FILES
        if (names := private_sklearn_names(path.read_text(), module_of(path)))
    }
    offenders.pop(("skmanifold", "utils", "_sklearn"), None)
    assert not offenders


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if module_of(path)[1] in MATHEMATICS],
    ids=lambda path: "/".join(module_of(path)[1:]),
)
def test_mathematics_knows_no_estimator(path):
    names = imported_names(path.read_text(), module_of(path))
    assert not [name for name in names if name.rsplit(".", 1)[-1] == "BaseEstimator"]


@pytest.mark.parametrize(
    ("module", "source", "forbidden"),
    [
        ("skmanifold.graph._knn", "from skmanifold.embedding import X", {"embedding"}),
        ("skmanifold.graph._knn", "from ..metrics import x", {"metrics"}),
        ("skmanifold.graph._knn", "def f():\n    from ..plotting import x", {"plotting"}),
        ("skmanifold.graph._knn", "from .. import base", {"base"}),
        ("skmanifold.utils._device", "import skmanifold.linalg._eig", {"linalg"}),
        ("skmanifold.embedding._heat", "from skmanifold.cluster import X", {"cluster"}),
        ("skmanifold.embedding._heat", "from ..graph import x\nfrom ._other import y", set()),
        ("skmanifold.plotting._display", "from ..metrics._x import x", set()),
        ("skmanifold.base", "from .utils._device import x", set()),
    ],
)
def test_the_rule_sees_what_it_should(module, source, forbidden):
    assert forbidden_layers(source, tuple(module.split("."))) == forbidden


@pytest.mark.parametrize(
    ("source", "private"),
    [
        ("from sklearn.utils._tags import Tags", {"sklearn.utils._tags.Tags"}),
        ("import sklearn.utils._param_validation", {"sklearn.utils._param_validation"}),
        ("from sklearn.base import _fit_context", {"sklearn.base._fit_context"}),
        ("from sklearn import __version__", set()),
        ("from sklearn.utils import check_array", set()),
        ("from torch._C import x", set()),
    ],
)
def test_private_names_are_told_from_public_ones(source, private):
    assert private_sklearn_names(source, ("skmanifold", "embedding", "_heat")) == private
