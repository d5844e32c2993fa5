"""A fitted ZeroLog with its reader, to a folder and back. In: detector, reader. Out: a folder."""

from dataclasses import asdict
from pathlib import Path

import polars as pl

from glx import checkpoint, surprise
from glx.embed.embed import EmbedConfig, default_cache_dir
from glx.errors import InputError
from glx.logs.header import Layout
from glx.logs.load import Reader
from glx.logs.miner import Miner
from glx.zerolog.detector import Detector, ZeroLogConfig
from glx.zerolog.model import ModelConfig
from glx.zerolog.train import TrainConfig


def save(folder: Path, detector: Detector, reader: Reader, stamps: dict) -> None:
    """Write everything that `experiments.detect` needs; nothing is pickled.

    Args:
      stamps: how it was fitted (`protocol`, `stamps`), kept for who finds the folder.
    """
    state = reader.miner.state()
    templates = pl.DataFrame(
        {"text": state["texts"], "count": state["counts"], "number": reader.numbers},
        schema={"text": pl.String, "count": pl.Int64, "number": pl.Int64},
    )
    checkpoint.save(
        folder,
        arrays={"params": detector.params, "habits": asdict(detector.habits)},
        tables={"templates": templates},
        settings={
            "model": asdict(detector.config),
            "threshold": detector.threshold,
            "glued": state["glued"],
            "layout": None if reader.layout is None else asdict(reader.layout),
            "window": reader.window,
            **stamps,
        },
    )


def load(folder: Path) -> tuple[Detector, Reader]:
    """Read what `save` wrote.

    Raises:
      InputError: no detector, or a damaged one.
    """
    arrays, tables, settings = checkpoint.load(folder)
    try:
        model = settings["model"]
        train = dict(model["train"])
        config = ZeroLogConfig(
            **model
            | {
                "train": TrainConfig(**train | {"model": ModelConfig(**train["model"])}),
                # Cached where this user has a cache, not where the detector was fitted.
                "embed": EmbedConfig(**model["embed"] | {"cache_dir": default_cache_dir()}),
            }
        )
        layout = settings["layout"]
        templates = tables["templates"]
        state = {
            "texts": templates["text"].to_list(),
            "counts": templates["count"].to_numpy(),
            "glued": settings["glued"],
        }
        numbers = templates["number"]
        reader = Reader(
            miner=Miner.from_state(state),
            layout=None if layout is None else Layout(**layout | {"time": tuple(layout["time"])}),
            window=settings["window"],
            numbers=None if numbers.null_count() else numbers.to_numpy(),
        )
        habits = surprise.Habits(**arrays["habits"])
        return Detector(config, arrays["params"], habits, float(settings["threshold"])), reader
    except (KeyError, TypeError) as e:
        raise InputError(f"{folder}: a detector of another program ({e}); fit it again") from e
