"""How much is computed at once: what suits a CPU, and an accelerator by its memory.

In: bytes of memory. Out: sizes of batches.
"""

from typing import NamedTuple


class Sizes(NamedTuple):
    """What suits one kind of device.

    Attributes:
      sequences: in a batch that is scored, at most.
      events: in such a batch, padding included, at most.
      batches: in flight.
      windows: of a few events each, in a batch that is scored.
      similarities: cosines that are computed at once.
      texts: in a batch of the sentence encoder, at most.
      tokens: in such a batch, padding included, at most.
      encoder_dtype: what the sentence encoder computes in.
      steps: of training in one call.
    """

    sequences: int
    events: int
    batches: int
    windows: int
    similarities: int
    texts: int
    tokens: int
    encoder_dtype: str
    steps: int


# Measured (docs/notes/speed.md): with `H` 128 the arrays of a batch are the largest that malloc
# reuses; the steps of a recurrence are too small to fill two cores, two batches are not.
CPU = Sizes(
    sequences=256,
    events=12_288,
    batches=2,
    windows=2048,
    similarities=1 << 24,
    texts=32,
    tokens=1 << 14,
    encoder_dtype="float32",
    steps=1,
)
# The largest that pay, which is not measured but by when the arithmetic of a program takes longer
# than its launches (docs/accelerators.md). Where there is less memory `fitting` has smaller ones.
ACCELERATOR = Sizes(
    sequences=8192,
    events=1 << 19,
    batches=2,
    windows=1 << 14,
    similarities=1 << 24,
    texts=1024,
    tokens=1 << 15,
    encoder_dtype="bfloat16",
    steps=50,
)
# Temporary bytes of the compiled programs for each of what a batch has, on whichever device takes
# most (experiments/compiled/committed.json, which a test compares).
BYTES = {"events": 400, "tokens": 1800, "similarities": 5}
# The part of the memory that a batch may take: wide networks and long texts need several times.
PART = 20


def fitting(there: int) -> Sizes:
    """What suits an accelerator that lets this process have so many bytes."""
    room = there // PART
    return ACCELERATOR._replace(
        **{name: max(1, min(getattr(ACCELERATOR, name), room // n)) for name, n in BYTES.items()}
    )
