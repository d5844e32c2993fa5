"""The cells of a study as tasks of Ray. In: groups of cells. Out: how each ended, as they come."""

from collections.abc import Callable, Generator, Iterable

from glx.cluster.connect import connected
from glx.cluster.tasks import on_nodes
from glx.runs.study import GIGABYTES, Cell, Outcome

Begin = Callable[[], Callable[[Cell], Outcome]]


def spread(
    address: str, say: Callable[[str], None]
) -> Callable[[Iterable[Iterable[Cell]], Begin, int], Generator[Outcome]]:
    """What does groups of cells on a cluster, as `glx.runs.workers.side_by_side` does on one
    machine; each task takes a core and `GIGABYTES` of memory, as many at once as there is room for,
    and where no node has as much, all the memory of the largest.
    """

    def work(groups: Iterable[Iterable[Cell]], begin: Begin, parallel: int) -> Generator[Outcome]:
        with connected(address, say) as ray:
            yield from on_nodes(ray, groups, begin, GIGABYTES << 30)

    return work
