"""`sim_ras`: the event stream of a supercomputer's reliability service, read in windows of lines.

Jobs, boots, monitors and maintenance interleave in the background, with ERROR and even FATAL lines
that mean nothing (a job that leaves with a code, a drained midplane). Faults are bursts of lines.
"""

from random import Random

from glx.data.simulate.grammar import (
    Event,
    Fault,
    Maybe,
    OneOf,
    Parallel,
    System,
    Times,
    Workload,
    between,
)
from glx.data.simulate.values import COMMON, hexadecimal, number, second


def location(rng: Random) -> str:
    """A node of the machine, by rack, midplane, node card and chip."""
    rack, midplane, card, chip = (between(0, high, rng) for high in (63, 1, 15, 17))
    return f"R{rack:02d}-M{midplane}-N{card}-C:J{chip:02d}-U{between(0, 1, rng)}1"


def job_key(rng: Random) -> str:
    """The number of a job or a task."""
    return str(between(10_000, 999_999, rng))


def header(seconds: float, level: str, component: str, rng: Random) -> str:
    """`2023-07-01-15.42.50.363779 R02-M1-N0-C:J12-U11 RAS KERNEL INFO `"""
    date = second(int(seconds), "%Y-%m-%d-%H.%M.%S")
    micros = int(seconds % 1 * 1_000_000)
    return f"{date}.{micros:06d} {location(rng)} RAS {component} {level} "


EVENTS = {
    # jobs
    "load": Event("INFO", "APP", "ciod: loading program {path} for job {key}"),
    "login": Event("INFO", "APP", "ciod: login of u{user} from {ip}, job {key}"),
    "running": Event("INFO", "APP", "ciod: job {key} runs on {nodes} nodes"),
    "core": Event("INFO", "KERNEL", "generating core.{small}"),
    "exited": Event("INFO", "APP", "ciod: job {key} exited normally"),
    "code": Event("FATAL", "APP", "ciod: job {key} exited with code {few}, as its script asked"),
    "stream": Event("ERROR", "APP", "ciod: stdin of job {key} closed, end of file, no error"),
    "checkpointed": Event("INFO", "APP", "ciod: job {key} wrote a checkpoint of {size} bytes"),
    # boots and maintenance
    "boot": Event("INFO", "MMCS", "boot of block R{rack} begins, {nodes} nodes"),
    "card": Event("INFO", "MMCS", "node card {hex} initialised"),
    "waiting": Event("INFO", "MMCS", "waiting for {nodes} nodes of block R{rack}"),
    "booted": Event("INFO", "MMCS", "block R{rack} is ready"),
    "drain": Event("FATAL", "MMCS", "midplane R{rack}-M{few} removed from service for maintenance"),
    "swap": Event("WARNING", "HARDWARE", "link card power module {hex} is not accessible"),
    "restore": Event("INFO", "MMCS", "midplane R{rack}-M{few} back in service"),
    "firmware": Event("INFO", "MMCS", "firmware {hex} of node card {hex} is up to date"),
    # monitors
    "fan": Event("INFO", "MONITOR", "fan {few} of R{rack} at {rpm} rpm"),
    "thermal": Event("INFO", "MONITOR", "R{rack} inlet {percent} degrees, within limits"),
    "poll_failed": Event("ERROR", "MONITOR", "poll of service card {hex} failed, next poll in 5 s"),
    "poll": Event("INFO", "MONITOR", "service card {hex} answers in {ms} ms"),
    # memory and network, harmless one at a time
    "ecc": Event("INFO", "KERNEL", "ddr: {small} ecc symbols corrected at 0x{hex}, mask 0x{mask}"),
    "steer": Event("INFO", "KERNEL", "ddr: bit steering activated for rank {few} at 0x{hex}"),
    "cache": Event("INFO", "KERNEL", "instruction cache parity error corrected"),
    "align": Event("INFO", "KERNEL", "{small} double-hummer alignment exceptions"),
    "torus": Event("INFO", "KERNEL", "torus receiver {dir} input pipe: {small} packets retried"),
    "retrain": Event("WARNING", "LINKCARD", "torus link {dir} of 0x{hex} retrains"),
    "trained": Event("INFO", "LINKCARD", "torus link {dir} of 0x{hex} trained in {ms} us"),
    "tree": Event("WARNING", "KERNEL", "no packet on tree port {few} for {ms} ms, asking again"),
    "scratch": Event("WARNING", "IONODE", "/scratch{few} at {percent} % of {size} blocks"),
    "pressure": Event("INFO", "IONODE", "{size} pages reclaimed for ciod of job {key}"),
    "ended": Event("INFO", "APP", "ciod: job {key} was ended by node with signal 9"),
    # only in faults
    "tree_dead": Event("ERROR", "KERNEL", "lost contact to {ip} over tree port {few}, job {key}"),
    "refused": Event(
        "ERROR", "IONODE", "write of {size} blocks to /scratch{few} refused for job {key}"
    ),
    "uncorrected": Event("FATAL", "KERNEL", "ddr: symbol at 0x{hex} beyond repair, mask 0x{mask}"),
}

