"""A run at MLflow and at Weights & Biases, beside its own log. In: its settings, rows, metrics.

Where they are is told by their own variables (`MLFLOW_TRACKING_URI`, `WANDB_MODE` and the like). A
tracker that cannot be begun ends the command before any work; one that fails later is left, and the
run goes on: all of it is in its folder too.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from glx.config import flat
from glx.errors import InputError, OutsideError
from glx.files import write_whole
from glx.llm.exchange import tls
from glx.llm.server import LOOPBACK
from glx.redact import Mask

NAME = "trackers.json"  # ids of the runs at the trackers, so that one that goes on goes on there
PROJECT = "glx"
ADDRESS = "MLFLOW_TRACKING_URI"
LONGEST = 500  # characters of a setting: more than this MLflow refuses
AT_ONCE = 100  # settings in one request, for the same reason
WAIT = 15  # seconds for an answer

Row = Mapping[str, float]


class Run(NamedTuple):
    """A run at a tracker.

    Attributes:
      id: under which it goes on.
      send: takes a row of metrics, at the step that is in it.
      end: takes the metrics of the end; None where the run ended badly.
    """

    id: str
    send: Callable[[Row], None]
    end: Callable[[Row | None], None]


def mlflow(name: str, folder: Path, settings: Mapping[str, str], known: str | None) -> Run:
    """A run at the server of `MLFLOW_TRACKING_URI`, of `MLFLOW_EXPERIMENT_NAME`, else `glx`.

    By the REST API of MLflow: its client and Drain3 want versions of one package that exclude each
    other.

    Args:
      name: of the run.
      folder: of the run, where a tracker may keep files.
      settings: of the run.
      known: id of the run that goes on; None begins one.
    """
    call = _mlflow_server()
    run = known or _begin_mlflow(call, name, settings)
    call("runs/update", run_id=run, status="RUNNING")

    def send(row: Row) -> None:
        at = {"timestamp": _now(), "step": int(row.get("step", 0))}
        of_row = {key: value for key, value in row.items() if key != "step"}
        metrics = [{"key": key, "value": value, **at} for key, value in _numbers(of_row).items()]
        call("runs/log-batch", run_id=run, metrics=metrics)

    def end(metrics: Row | None) -> None:
        if metrics is not None:
            send(metrics)
        status = "FAILED" if metrics is None else "FINISHED"
        call("runs/update", run_id=run, status=status, end_time=_now())

    return Run(run, send, end)


def _begin_mlflow(call: Callable[..., dict], name: str, settings: Mapping[str, str]) -> str:
    """The id of a new run, with its settings."""
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    found = call("experiments/search", filter=f"name = {experiment!r}", max_results=1)
    [where] = [one["experiment_id"] for one in found.get("experiments", ())] or [
        call("experiments/create", name=experiment)["experiment_id"]
    ]
    begun = call("runs/create", experiment_id=where, run_name=name, start_time=_now())
    run = begun["run"]["info"]["run_id"]
    params = [{"key": key, "value": value[:LONGEST]} for key, value in settings.items()]
    for first in range(0, len(params), AT_ONCE):
        call("runs/log-batch", run_id=run, params=params[first : first + AT_ONCE])
    return run


def _mlflow_server() -> Callable[..., dict]:
    """A function that posts to a path of the server's API and returns what it answers."""
    url = httpx.URL(os.environ[ADDRESS])
    user, password, token = (
        os.environ.get(f"MLFLOW_TRACKING_{one}") for one in ("USERNAME", "PASSWORD", "TOKEN")
    )
    ask = partial(
        httpx.post,
        auth=(user, password or "") if user else None,
        headers={"Authorization": f"Bearer {token}"} if token else None,
        timeout=WAIT,
        verify=tls(),
        trust_env=url.host not in LOOPBACK,  # no proxy leads to this machine
    )

    def call(path: str, **given: Any) -> dict:
        answer = ask(f"{str(url).rstrip('/')}/api/2.0/mlflow/{path}", json=given)
        if answer.is_error:
            said = " ".join(answer.text[:200].split())
            raise OutsideError(f"{url.host} answers HTTP {answer.status_code} to {path}: {said}")
        return answer.json()

    return call


def _now() -> int:
    """Milliseconds, as MLflow has times."""
    return int(time.time() * 1000)


