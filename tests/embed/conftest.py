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
    d, inner = SIZES["hidden_size"], SIZES["intermediate_size"]
    square = ["attention.self.query", "attention.self.key", "attention.self.value"]
    dense = dict.fromkeys([*square, "attention.output.dense"], (d, d))
    dense |= {"intermediate.dense": (inner, d), "output.dense": (d, inner)}
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (SIZES["vocab_size"], d),
        "embeddings.position_embeddings.weight": (SIZES["max_position_embeddings"], d),
        "embeddings.token_type_embeddings.weight": (SIZES["type_vocab_size"], d),
        "pooler.dense.weight": (d, d),
    }
    norms = ["embeddings.LayerNorm"]
    for at in (f"encoder.layer.{i}" for i in range(SIZES["num_hidden_layers"])):
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
        for name, shape in dense.items():
            shapes |= {f"{at}.{name}.weight": shape, f"{at}.{name}.bias": shape[:1]}
    shapes |= {f"{name}.{part}": (d,) for name in norms for part in (gain, shift)}
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


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
