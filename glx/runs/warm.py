"""What a detector compiles when it first judges, done before the first line of a live log comes."""

from dataclasses import replace

import numpy as np

from glx.detector import Detector
from glx.embed.alarm import Meanings, meanings
from glx.embed.embed import embed
from glx.sequences import BUCKETS, Sequences, csr_offsets

WORDS = range(6, 32, 4)  # of new texts: each padded length of up to 32 tokens but the shortest


def warm_up(detector: Detector, known: Meanings, commonest: int) -> None:
    """Understand new texts and judge sequences of every padded length.

    No language model is asked, and nothing is kept.

    Args:
      known: what the detector's templates mean to it.
      commonest: a template that is in most sequences.
    """
    new_texts(detector)
    every_length(detector, known, commonest)


def new_texts(detector: Detector) -> None:
    """Understand texts of every padded length up to 32 tokens, of which none is kept."""
    config = detector.config
    uncached = replace(config.embed, cache_dir=None)
    meanings(["event"], uncached, config.reading)
    embed(["event " * n for n in WORDS], uncached)  # the alarm model needs no other programs


def every_length(detector: Detector, known: Meanings, commonest: int) -> None:
    """Judge a sequence of every padded length; arguments as of `warm_up`."""
    ids = np.full(sum(BUCKETS), commonest, dtype=np.int32)
    places = np.arange(len(BUCKETS))
    sequences = Sequences(ids, csr_offsets(np.array(BUCKETS)), places, places)
    local = detector.with_expert(lambda expert: replace(expert, expert="retrieval"))
    local.judge(sequences, known)
