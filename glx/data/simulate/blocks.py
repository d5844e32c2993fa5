"""`sim_blocks`: a distributed block store. A session is one block, its key stands in every line.

Clients write blocks to three replicas, read them, a balancer moves them, a janitor deletes them.
Handled retries leave WARN and ERROR lines in healthy sessions; most faults leave none.
"""

from random import Random

from glx.data.simulate.grammar import (
    Cut,
    Drop,
    Event,
    Fault,
    Insert,
    Maybe,
    OneOf,
    Parallel,
    Swap,
    System,
    Times,
    Workload,
)
from glx.data.simulate.values import COMMON, number, second


def block_id(rng: Random) -> str:
    """A signed number of 63 bits."""
    return f"blk_{rng.getrandbits(64) - 2**63}"


def header(seconds: float, level: str, component: str, rng: Random) -> str:
    """`2024-03-05 10:22:31,123 INFO [worker-7] node.Receiver: `"""
    thread = int(rng.random() * 24)
    date = second(int(seconds), "%Y-%m-%d %H:%M:%S")
    return f"{date},{int(seconds % 1 * 1000):03d} {level} [worker-{thread}] {component}: "


EVENTS = {
    # writing
    "allocate": Event("INFO", "meta.Namespace", "allocate {key} for {path} on {few} racks"),
    "receiving": Event(
        "INFO", "node.Receiver", "receiving {key} from /{ip}:{port}, mirror /{ip}:{port}"
    ),
    "received": Event("INFO", "node.Receiver", "received {key} of size {size} from /{ip}"),
    "responder": Event("INFO", "node.Responder", "responder {few} for {key} terminating"),
    "mapped": Event(
        "INFO", "meta.Namespace", "replica map updated: {ip}:{port} holds {key} size {size}"
    ),
    "sealed": Event("INFO", "meta.Namespace", "{key} sealed with generation {generation}"),
    "verified": Event("INFO", "node.Scanner", "verification succeeded for {key}"),
    "recompressed": Event("INFO", "node.Codec", "recompressed {key} with zstd to {size} bytes"),
    # reading
    "open": Event("INFO", "client.Reader", "open {key} at offset {size} for u{user}"),
    "served": Event("INFO", "node.Server", "{ip}:{port} served {key} to /{ip}"),
    "cached": Event("INFO", "node.Cache", "cache hit for {key}, {size} bytes"),
    "closed": Event("INFO", "client.Reader", "closed {key} after {ms} ms"),
    "reset": Event(
        "WARN",
        "node.Server",
        "{ip}:{port} got exception while serving {key} to /{ip}: connection reset by peer",
    ),
    "reopen": Event("INFO", "client.Reader", "trying another replica of {key} at /{ip}"),
    # moving and deleting
    "moving": Event("INFO", "balancer.Mover", "moving {key} of {size} bytes from {ip} to {ip}"),
    "ask": Event("INFO", "meta.Replicator", "ask {ip}:{port} to replicate {key} to {ip}:{port}"),
    "transfer": Event("INFO", "node.Transfer", "starting transfer of {key} to {ip}:{port}"),
    "transmitted": Event("INFO", "node.Transfer", "transmitted {key} to /{ip} in {ms} ms"),
    "excess": Event("INFO", "meta.Replicator", "{key} has a replica too many, dropping {ip}"),
    "invalidate": Event("INFO", "meta.Namespace", "{key} added to invalid set of {ip}:{port}"),
    "delete": Event("INFO", "node.Store", "deleting {key} from /data/disk{few}/current"),
    "removed": Event("INFO", "meta.Namespace", "{key} removed from replica map"),
    # trouble that is handled now and then, and part of a fault at other times
    "slow": Event("WARN", "node.Receiver", "slow write of {key}: {ms} ms to mirror /{ip}"),
    "timeout": Event(
        "ERROR", "node.Receiver", "timeout of {ms} ms waiting for mirror /{ip} of {key}"
    ),
    "retry": Event("INFO", "client.Writer", "retrying {key}, attempt {few}, excluding /{ip}"),
    "commit": Event(
        "ERROR", "meta.Namespace", "commit of {key} failed: lease of u{user} is being renewed"
    ),
    "redundant": Event("WARN", "meta.Namespace", "redundant add request for {key} on {ip}:{port}"),
    "heap": Event("WARN", "node.Watchdog", "heap at {percent} % while buffering {key}"),
    "abandoned": Event("WARN", "client.Writer", "pipeline of {key} abandoned at node {few}"),
    "absent": Event("WARN", "node.Store", "delete request for {key}: not in replica map"),
    # only in faults
    "no_space": Event(
        "ERROR", "node.Store", "no space left on /data/disk{few} for {key}, {size} bytes needed"
    ),
    "killed": Event(
        "FATAL", "node.Watchdog", "receiver of {key} killed: {size} KiB resident, over its limit"
    ),
    "mismatch": Event("WARN", "node.Scanner", "checksum of {key} is {hex}, expected {hex}"),
    "quarantine": Event("INFO", "node.Store", "{key} moved to quarantine of disk{few}"),
}

