"""Work on a cluster that goes on where workers are lost. In: what is left. Out: it is done."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from glx.cluster.files import File
from glx.cluster.folder import Folder
from glx.cluster.worker import EMPTY, EachFile, Job
from glx.errors import InputError, OutsideError, is_disk_full, is_failing
from glx.runs.progress import Progress

ROUNDS = 3  # times that work is begun again after workers were lost and nothing more was done


@dataclass
class Run:
    """One command at work.

    Attributes:
      failed: what went wrong with files, in this process.
      peak_mb: memory of the worker that took most, 10^6 bytes.
    """

    ray: Any
    job: Job
    progress: Progress
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    peak_mb: float = 0

    @property
    def wrong(self) -> list[dict[str, Any]]:
        """Of `failed` those to be told; a file without an event may be among others."""
        return [one for one in self.failed.values() if one["failed"] != EMPTY]

    @property
    def folder(self) -> Folder:
        return self.job.folder

    def each(self, name: str, files: Sequence[File], worker: type, stage: str) -> None:
        """Have a pool of workers do a stage of each file that is not done yet."""

        def left() -> list[dict[str, Any]]:
            todo = [file for file in files if file.shown not in self.failed]
            return [asdict(file) for file in todo if self.folder.read(file, stage) is None]

        def begin(rows: list[dict[str, Any]]) -> Any:
            most = min(len(rows), int(self.ray.cluster_resources()["CPU"]))
            found = self.ray.data.from_items(rows, override_num_blocks=len(rows))
            about = self.job, worker, stage
            return found.map(EachFile, fn_constructor_args=about, **self.pool(most))

        def take(row: dict[str, Any]) -> int:
            if row["failed"] == "outside":
                raise OutsideError(row["why"])
            if row["failed"]:
                self.failed[row["file"]] = row
            return row["lines"]

        self.until_done(name, left, begin, take)

    def pool(self, size: int, cores: int = 1) -> dict[str, Any]:
        """A pool of so many actors; one that is lost is started again a few times."""
        some = self.ray.data.ActorPoolStrategy(min_size=1, max_size=size, initial_size=size)
        again = {"max_restarts": 4, "max_task_retries": 4, "scheduling_strategy": "SPREAD"}
        return {"compute": some, "num_cpus": cores, **again}

    def until_done(
        self,
        name: str,
        left: Callable[[], list[Any]],
        begin: Callable[[list[Any]], Any],
        take: Callable[[dict[str, Any]], int],
    ) -> None:
        """Work off what is left, again where workers were lost.

        Args:
          begin: a data set of what is left that does the work.
          take: gets each row of it; the lines that it stands for.

        Raises:
          OutsideError: workers are lost time and again.
        """
        todo = left()
        if not todo:
            return
        with self.progress.parts(name, len(todo)) as show:
            for _ in range(ROUNDS):
                try:
                    for row in begin(todo).iter_rows():
                        self.peak_mb = max(self.peak_mb, row["peak_mb"])
                        show(take(row), len(self.wrong))
                    why: Any = "they gave nothing back"
                except self.ray.exceptions.RayError as e:
                    why, cause = e, getattr(e, "cause", e)
                    if isinstance(cause, InputError | OutsideError):
                        raise cause from e
                    if is_disk_full(cause):
                        raise OutsideError(f"{cause}: no space left on the disk; free some") from e
                    if is_failing(cause):
                        raise OutsideError(f"{cause}; see to the disk or network") from e
                    if not isinstance(cause, self.ray.exceptions.RayError):
                        raise  # a bug, which would show again
                todo = left()
                if not todo:
                    return
        last = str(why).strip().splitlines()[-1]
        raise OutsideError(
            f"--ray: workers failed {ROUNDS} times, perhaps for want of memory ({last}); what is "
            "done is kept, and the same command goes on"
        )
