"""Tasks of Ray: all is done, also where a node is killed; what nodes lack is told in a sentence."""

import logging
import os
import time

import pytest

from glx.cluster.tasks import on_nodes
from glx.errors import OutsideError

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]  # Ray warns of what it does
NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def second(cluster):
    """A node beside the first one, until the last test kills it."""
    node = cluster.add_node(**NODE)
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node)


@pytest.fixture(scope="module")
def ray(cluster, second):
    import ray

    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.CRITICAL)
    yield ray
    ray.shutdown()


@pytest.fixture
def squares(ray):
    """Work that tells where it was done; a negative number ends its process."""

    def begin():  # in a function, so that it goes to the nodes whole
        def work(n: int) -> tuple[int, str, int]:
            if n < 0:
                os._exit(9)
            time.sleep(0.2)
            return n * n, ray.get_runtime_context().get_node_id(), os.getpid()

        return work

    return begin


def elsewhere():
    """Of this module, which no node can import."""


def test_a_group_has_one_process(ray, squares):
    found = list(on_nodes(ray, [[1, 2], [3], [4, 5]], squares, 1 << 40))
    assert sorted(square for square, *_ in found) == [1, 4, 9, 16, 25]
    homes = {square: where for square, *where in found}
    assert homes[1] == homes[4]
    assert homes[16] == homes[25]
    assert os.getpid() not in [pid for _, _, pid in found]


def test_a_task_that_is_lost_time_and_again(ray, squares):
    with pytest.raises(OutsideError, match="the same command goes on"):
        list(on_nodes(ray, [[-1]], squares, 1 << 20))


def test_a_folder_that_no_node_sees(ray, squares, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    monkeypatch.setattr(os, "getcwd", lambda: str(tmp_path))
    with pytest.raises(OutsideError, match="every node sees"):
        list(on_nodes(ray, [[1]], squares, 1 << 20))


def test_a_node_that_lacks_a_package(ray):
    with pytest.raises(OutsideError, match=r"test_tasks.*every node"):
        list(on_nodes(ray, [[1]], elsewhere, 1 << 20))


def test_a_node_is_killed(cluster, second, ray, squares):
    found = []
    for result in on_nodes(ray, [[*range(n, n + 5)] for n in (0, 10, 20)], squares, 1 << 20):
        found.append(result)
        if len(found) == 4:
            cluster.remove_node(second, allow_graceful=False)
    assert sorted(square for square, *_ in found) == [
        n * n for start in (0, 10, 20) for n in range(start, start + 5)
    ]
