"""`sim_vms`: a scheduler of virtual machines. A session is one instance.

Every line says `[instance: UUID]`. Instances boot from an image or a volume, are resized,
migrated, snapshotted and deleted.
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
from glx.data.simulate.values import COMMON, hexadecimal, number, second, uuid


def header(seconds: float, level: str, component: str, rng: Random) -> str:
    """`2024-06-11T09:14:02.118Z 2931 INFO compute.manager [req-5f3a9c1e] `"""
    date = second(int(seconds), "%Y-%m-%dT%H:%M:%S")
    request = f"{rng.getrandbits(32):08x}"
    pid = 2900 + int(rng.random() * 40)
    return f"{date}.{int(seconds % 1 * 1000):03d}Z {pid} {level} {component} [req-{request}] "


EVENTS = {
    # admission and scheduling
    "request": Event(
        "INFO", "api.servers", "[instance: {key}] POST /v2/servers accepted, flavor {flavor}"
    ),
    "quota": Event("INFO", "api.quota", "[instance: {key}] reserved {vcpus} vcpus and {mb} MB"),
    "filter": Event("INFO", "sched.filters", "[instance: {key}] {hosts} of 240 hosts pass filters"),
    "weigh": Event(
        "INFO", "sched.weights", "[instance: {key}] best host cn-{host}, weight {ratio}"
    ),
    "claim": Event("INFO", "compute.claims", "[instance: {key}] claim of {mb} MB successful"),
    "reschedule": Event(
        "ERROR",
        "sched.manager",
        "[instance: {key}] build failed on cn-{host}, will be re-scheduled",
    ),
    # building
    "image_hit": Event(
        "INFO", "virt.images", "[instance: {key}] image {hash} is in the local cache"
    ),
    "image_fetch": Event("INFO", "virt.images", "[instance: {key}] fetching image {hash}, {mb} MB"),
    "volume": Event(
        "INFO", "volume.attach", "[instance: {key}] volume vol-{hex} attached as /dev/vdb"
    ),
    "port": Event("INFO", "network.ports", "[instance: {key}] port {hex} bound to {ip}"),
    "plugged": Event("INFO", "network.events", "[instance: {key}] received network-vif-plugged"),
    "spawn": Event("INFO", "virt.driver", "[instance: {key}] guest created, xml {hash}"),
    "started": Event("INFO", "compute.lifecycle", "[instance: {key}] VM started (lifecycle event)"),
    "built": Event("INFO", "compute.manager", "[instance: {key}] took {seconds} seconds to build"),
    "metadata": Event("INFO", "metadata.wsgi", "[instance: {key}] {ip} GET /latest/meta-data"),
    "agent": Event("INFO", "guest.agent", "[instance: {key}] guest agent reports version 1.{few}"),
    # life
    "sync": Event("INFO", "compute.sync", "[instance: {key}] power state 1 agrees with database"),
    "sync_pending": Event(
        "INFO", "compute.sync", "[instance: {key}] pending task during power sync, skip"
    ),
    "snapshot": Event("INFO", "compute.snapshot", "[instance: {key}] snapshot of {mb} MB begins"),
    "uploaded": Event("INFO", "virt.images", "[instance: {key}] snapshot {hash} uploaded"),
    "resize": Event("INFO", "api.servers", "[instance: {key}] resize to flavor {flavor}"),
    "confirmed": Event("INFO", "compute.manager", "[instance: {key}] resize confirmed"),
    "migrate": Event("INFO", "compute.migrate", "[instance: {key}] live migration to cn-{host}"),
    "copied": Event(
        "INFO", "virt.migrate", "[instance: {key}] memory copied {percent} %, {mb} MB remain"
    ),
    "migrated": Event("INFO", "compute.migrate", "[instance: {key}] migration to {ip} completed"),
    # end
    "stopping": Event("INFO", "compute.manager", "[instance: {key}] terminating instance"),
    "destroyed": Event("INFO", "virt.driver", "[instance: {key}] guest destroyed after {ms} ms"),
    "unbound": Event("INFO", "network.ports", "[instance: {key}] port {hex} released"),
    "deleted": Event(
        "INFO", "virt.files", "[instance: {key}] deletion of /var/vms/{hash} complete"
    ),
    # trouble that is handled now and then, and part of a fault at other times
    "not_found": Event(
        "WARNING",
        "api.servers",
        "[instance: {key}] GET: exception 404 ignored, not yet in this cell",
    ),
    "bus_timeout": Event(
        "ERROR", "rpc.bus", "[instance: {key}] timed out waiting {ms} ms for a reply from {ip}"
    ),
    "resend": Event("INFO", "rpc.bus", "[instance: {key}] message {hex} sent again to {ip}"),
    "acpi": Event(
        "ERROR", "virt.driver", "[instance: {key}] guest failed to answer ACPI, forcing it off"
    ),
    "balloon": Event(
        "WARNING", "virt.memory", "[instance: {key}] balloon at {percent} % of {mb} MB"
    ),
    "paused": Event("INFO", "compute.lifecycle", "[instance: {key}] VM paused (lifecycle event)"),
    # only in faults
    "disk": Event(
        "ERROR", "virt.files", "[instance: {key}] /var/vms is full, {mb} MB short for image {hash}"
    ),
    "killed": Event(
        "WARNING",
        "virt.memory",
        "[instance: {key}] host took back {mb} MB, guest process {pid} gone",
    ),
    "affinity": Event(
        "INFO", "sched.filters", "[instance: {key}] group {hex} wants cn-{host} both in and out"
    ),
}

PLACE = (
    "filter",
    "weigh",
    Maybe(0.02, Times(1, 2, ("reschedule", "filter", "weigh"))),
    "claim",
)
NETWORK = ("port", Maybe(0.012, ("bus_timeout", "resend")), "plugged")
START = ("spawn", Maybe(0.04, "paused"), "started")
IMAGE = OneOf(((4, "image_hit"), (1, "image_fetch")))
BOOT = (
    "request",
    Maybe(0.03, "not_found"),
    "quota",
    PLACE,
    IMAGE,
    NETWORK,
    START,
    "built",
    Times(1, 3, "metadata"),
    Maybe(0.2, "agent", 0.5),
)
BOOT_VOLUME = (
    "request",
    "quota",
    PLACE,
    Parallel(2, 3, (Maybe(0.02, ("bus_timeout", "resend")), "volume")),
    NETWORK,
    START,
    "built",
    Times(1, 3, "metadata"),
    Maybe(0.2, "agent", 0.5),
)
IDLE = Times(0, 4, OneOf(((6, "sync"), (1, "sync_pending"), (0.1, "balloon"))))
DELETE = (
    "stopping",
    Maybe(0.02, "acpi"),
    "destroyed",
    Maybe(0.9, "unbound"),
    "deleted",
)

WORKLOADS = (
    Workload("boot", 46, 34, 4.0, (BOOT, IDLE, DELETE)),
    Workload("boot_volume", 20, 20, 4.0, (BOOT_VOLUME, IDLE, DELETE)),
    Workload("snapshot", 16, 12, 5.0, (BOOT, IDLE, "snapshot", "paused", "uploaded", IDLE, DELETE)),
    Workload(
        "resize", 12, 10, 5.0, (BOOT, IDLE, "resize", PLACE, START, "confirmed", IDLE, DELETE)
    ),
    # evacuation of old hosts began lately: migrations become more frequent
    Workload(
        "migrate",
        6,
        24,
        5.0,
        (BOOT, IDLE, "migrate", Times(1, 4, "copied"), "plugged", "migrated", IDLE, DELETE),
    ),
)
ANY = tuple(workload.name for workload in WORKLOADS)

FAULTS = (
    Fault(
        "network_timeout", "shared", ANY, (Insert("port", Times(3, 6, ("bus_timeout", "resend"))),)
    ),
    Fault("disk_full", "shared", ANY, (Insert("claim", ("disk", "reschedule", PLACE)),)),
    Fault(
        "out_of_memory",
        "shared",
        ANY,
        (Insert("metadata", (Times(2, 4, "balloon"), Maybe(0.5, "killed"), "destroyed")),),
    ),
    Fault("missing_completion", "shared", ANY, (Drop("built"),)),
    Fault("stuck_loop", "shared", ANY, (Insert("plugged", Times(6, 14, "sync_pending")),)),
    Fault(
        "wrong_order",
        "shared",
        ("boot", "boot_volume"),
        (Swap("quota", "built"), Insert("quota", Maybe(0.7, "quota"))),
    ),
    Fault(
        "affinity_conflict",
        "proprietary",
        ANY,
        (Insert("weigh", Times(1, 3, ("affinity", "filter", "weigh"))),),
    ),
    Fault("no_network", "proprietary", ANY, (Drop("plugged"), Drop("metadata"))),
    Fault(
        "endless_copy",
        "proprietary",
        ("migrate",),
        (Cut("copied"), Insert("copied", Times(8, 16, "copied"))),
    ),
    Fault("orphan", "proprietary", ("boot", "boot_volume"), (Drop("stopping"), Drop("deleted"))),
    Fault(
        "start_flap", "proprietary", ANY, (Insert("started", Times(3, 6, ("paused", "started"))),)
    ),
)

SYSTEM = System(
    name="sim_vms",
    session=r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    key=uuid,
    arrivals=0.5,
    start=1_718_090_000.0,
    header=header,
    values=COMMON
    | {
        "flavor": number(1, 9),
        "vcpus": number(1, 16),
        "mb": number(256, 65_536),
        "hosts": number(3, 200),
        "host": number(100, 339),
        "pid": number(2000, 60_000),
        "seconds": number(4, 90),
        "ratio": number(1, 999),
        "hash": hexadecimal(32),
    },
    events=EVENTS,
    workloads=WORKLOADS,
    faults=FAULTS,
)