def wandb(name: str, folder: Path, settings: Mapping[str, str], known: str | None) -> Run:
    """A run at Weights & Biases, of the project `WANDB_PROJECT`, else `glx`; arguments: `mlflow`.

    Its files go to `WANDB_DIR`, else beside those of the run.
    """
    package = import_module("wandb")
    run = package.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        dir=os.environ.get("WANDB_DIR", str(folder)),
        name=name,
        config=dict(settings),
        id=known,
        resume=None if known is None else "allow",
        settings=package.Settings(
            init_timeout=WAIT, finish_timeout=WAIT, silent=True, console="off"
        ),
    )

    def send(row: Row) -> None:
        run.log({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))

    def end(metrics: Row | None) -> None:
        run.summary.update(dict(metrics or {}))
        run.finish(exit_code=int(metrics is None))

    return Run(run.id, send, end)


TRACKERS = {"mlflow": mlflow, "wandb": wandb}


class Tracked:
    """A run at all the trackers that were asked for; one that fails is told of once, and left."""

    def __init__(self, runs: dict[str, Run], say: Callable[[str], None]) -> None:
        self.runs, self.say = runs, say

    def send(self, row: Row) -> None:
        """A row of metrics with its `step`."""
        self._each(lambda run: run.send(row))

    def end(self, metrics: Any) -> None:
        """The run ended well: the numbers among its metrics are kept, by their paths."""
        self._each(lambda run: run.end(_numbers(metrics)))
        self.runs = {}

    def fail(self) -> None:
        """The run ended otherwise."""
        self._each(lambda run: run.end(None))

    def _each(self, call: Callable[[Run], None]) -> None:
        for name, run in [*self.runs.items()]:
            try:
                call(run)
            except Exception as e:  # whatever it is, it is the tracker's
                del self.runs[name]
                self.say(f"--tracker={name}: {_sentence(e)}; the run goes on without it")


@contextmanager
def tracked(
    names: Sequence[str],
    name: str,
    folder: Path,
    settings: Mapping[str, Any],
    mask: Mask,
    say: Callable[[str], None],
) -> Iterator[Tracked]:
    """The run of a folder at trackers, where it goes on if it did so before.

    Args:
      names: of the trackers.
      name: of the run.
      folder: where ids are kept.
      settings: of the run.
      mask: what settings become before they are sent.
      say: is told of a tracker that is left.

    Raises:
      OutsideError: a package is missing, or a tracker does not answer.
    """
    if not names:
        yield Tracked({}, say)
        return
    path = folder / NAME
    known = json.loads(path.read_text()) if path.exists() else {}
    texts = {key: mask(str(value)) for key, value in flat(settings).items()}
    tracked = Tracked({}, say)
    try:
        for one in names:
            begin = partial(TRACKERS[one], name, folder, texts, known.get(one))
            tracked.runs[one] = _begun(one, begin)
            known[one] = tracked.runs[one].id
        write_whole(path, json.dumps(known))
        yield tracked
    finally:
        tracked.fail()


def check(names: Sequence[str]) -> None:
    """What can be said of trackers before any work.

    Raises:
      InputError: no server of MLflow is named.
      OutsideError: the package of Weights & Biases is missing.
    """
    url = os.environ.get(ADDRESS, "")
    if "mlflow" in names and not url.startswith(("http://", "https://")):
        raise InputError(
            f"--tracker=mlflow: {ADDRESS} is {url!r}; set it to the URL of a server of MLflow, as "
            "http://127.0.0.1:5000 (`mlflow server` starts one)"
        )
    if "wandb" in names:
        try:
            import_module("wandb")
        except ImportError as e:
            raise OutsideError(
                f"--tracker=wandb: it cannot be loaded ({e}); install glx with the extra wandb: "
                "pip install 'glx[wandb]'"
            ) from e


def _begun(name: str, begin: Callable[[], Run]) -> Run:
    try:
        return begin()
    except Exception as e:  # of HTTP, of a store, of a setting: each package has its own
        raise OutsideError(f"--tracker={name}: {_sentence(e)}") from e


def _sentence(error: Exception) -> str:
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text.strip().rstrip(".")


def _numbers(metrics: Any) -> dict[str, float]:
    """The finite numbers of a tree, by their paths."""
    plain = {key: x for key, x in flat(metrics).items() if isinstance(x, int | float)}
    return {k: float(x) for k, x in plain.items() if not isinstance(x, bool) and math.isfinite(x)}
