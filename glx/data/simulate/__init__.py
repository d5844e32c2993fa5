"""Three simulated systems with planted faults: labelled logs of any size, without a download.

`sim_blocks` and `sim_vms` have sessions, `sim_ras` is a stream without. Each system is a file of
tables, whose form `grammar` explains.
"""

from glx.data.simulate.simulation import SYSTEMS, Planted, SimConfig, Simulation, simulate, write

__all__ = ["SYSTEMS", "Planted", "SimConfig", "Simulation", "simulate", "write"]
