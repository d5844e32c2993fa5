"""Fit the alarm model: statements with probabilities in, low-rank changes of the sentence encoder's
weights and a linear head out.

The encoder's matrices `W` become `W + A B` of rank `RANK` (LoRA, Hu et al., arXiv 2106.09685); the
log-odds of a text are `v . direction + bias` with `v` its unit vector. On a tenth of the statements
that is held out, logistic regression (Platt, 1999) sets the length of the direction and the bias,
so that log-odds are calibrated. `more` lessons may be learned from beside the statements; nothing
is held out of them, and each is seen once, the statements in every epoch.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from glx.embed import bert
from glx.embed.alarm import AlarmModel
from glx.embed.embed import EmbedConfig, pad, readable, run_model, tokenize
from glx.embed.severity import Lessons, with_levels

RANK = 8
ADAPTED = ("query", "key", "value", "mix", "up", "down")
BATCH = 32
LEARNING_RATE, DIRECTION_RATE = 1e-3, 1e-2
HELD_OUT = 10  # every tenth statement
TOKENS = 40  # of a statement that are used
STEP = 8  # tokens; statements are padded to a multiple, since each length is compiled
SCALE = 5.0  # of the cosine to log-odds, so that the first steps are large enough


def fit(
    texts: list[str],
    p: np.ndarray,
    folder: Path,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
    more: Lessons | None = None,
    n_epochs: int = 4,
) -> tuple[AlarmModel, dict[str, float]]:
    """An alarm model on the encoder in `folder`; size and AUROC of what was held out.

    Args:
      texts, p: statements and `<float>[n]` the probability that each deserves attention.
      folder: a BERT checkpoint, as `glx.embed.embed.find_model` gives.
      more: to be learned from too.
      n_epochs: how often each statement is seen.
    """
    sizes = bert.load_config(folder)
    frozen = jax.tree.map(jnp.asarray, bert.load_params(folder, sizes))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts))
    held_out, learned = order[::HELD_OUT], np.delete(order, np.s_[::HELD_OUT])
    lessons = Lessons(texts, p, np.ones(len(p), np.float32))
    epochs = [learned] * n_epochs
    if more is not None:
        once = len(texts) + rng.permutation(len(more.texts))
        epochs = [np.append(learned, once[epoch::n_epochs]) for epoch in range(n_epochs)]
        lessons += more
    optimizer = _optimizer(sum(-(-len(rows) // BATCH) for rows in epochs))
    state = _start(frozen, sizes, seed)
    moments = optimizer.init(state)
    for epoch, rows in enumerate(epochs, start=1):
        losses = []
        said = with_levels([lessons.texts[row] for row in rows], lessons.p[rows], rng)
        tokens = tokenize([readable(text) for text in said], folder / "tokenizer.json", TOKENS)
        for places in _batches(tokens, rng):
            chosen = [tokens[place] for place in places]
            ids, mask = pad(chosen, _length(max(map(len, chosen))))
            batch = ids, mask, lessons.p[rows[places]], lessons.weight[rows[places]]
            state, moments, loss = _step(
                state, moments, frozen, *batch, optimizer=optimizer, sizes=sizes
            )
            losses.append(loss)
        log(f"epoch {epoch} of {n_epochs}: loss {np.mean(jax.device_get(losses)):.3f}")
    low_rank, direction = jax.device_get((state["low_rank"], state["direction"]))
    config = EmbedConfig(cache_dir=None, max_tokens=TOKENS)
    words = [readable(texts[row]) for row in held_out]
    vectors = run_model(words, folder, sizes, config, low_rank)
    slope, bias, auroc = _calibrate(SCALE * vectors @ direction, p[held_out] > 0.5)
    prior = float(np.log(np.mean(p > 0.5) / np.mean(p <= 0.5)))
    model = AlarmModel(low_rank, SCALE * slope * direction, bias, prior)
    return model, {"held_out": len(held_out), "auroc": auroc}


def _start(frozen, sizes: bert.BertConfig, seed: int) -> dict:
    """The state before the first step: `B` is 0, so that the encoder is unchanged."""
    keys = jax.random.split(jax.random.key(seed), len(ADAPTED))
    low_rank = {}
    for name, key in zip(ADAPTED, keys, strict=True):
        layers, n_in, n_out = frozen["layers"][name]["kernel"].shape
        a = jax.random.normal(key, (layers, n_in, RANK)) / np.sqrt(n_in)
        low_rank[name] = {"a": a, "b": jnp.zeros((layers, RANK, n_out))}
    return {"low_rank": low_rank, "direction": jnp.zeros(sizes.hidden_size), "bias": jnp.zeros(())}


def _optimizer(steps: int) -> optax.GradientTransformation:
    def rate(peak: float) -> optax.GradientTransformation:
        return optax.adamw(optax.warmup_cosine_decay_schedule(0, peak, steps // 10 + 1, steps))

    kinds = {"low_rank": "encoder", "direction": "head", "bias": "head"}
    return optax.multi_transform(
        {"encoder": rate(LEARNING_RATE), "head": rate(DIRECTION_RATE)}, kinds
    )


@partial(jax.jit, static_argnames=("optimizer", "sizes"))
def _step(state, moments, frozen, ids, mask, p, weight, optimizer, sizes):
    def loss(state):
        vectors = bert.encode(bert.with_low_rank(frozen, state["low_rank"]), ids, mask, sizes)
        logits = SCALE * vectors @ state["direction"] + state["bias"]
        return (weight * optax.sigmoid_binary_cross_entropy(logits, p)).mean()

    value, gradient = jax.value_and_grad(loss)(state)
    updates, moments = optimizer.update(gradient, moments, state)
    return optax.apply_updates(state, updates), moments, value


def _batches(tokens: list[list[int]], rng) -> Iterator[np.ndarray]:
    """All rows in batches of like lengths, in random order; the last is filled up."""
    lengths = np.array([_length(len(ids)) for ids in tokens])
    order = rng.permutation(len(tokens))
    order = order[np.argsort(lengths[order], kind="stable")]
    parts = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    for at in rng.permutation(len(parts)):
        yield np.resize(parts[at], BATCH)


def _length(n: int) -> int:
    return min(-(-n // STEP) * STEP, TOKENS)


def _calibrate(logits: np.ndarray, alarming: np.ndarray) -> tuple[float, float, float]:
    """Slope and intercept of the log-odds of `alarming` over `logits`, and their AUROC."""
    from sklearn.linear_model import LogisticRegression  # seconds to import
    from sklearn.metrics import roc_auc_score

    fitted = LogisticRegression(C=1e6).fit(logits[:, None], alarming)
    auroc = roc_auc_score(alarming, logits)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0]), float(auroc)
