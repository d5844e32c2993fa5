"""Texts to sentence vectors: ours, and sentence-transformers over the same weights on torch."""

from collections.abc import Iterator

import numpy as np

from experiments.benchmarks.measure import Call, Case, Prepared
from experiments.benchmarks.settings import Settings
from glx.embed import alarm, bert
from glx.embed.embed import EmbedConfig, encode_raw, find_model, readable, tokenize

HERE = "experiments.benchmarks.embed"
JOINED = 0.1  # share of texts that are two or three statements long, as real templates have them


def cases(settings: Settings) -> Iterator[Case]:
    """10,000 distinct templates; nothing is read from or written to a cache."""
    n = 1_000 if settings.quick else 10_000
    yield Case(
        what="embed",
        case=f"{n:,} distinct templates",
        unit="templates/s",
        ours=Call(f"{HERE}:ours", {"n": n}),
        peers={
            f"sentence-transformers, batches of {size}": Call(
                f"{HERE}:sentence_transformers", {"n": n, "batch_size": size}
            )
            for size in (16, 32)
        },
        ceiling=Call("experiments.benchmarks.ceilings:matrix_product"),
        per_unit=operations(templates(n)),
    )


def templates(n: int, seed: int = 0) -> list[str]:
    """Distinct texts, prepared: statements as programs log them, each with a word of another."""
    rng = np.random.default_rng(seed)
    statements = [readable(text) for text in alarm.primer()[0]]
    words = [word for text in statements for word in text.split()]
    made: dict[str, None] = {}
    while len(made) < n:
        many = 1 if rng.random() > JOINED else rng.integers(2, 4)
        text = " ".join(statements[i] for i in rng.integers(len(statements), size=many)).split()
        text[rng.integers(len(text))] = words[rng.integers(len(words))]
        made[" ".join(text)] = None
    return list(made)


def operations(texts: list[str]) -> float:
    """Of the matrix products of one text, on average, without padding."""
    folder = find_model("minilm")
    c = bert.load_config(folder)
    tokens = tokenize(texts, folder / "tokenizer.json", EmbedConfig.max_tokens)
    lengths = np.array([len(ids) for ids in tokens], dtype=np.float64)
    weights = 4 * c.hidden_size**2 + 2 * c.hidden_size * c.intermediate_size
    attention = 2 * c.hidden_size * lengths
    return float(np.mean(2.0 * c.num_hidden_layers * lengths * (weights + attention)))


def ours(n: int) -> Prepared:
    """`encode_raw`, weights read and text to vectors each time."""
    texts, config = templates(n), EmbedConfig(cache_dir=None)
    return Prepared(lambda: encode_raw(texts, config), n)


def sentence_transformers(n: int, batch_size: int) -> Prepared:
    """Its default precision; 32 is its default batch, and larger ones are slower on a CPU."""
    from sentence_transformers import SentenceTransformer

    texts = templates(n)
    model = SentenceTransformer(str(find_model("minilm")))
    sample = texts[:: max(n // 200, 1)]
    cosines = (model.encode(sample) * encode_raw(sample, EmbedConfig(cache_dir=None))).sum(axis=1)
    if cosines.min() < 0.9999:
        raise ValueError(f"the peer's vectors differ: least cosine {cosines.min()}")
    return Prepared(lambda: model.encode(texts, batch_size=batch_size), n)
