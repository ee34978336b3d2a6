"""Trees in Newick's notation, such as ``((cat:2,dog:1)carnivore:3,cow);``."""

import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tree = tuple[NDArray[Any], NDArray[np.intp], NDArray[np.float64]]  # names, parents, lengths

TOKEN = re.compile(
    r"(?P<blank>\s+|\[[^\]]*\])"  # comments are blanks
    r"|(?P<mark>[(),:;])"
    r"|'(?P<quoted>(?:[^']|'')*)'"
    r"|(?P<bare>[^\s()\[\],:;']+)"
)
# What each token may follow. After ":" only a length may come, which is read as a name is.
BEGINS = {"", "(", ","}
MAY_FOLLOW = {
    "(": BEGINS,
    "name": BEGINS | {")"},
    ":": BEGINS | {")", "name"},
    "length": {":"},
    ",": BEGINS | {")", "name", "length"},
    ")": BEGINS | {")", "name", "length"},
    ";": BEGINS | {")", "name", "length"},
}


def parse_newick(text: str) -> Tree:
    """The tree that a string in Newick's notation stands for.

    Names may be quoted, ``'Homo sapiens'``, with ``''`` for a quote inside; bare names are taken
    as they are, underscores too. Comments in ``[...]`` are passed over. There is no recursion, so
    a tree may be as deep as memory allows.

    Parameters
    ----------
    text : str

    Returns
    -------
    names : ndarray of str of shape (n_nodes,)
        "" for nodes without a name; parents come before their children.
    parent : ndarray of intp of shape (n_nodes,)
        -1 for the root, which is node 0.
    length : ndarray of shape (n_nodes,)
        Of the edge to the parent: 1 where none is given, 0 for the root.

    Raises
    ------
    ValueError
        If the notation is broken, or a length is no finite number or negative. The message gives
        the position in the string.

    References
    ----------
    .. [1] G. Olsen, "'Newick's 8:45' Tree Format Standard", 1990.

    Examples
    --------
    >>> from skmanifold.label_space._newick import parse_newick
    >>> names, parent, length = parse_newick("(cat:2,dog)animal;")
    >>> names.tolist(), parent.tolist(), length.tolist()
    (['animal', 'cat', 'dog'], [-1, 0, 0], [0.0, 2.0, 1.0])
    """
    reader = _Reader(text)
    at = 0
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None:
            raise _broken(text, at, f"{text[at]!r} has no partner")
        reader.read(token)
        at = token.end()
    return reader.tree()


class _Reader:
    """The tree so far, the node that is being read, and the last token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names, self.parent, self.length = [""], [-1], [1.0]
        self.node = 0
        self.last = ""

    def read(self, token: re.Match[str]) -> None:
        """Take in the next token."""
        if token.lastgroup == "blank":
            return
        kind = token[0] if token.lastgroup == "mark" else "name"
        if self.last == ":" and kind == "name":
            kind = "length"
        self._check(kind, token)
        if kind == "(":
            self._begin(parent=self.node)
        elif kind == ",":
            self._begin(parent=self.parent[self.node])
        elif kind == ")":
            self.node = self.parent[self.node]
        elif kind == "name":
            quoted = token["quoted"]
            self.names[self.node] = token[0] if quoted is None else quoted.replace("''", "'")
        elif kind == "length":
            self.length[self.node] = _length(self.text, token)
        self.last = kind

    def tree(self) -> Tree:
        """The tree after the last token."""
        if self.last != ";":
            raise _broken(self.text, len(self.text), "the closing ';' is missing")
        self.length[0] = 0.0
        return np.array(self.names), np.array(self.parent, dtype=np.intp), np.array(self.length)

    def _begin(self, parent: int) -> None:
        """Open a new node."""
        self.node = len(self.names)
        self.names.append("")
        self.parent.append(parent)
        self.length.append(1.0)

    def _check(self, kind: str, token: re.Match[str]) -> None:
        """Refuse a token that cannot stand where it does."""
        if self.last not in MAY_FOLLOW[kind]:
            raise _broken(self.text, token.start(), _reason(kind, self.last))
        if kind in {",", ")"} and self.node == 0:
            raise _broken(self.text, token.start(), f"no '(' is open for this {kind!r}")
        if kind == ";" and self.node != 0:
            raise _broken(self.text, token.start(), "the tree ends while a '(' is still open")


def _length(text: str, token: re.Match[str]) -> float:
    """The length of an edge."""
    try:
        length = float(token[0])
    except ValueError:
        length = math.nan
    if not 0 <= length < math.inf:
        words = f"the length {token[0]!r} is not a finite number >= 0"
        raise _broken(text, token.start(), words)
    return length


def _reason(kind: str, last: str) -> str:
    """Why a token may not follow the last one."""
    if last == ";":
        return "the tree ends before this, at its ';'; pass one tree"
    if last == ":":
        return "a length must follow ':'"
    if kind == "name" and last == "name":
        return "two names in a row: put a name with blanks or quotes in '...'"
    return f"{kind!r} cannot follow {last!r}"


def _broken(text: str, at: int, words: str) -> ValueError:
    """An error that shows where the notation is broken."""
    around = text[max(0, at - 15) : at + 15]
    return ValueError(f"Broken Newick string at character {at}, near {around!r}: {words}.")
