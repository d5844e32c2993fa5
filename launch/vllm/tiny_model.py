"""A tiny model with random weights, for tests of everything around a model, not of its answers.

In: a folder that is not there yet. Out: in it a 2-layer Qwen2 (hidden width 64, about 700 tokens),
its byte-level BPE tokenizer and a ChatML template, the same bytes each time.
Runs in the environment of the server, which has torch: `python tiny_model.py DIR`.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM

VOCABULARY, CONTEXT = 1024, 4096
START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LINES = """\
Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106 dest: /10.250.19.102:50010
PacketResponder 1 for block blk_38865049064139660 terminating
BLOCK* NameSystem.addStoredBlock: blockMap updated: 10.251.73.220:50010 is added to blk_7128370237
Exception in receiveBlock for block blk_-3544583377289625738 java.io.IOException: Connection reset
Verification succeeded for blk_-6952295868487656571
instruction cache parity error corrected
generating core.2275
ciod: failed to read message prefix on control stream (CioStream socket to 172.16.96.116:33569
data TLB error interrupt
rts: kernel terminated for reason 1004
[instance: b9000564-fe1a-409b-b8cc-1e88b294cd1d] VM Started (Lifecycle Event)
[instance: b9000564-fe1a-409b-b8cc-1e88b294cd1d] Took 19.84 seconds to spawn the instance
Creating image
Attempting claim: memory 2048 MB, disk 20 GB, vcpus 1 CPU
GET /v2/54fadb412c4e40cdbaed9335e4c35a9e/servers/detail HTTP/1.1 status: 200 len: 1893 time: 0.2477
system: You judge whether a sequence of log events is normal or anomalous. Answer with one word.
user: Known events of other systems, their labels and notes. The sequence. The deciding event.
assistant: normal anomalous
"""


def tokenizer() -> Tokenizer:
    """Byte-level, so that any text has tokens; merges learned from `LINES`."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        LINES.splitlines(),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[PAD, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return bpe


def network(vocabulary: int, pad: int, end: int) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,  # heads of 32: the least that attention on a CPU takes
        max_position_embeddings=CONTEXT,
        initializer_range=0.2,  # ten times the usual: its answers should depend on what was asked
        tie_word_embeddings=False,
        pad_token_id=pad,
        bos_token_id=pad,
        eos_token_id=end,
        dtype="bfloat16",
    )
    return Qwen2ForCausalLM(config).to(torch.bfloat16)


def main(folder: Path) -> None:
    bpe = tokenizer()
    model = network(bpe.get_vocab_size(), bpe.token_to_id(PAD), bpe.token_to_id(END))
    model.save_pretrained(folder)
    bpe.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "additional_special_tokens": [START, END],
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHATML,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
