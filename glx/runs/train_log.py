"""The log of training on disk. In: rows of metrics. Out: `train.jsonl`, TensorBoard events."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.summary import scalar

from glx.files import write_whole

NAME = "train.jsonl"


@contextmanager
def train_log(folder: Path | None) -> Iterator[Callable[[dict], None]]:
    """A function that takes rows of metrics, each with its `step`.

    Rows of an interrupted run are kept up to the step where this one goes on. Without a folder, or
    without a row, nothing is written.
    """
    if folder is None:
        yield lambda row: None
        return
    rows = read_rows(folder)
    # Not SummaryWriter: an error in its thread would not be seen here.
    boards: list[EventsWriter] = []
    with ExitStack() as stack:

        def log(row: dict) -> None:
            if not boards:
                (folder / "tensorboard").mkdir(exist_ok=True)
                boards.append(EventsWriter(str(folder / "tensorboard" / "events")))
                stack.enter_context(closing(boards[0]))
            rows[:] = [old for old in rows if old["step"] < row["step"]] + [row]
            write_whole(folder / NAME, "".join(json.dumps(r) + "\n" for r in rows))
            for name, value in row.items():
                at = {"wall_time": time.time(), "step": row["step"]}
                boards[0].write_event(Event(**at, summary=scalar(name, value)))
            boards[0].flush()

        yield log


def read_rows(folder: Path) -> list[dict]:
    """The rows that are in `folder`."""
    path = folder / NAME
    return [json.loads(r) for r in path.read_text().splitlines()] if path.exists() else []
