"""Accelerators that programs are compiled for, none of which has to be there.

Their compilers run on any machine: libtpu's (`jax[tpu]`) and XLA's for NVIDIA (`jax[cuda13]`), each
in an environment of its own (launch/compile.sh).
"""

import os
from dataclasses import dataclass, field

import numpy as np
from jax.sharding import Mesh

from glx import devices

H100 = """
gpu_device_info {
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152
  shared_memory_per_core: 233472 threads_per_core_limit: 2048 core_count: 132 fpus_per_core: 128
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000 l2_cache_size: 52428800 clock_rate_ghz: 1.98
  device_memory_size: 84929347584 shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}
platform_name: "CUDA" runtime_version { major: 13 } dnn_version_info { major: 9 minor: 10 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""
TPU_HOST = {  # what libtpu would ask of the machine that a TPU is in
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
}


@dataclass(frozen=True)
class Target:
    """One kind of accelerator.

    Attributes:
      environment: folder of the environment with its compiler, for launch/compile.sh.
      bandwidth: of its memory, bytes a second.
      peak: bfloat16 FLOP a second.
      memory: bytes.
      topologies: names by the number of devices.
      settings: environment variables that its compiler needs.
      platform: by the name that JAX has for it.
      description: of the device, where the compiler has none of it.
    """

    environment: str
    bandwidth: float
    peak: float
    memory: float
    topologies: dict[int, str]
    settings: dict[str, str] = field(default_factory=lambda: TPU_HOST)
    platform: str = "tpu"
    description: str = ""

    def process(self) -> dict[str, str]:
        """The environment variables of a process that compiles for it."""
        return os.environ | {"JAX_PLATFORMS": "cpu"} | self.settings

    def mesh(self, n: int) -> Mesh:
        """`n` devices in a row, which can be compiled for and nothing else."""
        from jax.experimental.topologies import get_topology_desc

        name = self.topologies[n]
        if self.description:
            given = {"target_config": self.description, "topology": name}
            topology = get_topology_desc("h100", self.platform, **given)
        else:
            topology = get_topology_desc(name, self.platform)
        return Mesh(np.array(topology.devices[:n]), (devices.AXIS,))


def _flat(name: str) -> dict[int, str]:
    return {1: f"{name}:2x2", 4: f"{name}:2x2", 8: f"{name}:2x4"}


# Bandwidths and peaks: cloud.google.com/tpu/docs and NVIDIA's data sheet of the H100 SXM.
TARGETS = {
    "h100": Target(
        ".venv-cuda",
        bandwidth=3.352e12,
        peak=989e12,
        memory=80e9,
        topologies={n: f"1x1x{n}" for n in (1, 4, 8)},
        # Kernels are chosen by measuring them where a GPU is; here by rules.
        settings={"XLA_FLAGS": "--xla_gpu_autotune_level=0"},
        platform="cuda",
        description=H100,
    ),
    "v5e": Target(".venv-tpu", 819e9, 197e12, 16e9, _flat("v5e")),
    "v6e": Target(".venv-tpu", 1640e9, 918e12, 32e9, _flat("v6e")),
    "v5p": Target(
        ".venv-tpu", 2765e9, 459e12, 95e9, {1: "v5p:2x2x1", 4: "v5p:2x2x1", 8: "v5p:2x2x2"}
    ),
}
