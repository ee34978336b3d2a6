import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmanifold.label_space._newick import parse_newick


def written(names, parent, length):
    """A tree in Newick's notation, all names quoted; parents come before children."""
    inner = [""] * len(names)
    for node in range(len(names) - 1, -1, -1):
        name = "'" + names[node].replace("'", "''") + "'"
        inner[node] = (f"({inner[node]})" if inner[node] else "") + f"{name}:{length[node]!r}"
        if node:
            inner[parent[node]] = ",".join(filter(None, [inner[node], inner[parent[node]]]))
    return inner[0] + ";"


def edges(tree):
    """Name, name of the parent and length of each node."""
    names, parent, length = tree
    above = ["" if node < 0 else names[node] for node in parent]
    return set(zip(names.tolist(), above, length.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_what_is_written_is_read(seed):
    rng = np.random.default_rng(seed)
    names = np.array([f"it's ({node}), [{node}]:;" for node in range(40)])
    parent = np.array([-1, *(rng.integers(node) for node in range(1, 40))])
    length = np.append(0.0, rng.exponential(size=39))
    assert edges(parse_newick(written(names.tolist(), parent, length.tolist()))) == edges(
        (names, parent, length)
    )


def test_parents_come_first():
    _, parent, _ = parse_newick("((a,b)c,((d)e,f)g)h;")
    assert parent[0] == -1
    assert (parent < np.arange(len(parent))).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;", {("a", "", 0)}),
        ("(a,b);", {("", "", 0), ("a", "", 1), ("b", "", 1)}),
        ("(a,b)r:7;", {("r", "", 0), ("a", "r", 1), ("b", "r", 1)}),
        (" ( a : 2 ,\n'b c':1e-3 ) r ; ", {("r", "", 0), ("a", "r", 2), ("b c", "r", 0.001)}),
        ("(a[&rate=1,(x;]:2[c])r;[end]", {("r", "", 0), ("a", "r", 2)}),
        ("(a_b:0)r;", {("r", "", 0), ("a_b", "r", 0)}),
        ("('3':.5,é)r;", {("r", "", 0), ("3", "r", 0.5), ("é", "r", 1)}),
    ],
)
def test_notation(text, expected):
    assert edges(parse_newick(text)) == expected


def test_nameless_nodes_stay():
    names, parent, _ = parse_newick("((,),);")
    assert_array_equal(names, [""] * 5)
    assert_array_equal(np.sort(parent), [-1, 0, 0, 1, 1])


def test_a_deep_tree():
    depth = 100_000
    text = "(" * depth + "a" + "".join(f",{level})" for level in range(depth)) + ";"
    names, parent, _ = parse_newick(text)
    assert len(names) == 2 * depth + 1
    node, steps = int(np.flatnonzero(names == "a")[0]), 0
    while parent[node] >= 0:
        node, steps = parent[node], steps + 1
    assert steps == depth


@pytest.mark.parametrize(
    ("text", "character", "match"),
    [
        ("(a,b;", 4, "while a '(' is still open"),
        ("(a,b));", 5, "no '(' is open for this ')'"),
        ("a,b;", 1, "no '(' is open for this ','"),
        ("(a,b)", 5, "the closing ';' is missing"),
        ("(a:x,b);", 3, "the length 'x' is not a finite number >= 0"),
        ("(a:-1,b);", 3, "'-1' is not a finite number >= 0"),
        ("(a:nan,b);", 3, "'nan'"),
        ("(a:inf,b);", 3, "'inf'"),
        ("(a:,b);", 3, "a length must follow ':'"),
        ("(a:1:2,b);", 4, "':' cannot follow 'length'"),
        ("(a b,c);", 3, "two names in a row"),
        ("(a(b),c);", 2, "'(' cannot follow 'name'"),
        ("(a,'b);", 3, "has no partner"),
        ("(a,b]);", 4, "']' has no partner"),
        ("(a,b);(c,d);", 6, "pass one tree"),
    ],
)
def test_broken_notation_is_pointed_at(text, character, match):
    with pytest.raises(ValueError, match=f"at character {character}, .*{re.escape(match)}"):
        parse_newick(text)