REPLICA = (
    "receiving",
    Maybe(0.03, "slow"),
    Maybe(0.01, ("timeout", Maybe(0.2, "abandoned"), "retry", "receiving")),
    Maybe(0.004, "heap"),
    "received",
    Maybe(0.9, "responder"),
    "mapped",
)
READ = (
    "open",
    OneOf(((3, "served"), (1, "cached"), (0.12, ("reset", "reopen", "served")))),
    Maybe(0.85, "closed"),
)
COPY = ("ask", "transfer", "transmitted", "mapped")
DELETE = (Parallel(2, 3, ("invalidate", "delete")), "removed")
WRITE = ("allocate", Parallel(3, 3, REPLICA), Maybe(0.01, Times(1, 2, "commit")), "sealed")

WORKLOADS = (
    Workload(
        "write", 50, 40, 2.0, (*WRITE, Maybe(0.3, "verified"), Maybe(0.25, "recompressed", 0.5))
    ),
    Workload("write_read", 30, 22, 3.0, (*WRITE, Times(1, 5, READ))),
    Workload("write_delete", 14, 14, 3.0, (*WRITE, Maybe(0.2, READ), DELETE)),
    # the balancer was switched on lately: its share grows through the log
    Workload(
        "balance", 4, 20, 2.5, (*WRITE, "moving", COPY, "excess", "delete", Maybe(0.1, "redundant"))
    ),
    Workload("repair", 2, 4, 2.5, (*WRITE, Parallel(1, 2, COPY), Maybe(0.15, "absent"))),
)
ANY = tuple(workload.name for workload in WORKLOADS)

FAULTS = (
    Fault(
        "network_timeout",
        "shared",
        ANY,
        (Insert("receiving", (Times(3, 6, ("timeout", "retry")), "abandoned")),),
    ),
    Fault("disk_full", "shared", ANY, (Insert("receiving", ("no_space", "abandoned", "retry")),)),
    Fault(
        "out_of_memory",
        "shared",
        ANY,
        (Cut("receiving"), Insert("receiving", (Times(2, 4, "heap"), Maybe(0.5, "killed")))),
    ),
    Fault("missing_completion", "shared", ANY, (Drop("sealed"),)),
    Fault("stuck_loop", "shared", ANY, (Insert("receiving", Times(6, 14, "retry")),)),
    Fault(
        "wrong_order",
        "shared",
        ("write",),
        (Swap("allocate", "sealed"), Insert("allocate", Maybe(0.7, "allocate"))),
    ),
    Fault(
        "checksum_mismatch",
        "proprietary",
        ("write_read", "repair"),
        (Insert("sealed", (Times(1, 3, "mismatch"), "quarantine", "ask")),),
    ),
    Fault("silent_replicas", "proprietary", ("write", "write_read"), (Drop("mapped"),)),
    Fault(
        "copy_stalls",
        "proprietary",
        ("balance", "repair"),
        (Cut("transfer"), Insert("transfer", Times(3, 6, "slow"))),
    ),
    Fault(
        "ghost_delete",
        "proprietary",
        ("write_delete",),
        (Drop("invalidate"), Insert("removed", Times(2, 4, "absent"))),
    ),
    Fault(
        "replica_storm",
        "proprietary",
        ("write", "balance"),
        (Insert("mapped", Times(4, 8, ("ask", "transfer", "mapped"))),),
    ),
)

SYSTEM = System(
    name="sim_blocks",
    session=r"blk_-?\d+",
    key=block_id,
    arrivals=0.7,
    start=1_709_600_000.0,
    header=header,
    values=COMMON | {"generation": number(1000, 9999)},
    events=EVENTS,
    workloads=WORKLOADS,
    faults=FAULTS,
)
