"""The package as a whole: what importing it costs, what it offers, what it says of itself."""

import ast
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import skmanifold

ROOT = Path(skmanifold.__file__).resolve().parent
CHECKOUT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "gpytorch", "skorch", "sklearn", "scipy", "pandas", "matplotlib")


def run_fresh(code):
    """Standard output of ``code`` in a fresh interpreter that sees the package under test."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT.parent
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_import_is_light():
    code = f"import sys, skmanifold; print([name for name in {HEAVY} if name in sys.modules])"
    assert run_fresh(code).strip() == "[]"


def test_dir_of_the_package_imports_nothing():
    code = "import sys, skmanifold; dir(skmanifold); print('torch' in sys.modules)"
    assert run_fresh(code).strip() == "False"


@pytest.mark.parametrize("name", skmanifold.__all__)
def test_public_names_resolve(name):
    assert getattr(skmanifold, name) is not None
    assert name in dir(skmanifold)


@pytest.mark.parametrize("name", sorted(skmanifold._NAMES))
def test_lazy_name_is_the_object_of_its_module(name):
    home = importlib.import_module(skmanifold._NAMES[name])
    assert getattr(skmanifold, name) is getattr(home, name)


def test_all_is_sorted_and_lists_exactly_the_lazy_names():
    lazy = {*skmanifold._NAMES, *skmanifold._SUBPACKAGES, "__version__"}
    assert sorted(skmanifold.__all__) == sorted(lazy)


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert seen == skmanifold._NAMES


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'NoSuchEstimator'"):
        _ = skmanifold.NoSuchEstimator


@pytest.mark.parametrize("name", skmanifold._SUBPACKAGES)
def test_subpackages_list_sorted_names_that_resolve(name):
    subpackage = getattr(skmanifold, name)
    # As ruff sorts them: names in capitals first, as constants are.
    key = [(not public.isupper(), public) for public in subpackage.__all__]
    assert key == sorted(key)
    assert all(hasattr(subpackage, public) for public in subpackage.__all__)


def test_version_agrees_with_the_installed_metadata():
    assert skmanifold.__version__ == metadata.version("skmanifold")


def test_show_versions_names_every_requirement(capsys):
    skmanifold.show_versions()
    printed = capsys.readouterr().out
    requirements = [
        re.match(r"[\w-]+", line).group()
        for line in metadata.requires("skmanifold")
        if "extra ==" not in line
    ]
    assert len(requirements) > 3
    for name in requirements:
        assert re.search(rf"{name}: {re.escape(metadata.version(name))}\b", printed)
    assert f"skmanifold: {skmanifold.__version__}" in printed


def test_the_readme_examples_run():
    examples = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    printed = run_fresh("".join(examples)).split()
    assert float(printed[0]) > 0.9  # the correlation that the README claims
