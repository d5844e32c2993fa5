"""Processes that work side by side: all is done, a death is reported, none is left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import gone, squares

from glx.errors import OutsideError
from glx.runs.workers import side_by_side


def test_all_groups_are_done_in_other_processes():
    found = list(side_by_side([[1, 2], [3], [4, 5]], squares, parallel=2))
    assert sorted(square for square, _ in found) == [1, 4, 9, 16, 25]
    homes = {square: pid for square, pid in found}
    assert homes[1] == homes[4]  # a group stays together
    assert homes[16] == homes[25]
    assert os.getpid() not in homes.values()
    assert all(map(gone, homes.values()))


def test_a_process_that_dies_is_reported():
    with pytest.raises(OutsideError, match="the same command goes on"):
        list(side_by_side([[1], [-1], [2]], squares, parallel=2))


def test_a_process_ends_with_the_one_that_began_it():
    """The parent is killed outright; its process must not go on where the next one resumes."""
    script = (
        "import os, sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1] / 'helpers')!r})\n"
        "from processes import squares\n"
        "from glx.runs.workers import side_by_side\n"
        "if __name__ == '__main__':\n"
        "    for _, pid in side_by_side([[1, 0]], squares, 1):\n"
        "        print(pid, flush=True)\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -9
    pid, ends = int(done.stdout), time.monotonic() + 20
    while not gone(pid):
        assert time.monotonic() < ends
        time.sleep(0.02)
