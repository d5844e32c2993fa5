"""Write `minilm_reference.json`, texts, and `minilm_reference.npz`, their vectors by torch's BERT.

Needs torch, transformers and the MiniLM weights, none of which the tests use here: they compare
`glx.embed` with the two files. In an environment of its own:

    python tests/embed/make_reference.py FOLDER_WITH_CHECKPOINT
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertModel

TEXTS = [
    "add Stored Block: block Map updated",
    "error",
    "instruction cache parity error corrected",
    "Received block of size from / 10.250.19.102",
    "PacketResponder <*> for block blk_<*> terminating",
    "[instance: <*>] VM Started (Lifecycle Event)",
    "data TLB error interrupt; CE sym 20, at 0x0b85eee0, mask 0x04",
    "Verbindung zurückgesetzt: Gerät nicht verfügbar",
    "磁盘 空间 不足 /dev/sda1",
    "connection refused 🔥 retry №3 ½ ﬁle",
    " ".join(f"node{i} went down, restarting service {i % 7};" for i in range(60)),
    "",
]


def main(folder: str) -> None:
    """Encode each text alone, without padding, cut off at 128 tokens."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    vectors = []
    for text in TEXTS:
        inputs = tokenizer(
            text, return_tensors="pt", truncation=True, max_length=128, padding=False
        )
        with torch.no_grad():
            mean = model(**inputs).last_hidden_state[0].mean(dim=0)
        vectors.append((mean / mean.norm()).numpy())
    here = Path(__file__).parent
    (here / "minilm_reference.json").write_text(
        json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    np.savez_compressed(here / "minilm_reference.npz", vectors=np.stack(vectors))


if __name__ == "__main__":
    main(sys.argv[1])
