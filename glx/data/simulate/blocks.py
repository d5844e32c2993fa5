"""`sim_blocks`: a distributed block store. A session is one block, its key stands in every line.

Clients write blocks to three replicas, read them, a balancer moves them, a janitor deletes them.
Handled retries leave WARN and ERROR lines in healthy sessions; most faults leave none.
"""

from random import Random

from glx.data.simulate.grammar import choice, cut, drop, insert, maybe, parallel, swap, times
from glx.data.simulate.system import Fault, SimSystem, Workload, event_table
from glx.data.simulate.values import COMMON, number, second


def block_id(rng: Random) -> str:
    """A signed number of 63 bits."""
    return f"blk_{rng.getrandbits(64) - 2**63}"


def header(seconds: float, level: str, component: str, rng: Random) -> str:
    """`2024-03-05 10:22:31,123 INFO [worker-7] node.Receiver: `"""
    thread = int(rng.random() * 24)
    date = second(int(seconds), "%Y-%m-%d %H:%M:%S")
    return f"{date},{int(seconds % 1 * 1000):03d} {level} [worker-{thread}] {component}: "


EVENTS = event_table("""
# writing
allocate     INFO  meta.Namespace  allocate {key} for {path} on {few} racks
receiving    INFO  node.Receiver   receiving {key} from /{ip}:{port}, mirror /{ip}:{port}
received     INFO  node.Receiver   received {key} of size {size} from /{ip}
responder    INFO  node.Responder  responder {few} for {key} terminating
mapped       INFO  meta.Namespace  replica map updated: {ip}:{port} holds {key} size {size}
sealed       INFO  meta.Namespace  {key} sealed with generation {generation}
verified     INFO  node.Scanner    verification succeeded for {key}
recompressed INFO  node.Codec      recompressed {key} with zstd to {size} bytes
# reading
open         INFO  client.Reader   open {key} at offset {size} for u{user}
served       INFO  node.Server     {ip}:{port} served {key} to /{ip}
cached       INFO  node.Cache      cache hit for {key}, {size} bytes
closed       INFO  client.Reader   closed {key} after {ms} ms
reset        WARN  node.Server     {ip}:{port} got exception while serving {key} to /{ip}: \
connection reset by peer
reopen       INFO  client.Reader   trying another replica of {key} at /{ip}
# moving and deleting
moving       INFO  balancer.Mover  moving {key} of {size} bytes from {ip} to {ip}
ask          INFO  meta.Replicator ask {ip}:{port} to replicate {key} to {ip}:{port}
transfer     INFO  node.Transfer   starting transfer of {key} to {ip}:{port}
transmitted  INFO  node.Transfer   transmitted {key} to /{ip} in {ms} ms
excess       INFO  meta.Replicator {key} has a replica too many, dropping {ip}
invalidate   INFO  meta.Namespace  {key} added to invalid set of {ip}:{port}
delete       INFO  node.Store      deleting {key} from /data/disk{few}/current
removed      INFO  meta.Namespace  {key} removed from replica map
# trouble that is handled now and then, and part of a fault at other times
slow         WARN  node.Receiver   slow write of {key}: {ms} ms to mirror /{ip}
timeout      ERROR node.Receiver   timeout of {ms} ms waiting for mirror /{ip} of {key}
retry        INFO  client.Writer   retrying {key}, attempt {few}, excluding /{ip}
commit       ERROR meta.Namespace  commit of {key} failed: lease of u{user} is being renewed
redundant    WARN  meta.Namespace  redundant add request for {key} on {ip}:{port}
heap         WARN  node.Watchdog   heap at {percent} % while buffering {key}
abandoned    WARN  client.Writer   pipeline of {key} abandoned at node {few}
absent       WARN  node.Store      delete request for {key}: not in replica map
# only in faults
no_space     ERROR node.Store      no space left on /data/disk{few} for {key}, {size} bytes needed
killed       FATAL node.Watchdog   receiver of {key} killed: {size} KiB resident, over its limit
mismatch     WARN  node.Scanner    checksum of {key} is {hex}, expected {hex}
quarantine   INFO  node.Store      {key} moved to quarantine of disk{few}
""")

REPLICA = (
    "receiving",
    maybe(0.03, "slow"),
    maybe(0.01, ("timeout", maybe(0.2, "abandoned"), "retry", "receiving")),
    maybe(0.004, "heap"),
    "received",
    maybe(0.9, "responder"),
    "mapped",
)
READ = (
    "open",
    choice((3, "served"), (1, "cached"), (0.12, ("reset", "reopen", "served"))),
    maybe(0.85, "closed"),
)
COPY = ("ask", "transfer", "transmitted", "mapped")
DELETE = (parallel(2, 3, ("invalidate", "delete")), "removed")
WRITE = ("allocate", parallel(3, 3, REPLICA), maybe(0.01, times(1, 2, "commit")), "sealed")

WORKLOADS = (
    Workload(
        "write", 50, 40, 2.0, (*WRITE, maybe(0.3, "verified"), maybe(0.25, "recompressed", 0.5))
    ),
    Workload("write_read", 30, 22, 3.0, (*WRITE, times(1, 5, READ))),
    Workload("write_delete", 14, 14, 3.0, (*WRITE, maybe(0.2, READ), DELETE)),
    # the balancer was switched on lately: its share grows through the log
    Workload(
        "balance", 4, 20, 2.5, (*WRITE, "moving", COPY, "excess", "delete", maybe(0.1, "redundant"))
    ),
    Workload("repair", 2, 4, 2.5, (*WRITE, parallel(1, 2, COPY), maybe(0.15, "absent"))),
)
ANY = tuple(workload.name for workload in WORKLOADS)

FAULTS = (
    Fault(
        "network_timeout",
        ANY,
        (insert("receiving", (times(3, 6, ("timeout", "retry")), "abandoned")),),
    ),
    Fault("disk_full", ANY, (insert("receiving", ("no_space", "abandoned", "retry")),)),
    Fault(
        "out_of_memory",
        ANY,
        (cut("receiving"), insert("receiving", (times(2, 4, "heap"), maybe(0.5, "killed")))),
    ),
    Fault("missing_completion", ANY, (drop("sealed"),)),
    Fault("stuck_loop", ANY, (insert("receiving", times(6, 14, "retry")),)),
    Fault(
        "wrong_order",
        ("write",),
        (swap("allocate", "sealed"), insert("allocate", maybe(0.7, "allocate"))),
    ),
    Fault(
        "checksum_mismatch",
        ("write_read", "repair"),
        (insert("sealed", (times(1, 3, "mismatch"), "quarantine", "ask")),),
    ),
    Fault("silent_replicas", ("write", "write_read"), (drop("mapped"),)),
    Fault(
        "copy_stalls",
        ("balance", "repair"),
        (cut("transfer"), insert("transfer", times(3, 6, "slow"))),
    ),
    Fault(
        "ghost_delete",
        ("write_delete",),
        (drop("invalidate"), insert("removed", times(2, 4, "absent"))),
    ),
    Fault(
        "replica_storm",
        ("write", "balance"),
        (insert("mapped", times(4, 8, ("ask", "transfer", "mapped"))),),
    ),
)

SYSTEM = SimSystem(
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
