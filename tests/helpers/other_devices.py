"""Python processes that see other devices than this one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
JOIN = """
import sys, jax
jax.distributed.initialize(sys.argv[-2], num_processes=2, process_id=int(sys.argv[-1]))
assert (jax.process_count(), jax.device_count()) == (2, 2)
"""


def run(script: str, *args: str, count: int = 1, pair: bool = False, **environment: str) -> None:
    """Run `script` where XLA makes `count` devices of the CPU; or in a pair of joined processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = f"--xla_force_host_platform_device_count={count}"
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests/helpers")))
    given = {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": path}
    command = [sys.executable, "-W", "error", "-c", JOIN * pair + script, *args]
    begun = [
        subprocess.Popen([*command, *rest], env=os.environ | given | environment)
        for rest in ([(address, "0"), (address, "1")] if pair else [()])
    ]
    try:
        assert [process.wait(120) for process in begun] == [0] * len(begun)
    finally:  # one that fails leaves the other waiting
        for process in begun:
            process.kill()
