"""Strict numerics for every test; the data, the model server, the browser that some need."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest
from processes import descendants, gone

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(autouse=True, scope="session")  # before the fixtures of modules
def strict_numerics():
    import jax

    jax.config.update("jax_disable_most_optimizations", True)  # most of a test is compiling
    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_debug_nans", True)


@pytest.fixture(autouse=True, scope="session")
def interruptible():
    """Interrupts arrive, here and in what tests start, even where SIGINT came ignored (`nohup`)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True, scope="session")
def compiled_once(tmp_path_factory):
    """What is compiled in a session is kept for all its modules and worker processes."""
    import jax

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    jax.config.update("jax_compilation_cache_dir", str(shared / "compiled"))
    jax.config.update("jax_compilation_cache_max_size", 2**30)  # bytes; locks it, too
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


@pytest.fixture
def full_disk(tmp_path) -> Iterator[Path]:
    """A folder on a file system of its own without a free byte; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    with (folder / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder that docs/data.md describes; tests that need it are left out without it."""
    folder = os.environ.get("GLX_DATA")
    if not folder:
        pytest.skip("set GLX_DATA to the data folder of docs/data.md")
    return Path(folder)


@pytest.fixture(scope="session")
def chats(tmp_path_factory):
    """The chat formats of `tiny_chats`, by name, each loaded from a folder as a user's."""
    from tiny_chats import CHATS, tiny_model

    from glx.llm import chat

    folder = tmp_path_factory.mktemp("tokenizers")
    return {name: chat.load(tiny_model(name, folder / name)) for name in CHATS}


@dataclass(frozen=True)
class VllmServer:
    """A running vLLM server: `url` up to and with `/v1`, its model's name there and folder here."""

    url: str
    model: str
    folder: Path


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory) -> Iterator[VllmServer]:
    """A real server with a tiny random model, started by `launch/serve_vllm.sh`; one a session.

    Tests that take it are marked `vllm`. Its end is a test as well: no process may outlive it.
    """
    if not os.environ.get("GLX_VLLM"):
        pytest.skip("launch/test.sh --all prepares the model server and runs this")
    folder = tmp_path_factory.mktemp("vllm") / "tiny"
    make = [ROOT / ".venv-vllm/bin/python", ROOT / "launch/vllm/tiny_model.py", folder]
    subprocess.run(make, check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = [ROOT / "launch/serve_vllm.sh", folder, f"--port={port}"]
    with subprocess.Popen(start, stdout=subprocess.PIPE, text=True) as process:
        patience = Timer(300, process.terminate)  # seconds
        patience.start()
        line = process.stdout.readline()
        patience.cancel()
        url = f"http://127.0.0.1:{port}/v1"
        assert line.endswith(f": --llm_url={url} --llm_model={folder}\n")
        yield VllmServer(url, str(folder), folder)
        started = descendants(process.pid)
        process.terminate()
        assert process.wait(60) == 0
    assert len(started) > 1
    assert all(map(gone, started))
    (ROOT / f".venv-vllm/server-{port}.log").unlink()


@pytest.fixture(scope="module")  # while it is there, no other test can run an event loop
def browser():
    """Headless Chromium, a `playwright.sync_api.Browser`; who takes it is marked `browser`."""
    if not os.environ.get("GLX_BROWSER"):
        pytest.skip("launch/test.sh --all prepares a browser and runs this")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has none for root
        started = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield started
        started.close()
