"""Configuration of the documentation build (`make docs`)."""

import importlib.util
import os
import re
from pathlib import Path

import skmanifold

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"

project = "skmanifold"
author = "the skmanifold developers"
copyright = f"2026, {author}"
version = release = skmanifold.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "auto_examples/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
default_role = "code"

# -- API reference ---------------------------------------------------------------------------
autosummary_generate = True
autodoc_member_order = "groupwise"
# scikit-learn makes these, and their text links to pages that are not here.
autodoc_default_options = {
    "exclude-members": "set_fit_request, set_predict_request, set_score_request",
}
# The class page lists the methods itself; numpydoc would list them a second time.
numpydoc_show_class_members = False

# -- links to other projects: off by default, since the inventories come over the network --------
if os.environ.get("SKMANIFOLD_INTERSPHINX") == "1":
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
        "torch": ("https://pytorch.org/docs/stable", None),
    }


# -- gallery ---------------------------------------------------------------------------------
def is_there(requirement):
    """Whether one of ``a or b`` is an installed module or, where it has a slash, a file.

    Paths start at the checkout.
    """
    return any(
        (EXAMPLES.parent / name).is_file()
        if "/" in name
        else importlib.util.find_spec(name) is not None
        for name in requirement.split(" or ")
    )


def missing_requirements(script):
    """What a script's ``# Requires: a, b or c`` line names and is not there."""
    line = re.search(r"^# Requires: (.+)$", script.read_text(encoding="utf-8"), re.MULTILINE)
    named = re.split(r",\s*", line.group(1).strip()) if line else []
    return [requirement for requirement in named if not is_there(requirement)]


def runnable_pattern():
    """A pattern of the gallery scripts to run; the others are shown without their output."""
    runnable = []
    for script in sorted(EXAMPLES.glob("plot_*.py")):
        if missing := missing_requirements(script):
            print(f"{script.name} is shown but not run, without {', '.join(missing)}")
        else:
            runnable.append(re.escape(script.name))
    return rf"({'|'.join(runnable) or 'no script'})$"


sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "auto_examples",
    "filename_pattern": runnable_pattern(),
    "backreferences_dir": None,
    "download_all_examples": False,
    "show_memory": False,
    "plot_gallery": "True",
}

# -- HTML --------------------------------------------------------------------------------------
html_theme = "pydata_sphinx_theme"
html_title = f"skmanifold {version}"
html_show_sourcelink = False
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}
html_sidebars = {"install": [], "quickstart": [], "benchmarks": [], "changelog": []}
