"""`sim_ras`: the event stream of a supercomputer's reliability service, read in windows of lines.

Jobs, boots, monitors and maintenance interleave in the background, with ERROR and even FATAL lines
that mean nothing (a job that leaves with a code, a drained midplane). Faults are bursts of lines.
"""

from random import Random

from glx.data.simulate.grammar import Node, between, choice, maybe, parallel, times
from glx.data.simulate.system import Fault, SimSystem, Workload, event_table
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


EVENTS = event_table("""
# jobs
load         INFO    APP      ciod: loading program {path} for job {key}
login        INFO    APP      ciod: login of u{user} from {ip}, job {key}
running      INFO    APP      ciod: job {key} runs on {nodes} nodes
core         INFO    KERNEL   generating core.{small}
exited       INFO    APP      ciod: job {key} exited normally
code         FATAL   APP      ciod: job {key} exited with code {few}, as its script asked
stream       ERROR   APP      ciod: stdin of job {key} closed, end of file, no error
checkpointed INFO    APP      ciod: job {key} wrote a checkpoint of {size} bytes
# boots and maintenance
boot         INFO    MMCS     boot of block R{rack} begins, {nodes} nodes
card         INFO    MMCS     node card {hex} initialised
waiting      INFO    MMCS     waiting for {nodes} nodes of block R{rack}
booted       INFO    MMCS     block R{rack} is ready
drain        FATAL   MMCS     midplane R{rack}-M{few} removed from service for maintenance
swap         WARNING HARDWARE link card power module {hex} is not accessible
restore      INFO    MMCS     midplane R{rack}-M{few} back in service
firmware     INFO    MMCS     firmware {hex} of node card {hex} is up to date
# monitors
fan          INFO    MONITOR  fan {few} of R{rack} at {rpm} rpm
thermal      INFO    MONITOR  R{rack} inlet {percent} degrees, within limits
poll_failed  ERROR   MONITOR  poll of service card {hex} failed, next poll in 5 s
poll         INFO    MONITOR  service card {hex} answers in {ms} ms
# memory and network, harmless one at a time
ecc          INFO    KERNEL   ddr: {small} ecc symbols corrected at 0x{hex}, mask 0x{mask}
steer        INFO    KERNEL   ddr: bit steering activated for rank {few} at 0x{hex}
cache        INFO    KERNEL   instruction cache parity error corrected
align        INFO    KERNEL   {small} double-hummer alignment exceptions
torus        INFO    KERNEL   torus receiver {dir} input pipe: {small} packets retried
retrain      WARNING LINKCARD torus link {dir} of 0x{hex} retrains
trained      INFO    LINKCARD torus link {dir} of 0x{hex} trained in {ms} us
tree         WARNING KERNEL   no packet on tree port {few} for {ms} ms, asking again
scratch      WARNING IONODE   /scratch{few} at {percent} % of {size} blocks
pressure     INFO    IONODE   {size} pages reclaimed for ciod of job {key}
ended        INFO    APP      ciod: job {key} was ended by node with signal 9
# only in faults
tree_dead    ERROR   KERNEL   lost contact to {ip} over tree port {few}, job {key}
refused      ERROR   IONODE   write of {size} blocks to /scratch{few} refused for job {key}
uncorrected  FATAL   KERNEL   ddr: symbol at 0x{hex} beyond repair, mask 0x{mask}
""")

JOB = (
    "load",
    maybe(0.6, "login"),
    "running",
    times(0, 3, choice((0.2, "align"), (4, "core"), (2, "checkpointed"), (0.1, "cache"))),
    maybe(0.02, "stream"),
    choice((60, "exited"), (1, "code"), (0.4, "ended")),
)

WORKLOADS = (
    Workload("job", 40, 30, 3.0, JOB),
    Workload("monitor", 30, 30, 2.0, ("fan", "thermal", maybe(0.015, "poll_failed"), "poll")),
    Workload("parity", 0.7, 0.7, 0.5, times(2, 6, "cache")),
    Workload("memory", 8, 8, 1.0, (times(1, 2, "ecc"), maybe(0.2, "steer"))),
    Workload("network", 8, 8, 1.0, choice((6, "torus"), (1, ("retrain", "trained")), (1, "tree"))),
    # a new application dumps cores and checkpoints: it grows through the log
    Workload("dumps", 3, 9, 0.5, (times(3, 8, "core"), maybe(0.5, "checkpointed"))),
    Workload("boot", 2, 2, 1.0, ("boot", parallel(4, 8, "card"), times(1, 2, "waiting"), "booted")),
    Workload("maintenance", 0.5, 0.5, 3.0, ("drain", times(1, 3, "swap"), "restore")),
    Workload("storage", 2, 2, 2.0, choice((2, "scratch"), (3, "pressure"))),
    Workload("inventory", 1, 2, 0.5, maybe(1.0, times(2, 6, "firmware"), 0.5)),
)

LOST_JOBS = times(3, 6, "ended")

FAULTS: dict[str, Node] = {
    "network_timeout": (
        times(8, 16, "tree"),
        times(28, 54, choice((2, "tree"), (1, "tree_dead"))),
        LOST_JOBS,
    ),
    "disk_full": (
        times(8, 14, "scratch"),
        times(16, 28, ("refused", "scratch")),
        maybe(0.5, LOST_JOBS),
    ),
    "out_of_memory": (times(40, 70, "pressure"), LOST_JOBS),
    "missing_completion": ("boot", times(2, 4, "card"), times(36, 70, "waiting")),
    "stuck_loop": times(40, 70, "running"),
    "wrong_order": times(13, 24, ("booted", "waiting", "boot")),
    "link_storm": (times(26, 48, ("retrain", maybe(0.5, "trained"))), LOST_JOBS),
    "memory_wears_out": (
        times(28, 50, "ecc"),
        times(10, 20, "steer"),
        maybe(0.4, "uncorrected"),
        maybe(0.8, LOST_JOBS),
    ),
    "power_flaps": (
        times(26, 46, ("swap", maybe(0.4, "poll_failed"))),
        maybe(0.5, LOST_JOBS),
    ),
}

SYSTEM = SimSystem(
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
    # dense: about 25 lines a second, where the background has about four
    faults=tuple(Fault(name, burst=burst, pace=0.04) for name, burst in FAULTS.items()),
)
