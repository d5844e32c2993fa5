"""A BERT checkpoint small enough for a test: random weights and a tokenizer of a few words."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SIZES = {
    "model_type": "bert",
    "vocab_size": 120,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
}
CORPUS = [
    "add stored block map updated size from node",
    "packet responder terminating connection refused error",
    "instance started stopped paused on host with exception",
]


def tensors(seed: int, gain: str = "weight", shift: str = "bias") -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    d, f = SIZES["hidden_size"], SIZES["intermediate_size"]
    out = {
        f"embeddings.{name}_embeddings.weight": rng.normal(size=(SIZES[size], d))
        for name, size in (
            ("word", "vocab_size"),
            ("position", "max_position_embeddings"),
            ("token_type", "type_vocab_size"),
        )
    }
    norms = ["embeddings.LayerNorm"]
    for i in range(SIZES["num_hidden_layers"]):
        at = f"encoder.layer.{i}"
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
        for name, shape in {
            "attention.self.query": (d, d),
            "attention.self.key": (d, d),
            "attention.self.value": (d, d),
            "attention.output.dense": (d, d),
            "intermediate.dense": (f, d),
            "output.dense": (d, f),
        }.items():
            out[f"{at}.{name}.weight"] = rng.normal(size=shape)
            out[f"{at}.{name}.bias"] = rng.normal(size=shape[0])
    for name in norms:
        out[f"{name}.{gain}"] = rng.normal(size=d)
        out[f"{name}.{shift}"] = rng.normal(size=d)
    out["pooler.dense.weight"] = rng.normal(size=(d, d))
    return {name: tensor.astype(np.float32) for name, tensor in out.items()}


@pytest.fixture
def checkpoint(tmp_path):
    """`checkpoint(name, prefix="", seed=0, gain=..., shift=..., **sizes) -> folder`."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False),
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    assert tokenizer.get_vocab_size() <= SIZES["vocab_size"]

    def write(name: str = "tiny", prefix: str = "", seed: int = 0, **changes) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        names = {key: changes.pop(key) for key in ("gain", "shift") if key in changes}
        weights = {prefix + key: value for key, value in tensors(seed, **names).items()}
        save_file(weights, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(SIZES | changes))
        tokenizer.save(str(folder / "tokenizer.json"))
        return folder

    return write