JOB = (
    "load",
    Maybe(0.6, "login"),
    "running",
    Times(0, 3, OneOf(((0.2, "align"), (4, "core"), (2, "checkpointed"), (0.1, "cache")))),
    Maybe(0.02, "stream"),
    OneOf(((60, "exited"), (1, "code"), (0.4, "ended"))),
)

WORKLOADS = (
    Workload("job", 40, 30, 3.0, JOB),
    Workload("monitor", 30, 30, 2.0, ("fan", "thermal", Maybe(0.015, "poll_failed"), "poll")),
    Workload("parity", 0.7, 0.7, 0.5, Times(2, 6, "cache")),
    Workload("memory", 8, 8, 1.0, (Times(1, 2, "ecc"), Maybe(0.2, "steer"))),
    Workload("network", 8, 8, 1.0, OneOf(((6, "torus"), (1, ("retrain", "trained")), (1, "tree")))),
    # a new application dumps cores and checkpoints: it grows through the log
    Workload("dumps", 3, 9, 0.5, (Times(3, 8, "core"), Maybe(0.5, "checkpointed"))),
    Workload("boot", 2, 2, 1.0, ("boot", Parallel(4, 8, "card"), Times(1, 2, "waiting"), "booted")),
    Workload("maintenance", 0.5, 0.5, 3.0, ("drain", Times(1, 3, "swap"), "restore")),
    Workload("storage", 2, 2, 2.0, OneOf(((2, "scratch"), (3, "pressure")))),
    Workload("inventory", 1, 2, 0.5, Maybe(1.0, Times(2, 6, "firmware"), 0.5)),
)

LOST_JOBS = Times(3, 6, "ended")

# bursts are dense: about 25 lines a second, where the background has about four
FAULTS = (
    Fault(
        "network_timeout",
        "shared",
        burst=(
            Times(8, 16, "tree"),
            Times(28, 54, OneOf(((2, "tree"), (1, "tree_dead")))),
            LOST_JOBS,
        ),
        pace=0.04,
    ),
    Fault(
        "disk_full",
        "shared",
        burst=(
            Times(8, 14, "scratch"),
            Times(16, 28, ("refused", "scratch")),
            Maybe(0.5, LOST_JOBS),
        ),
        pace=0.04,
    ),
    Fault("out_of_memory", "shared", burst=(Times(40, 70, "pressure"), LOST_JOBS), pace=0.04),
    Fault(
        "missing_completion",
        "shared",
        burst=("boot", Times(2, 4, "card"), Times(36, 70, "waiting")),
        pace=0.04,
    ),
    Fault("stuck_loop", "shared", burst=Times(40, 70, "running"), pace=0.04),
    Fault("wrong_order", "shared", burst=Times(13, 24, ("booted", "waiting", "boot")), pace=0.04),
    Fault(
        "link_storm",
        "proprietary",
        burst=(Times(26, 48, ("retrain", Maybe(0.5, "trained"))), LOST_JOBS),
        pace=0.04,
    ),
    Fault(
        "memory_wears_out",
        "proprietary",
        burst=(
            Times(28, 50, "ecc"),
            Times(10, 20, "steer"),
            Maybe(0.4, "uncorrected"),
            Maybe(0.8, LOST_JOBS),
        ),
        pace=0.04,
    ),
    Fault(
        "power_flaps",
        "proprietary",
        burst=(Times(26, 46, ("swap", Maybe(0.4, "poll_failed"))), Maybe(0.5, LOST_JOBS)),
        pace=0.04,
    ),
)

SYSTEM = System(
    name="sim_ras",
    session=None,
    key=job_key,
    arrivals=0.8,
    start=1_688_200_000.0,
    header=header,
    values=COMMON
    | {
        "nodes": number(32, 1024),
        "rack": number(10, 63),
        "rpm": number(2000, 5400),
        "small": number(1, 9999),
        "dir": lambda rng: "xyz"[between(0, 2, rng)] + "+-"[between(0, 1, rng)],
        "mask": hexadecimal(2),
    },
    events=EVENTS,
    workloads=WORKLOADS,
    faults=FAULTS,
)
