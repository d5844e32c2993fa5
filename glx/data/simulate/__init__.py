"""Three simulated systems with planted faults: labelled logs of any size, without a download.

`sim_blocks` and `sim_vms` have sessions, `sim_ras` is a stream without. The systems are tables, one
file each; `grammar` says how to read them.
"""

from glx.data.simulate.files import Written, write
from glx.data.simulate.simulation import SYSTEMS, Planted, SimConfig, Simulation, simulate

__all__ = ["SYSTEMS", "Planted", "SimConfig", "Simulation", "Written", "simulate", "write"]
