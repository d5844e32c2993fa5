"""Write `minilm_reference.npz`: vectors by torch's BERT of the texts in `minilm_reference.json`.

Needs torch, transformers and the MiniLM weights, none of which the tests use here: they compare
`glx.embed` with the stored vectors. In an environment of its own:

    python tests/embed/make_reference.py FOLDER_WITH_CHECKPOINT
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, BertModel


def main(folder: str) -> None:
    """Encode each text alone, without padding, cut off at 128 tokens."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, dtype=torch.float32).eval()
    here = Path(__file__).parent
    vectors = []
    for text in json.loads((here / "minilm_reference.json").read_text(encoding="utf-8")):
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=128)
        with torch.no_grad():
            mean = model(**inputs).last_hidden_state[0].mean(dim=0)
        vectors.append((mean / mean.norm()).numpy())
    np.savez_compressed(here / "minilm_reference.npz", vectors=np.stack(vectors))


if __name__ == "__main__":
    main(sys.argv[1])
