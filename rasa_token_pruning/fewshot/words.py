"""What a tagger sees of words as they are written: the features that Rasa's CRFEntityExtractor has by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix

_PATTERN = "pattern="
# Somebody wrote a pattern for a purpose: it counts against the many other features of a word. With 1 few entities of a
# lookup table are found that no example has, with 3 examples count for too little.
_PATTERN_SIZE = 2


def written(words: Sequence[str], patterns: Sequence[Iterable[str]]) -> list[list[str]]:
    """Features of the words of a message, by name.

    :param words: The text of each token.
    :param patterns: For each token, the names of the regular expressions and lookup tables that it belongs to.
    """
    around = [["begin"], *map(_seen_from_beside, words), ["end"]]
    return [
        [
            "any",
            *_of(word),
            *(f"{_PATTERN}{pattern}" for pattern in sorted(matching)),
            *(f"before:{feature}" for feature in around[place]),
            *(f"after:{feature}" for feature in around[place + 2]),
        ]
        for place, (word, matching) in enumerate(zip(words, patterns, strict=True))
    ]


def _seen_from_beside(word: str) -> list[str]:
    return [f"low={word.lower()}", *_shape(word)]


def _of(word: str) -> list[str]:
    affixes = [f"prefix={word[:5]}", f"prefix={word[:2]}", *(f"suffix={word[-length:]}" for length in (5, 3, 2))]
    return [f"low={word.lower()}", *_shape(word), *(["digit"] if word.isdigit() else []), *dict.fromkeys(affixes)]


def _shape(word: str) -> list[str]:
    return [name for name, is_so in (("title", word.istitle()), ("upper", word.isupper())) if is_so]


def encoded(features: Iterable[Iterable[str]], known: Mapping[str, int]) -> csr_matrix:
    """The known features of tokens as rows, ``(tokens, known)``, float32: 1 for each, 2 for a pattern.

    :param known: The column of each feature; others are left out.
    """
    names = [[feature for feature in token if feature in known] for token in features]
    starts = np.cumsum([0, *map(len, names)])
    columns = np.array([known[name] for token in names for name in token], dtype=np.int64)
    sizes = np.array([_size(name) for token in names for name in token], dtype=np.float32)
    return csr_matrix((sizes, columns, starts), shape=(len(names), len(known)))


def _size(name: str) -> int:
    return _PATTERN_SIZE if name.startswith(_PATTERN) else 1
