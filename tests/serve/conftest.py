"""`glx serve` as a process on loopback: one with the usual flags, and others where a test asks."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fitted_shop import save

ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    """A service: its URL, process, what it says, and a client."""

    url: str
    process: subprocess.Popen
    said: Path
    client: httpx.Client

    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture(scope="session")
def detector(tmp_path_factory) -> Path:
    """A detector folder; the remarks that tests keep are beside it."""
    return save(tmp_path_factory.mktemp("fitted"))


@pytest.fixture(scope="session")
def serve(detector, tmp_path_factory) -> Serve:
    """`with serve(*flags)`: a service that is ready, on any free port."""

    cache = str(tmp_path_factory.mktemp("cache"))  # of what is compiled, for all of them

    @contextmanager
    def serving(*flags: str, before: Sequence[str] = (), **environment: str) -> Iterator[Served]:
        folder = tmp_path_factory.mktemp("service")
        own = {"PYTHONPATH": str(ROOT), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        own |= {"XDG_CACHE_HOME": cache}
        command = [sys.executable, "-m", "glx", "serve", f"--detector={detector}", "--port=0"]
        with (folder / "said").open("w") as said:
            process = subprocess.Popen(
                [*before, *command, *flags], env=os.environ | own | environment, stderr=said
            )
        try:
            url = ready(folder / "said", process)
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                yield Served(url, process, folder / "said", client)
        finally:
            process.kill()  # if it is there still
            process.wait()

    return serving


def ready(said: Path, process: subprocess.Popen) -> str:
    """The URL that a service says it is ready at."""
    while process.poll() is None:
        lines = [line for line in said.read_text().splitlines() if line.endswith(": ready")]
        if lines:
            return lines[0].removesuffix(": ready")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise AssertionError(said.read_text())


@pytest.fixture(scope="session")
def service(serve) -> Iterator[Served]:
    with serve() as served:
        yield served
