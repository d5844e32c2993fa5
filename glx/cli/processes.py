"""Several processes of one command: the flags that say where they meet, and who of them speaks."""

from contextlib import AbstractContextManager, nullcontext

from absl.flags import FlagValues

from glx import hosts, joining
from glx.cli.flags import add
from glx.errors import InputError
from glx.runs.progress import Progress, Terminal

FLAGS = ("distributed", *joining.Cluster._fields)


def declare(own: FlagValues) -> None:
    """Add the flags."""
    about = "Run with other processes, each given this command; a TPU pod, SLURM or Open MPI tells "
    add(own, "boolean", "distributed", False, about + "where they meet, elsewhere the next three.")
    add(own, "string", "coordinator", None, "HOST:PORT of the first process, a port that is free.")
    add(own, "integer", "process_id", None, "Number of this process, from 0; the first writes.")
    add(own, "integer", "num_processes", None, "How many there are.")


def check_alone(values: FlagValues, *names: str) -> None:
    """Raise InputError for one of the flags `names` beside `--distributed`."""
    for name in names:
        if values.distributed and values[name].present:
            raise InputError(f"--{name}: --distributed does not read it; leave out one of them")


def joined(values: FlagValues) -> AbstractContextManager[None]:
    """The processes of the command, as the flags have them."""
    cluster = joining.Cluster(*(values[name].value for name in joining.Cluster._fields))
    if values.distributed:
        return joining.joined(cluster)
    for name, value in cluster._asdict().items():
        if value is not None:
            raise InputError(f"--{name}={value}: is for several processes; give --distributed too")
    return nullcontext()


def progress() -> Progress:
    """What a process shows of its work: the first alone shows any."""
    return Terminal() if hosts.first() else Progress()
