"""Vectors without a language model, for ablations: random directions, or words without meaning.

In: texts. Out: unit vectors as wide as those of the default encoder. Each depends on one text
alone: there is no corpus, and new templates change no vector.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

WIDTH = 384


def random(texts: Sequence[str]) -> np.ndarray:
    """`<float32>[V, WIDTH]` a pseudo-random direction for each text, by its hash."""
    rows = np.array([signs(text) for text in texts], dtype=np.float32).reshape(-1, WIDTH)
    return rows / np.float32(WIDTH**0.5)


def tfidf(texts: Sequence[str], tokenizer: Tokenizer) -> np.ndarray:
    """`<float32>[V, WIDTH]` counts of word pieces times `log(1 + rank)`, projected at random.

    The inverse document frequency needs no documents: BERT's vocabulary lists words by frequency
    (in books and Wikipedia), which by Zipf's law is the inverse of the rank. Single characters,
    listed by code point, have rank 1, like `the`. Special, unused and unknown tokens do not count;
    a text of nothing else gets its direction from `random`.

    Each token adds its weight to all dimensions with signs from its hash, which keeps cosines up to
    about `WIDTH^(-1/2)` (Achlioptas, "Database-friendly random projections", 2003; signed hashing
    as in Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009).
    """
    weights = idf(tokenizer.get_vocab())
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    found = tokenizer.encode_batch(clean, add_special_tokens=False)
    vectors = []
    for text, encoding in zip(texts, found, strict=True):
        counts = Counter(token for token in encoding.tokens if token in weights)
        parts = [n * weights[token] * signs(token) for token, n in sorted(counts.items())]
        total = np.sum(parts or [signs(text)], axis=0)
        vectors.append(total / np.linalg.norm(total))
    return np.array(vectors, dtype=np.float32).reshape(-1, WIDTH)


def idf(vocabulary: dict[str, int]) -> dict[str, float]:
    """The weight of each token that counts.

    Args:
      vocabulary: token -> id, of WordPiece: `##` marks what goes on, brackets what is no text.
    """
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    text = [t for t in tokens if not (len(t) > 2 and t[0] == "[" and t[-1] == "]")]
    words = [t for t in text if len(t.removeprefix("##")) > 1]
    rank = dict.fromkeys(text, 1) | {token: rank for rank, token in enumerate(words, 1)}
    return {token: float(np.log1p(rank)) for token, rank in rank.items()}


def signs(text: str) -> np.ndarray:
    """`<float32>[WIDTH]` of 1 and -1, by the hash SHAKE-256 of the text."""
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(WIDTH // 8)
    return 2 * np.unpackbits(np.frombuffer(digest, np.uint8)).astype(np.float32) - 1
