from __future__ import annotations

import random

from datasets import Dataset

from isogloss.data.overlap import count_duplicates, count_repeats, input_digests


def texts(*values):
    return Dataset.from_dict({"text": list(values)})


def test_against_a_naive_count():
    draw = random.Random(0)
    a, b = ([draw.choice("abcdefgh") * draw.randint(1, 9) for _ in range(n)] for n in (900, 2500))
    b += [f"only {i}" for i in range(50)]
    assert count_duplicates(texts(*a), texts(*b)) == sum(text in set(a) for text in b)
    assert count_repeats(texts(*b)) == len(b) - len(set(b))


def test_rows_are_compared_letter_by_letter():
    assert count_duplicates(texts("a", "b"), texts("A", "a ", "ä", "a\u0308")) == 0


def test_labels_are_not_compared():
    a = Dataset.from_dict({"text": ["x"], "label": ["1"]})
    assert count_duplicates(a, texts("x", "y")) == 1


def test_both_texts_of_a_pair_count():
    a = Dataset.from_dict({"text": ["x"], "text_pair": ["y"]})
    b = Dataset.from_dict({"text": ["x", "y", "x", "xy"], "text_pair": ["y", "x", "z", ""]})
    assert count_duplicates(a, b) == 1


def test_no_two_inputs_are_spelled_alike():
    rows = Dataset.from_dict(
        {"tokens": [["a", "b"], ["ab"], ["a b"], ["a", "", "b"], [], [""], None, ["1:a"], [None]]}
    )
    assert count_repeats(rows) == 0
    pairs = Dataset.from_dict({"text": ["a", "", None, "s1:a"], "text_pair": ["", "a", "a", None]})
    assert count_repeats(pairs) == 0


def test_one_digest_a_row_whatever_the_chunks():
    rows = texts(*map(str, range(2100)))
    digests = input_digests(rows)
    assert digests.shape == (2100,)
    assert digests.itemsize == 16
    assert (input_digests(rows.select(range(2099, -1, -1))) == digests[::-1]).all()


def test_real_sides_in_two_languages(real_data):
    from isogloss.data.loading import load

    en, es = (load(real_data / "tweets" / f"{language}.train.csv") for language in ("en", "es"))
    assert count_duplicates(en, en) == len(en)
    assert count_duplicates(en, es) < 20
