"""`sim_vms`: a scheduler of virtual machines. A session is one instance.

Every line says `[instance: UUID]`. Instances boot from an image or a volume, are resized,
migrated, snapshotted and deleted.
"""

from random import Random

from glx.data.simulate.grammar import choice, cut, drop, insert, maybe, parallel, swap, times
from glx.data.simulate.system import Fault, SimSystem, Workload, event_table
from glx.data.simulate.values import COMMON, hexadecimal, number, second, uuid


def header(seconds: float, level: str, component: str, rng: Random) -> str:
    """`2024-06-11T09:14:02.118Z 2931 INFO compute.manager [req-5f3a9c1e] `"""
    date = second(int(seconds), "%Y-%m-%dT%H:%M:%S")
    request = f"{rng.getrandbits(32):08x}"
    pid = 2900 + int(rng.random() * 40)
    return f"{date}.{int(seconds % 1 * 1000):03d}Z {pid} {level} {component} [req-{request}] "


EVENTS = event_table(
    """
# admission and scheduling
request      INFO    api.servers       POST /v2/servers accepted, flavor {flavor}
quota        INFO    api.quota         reserved {vcpus} vcpus and {mb} MB
filter       INFO    sched.filters     {hosts} of 240 hosts pass filters
weigh        INFO    sched.weights     best host cn-{host}, weight {ratio}
claim        INFO    compute.claims    claim of {mb} MB successful
reschedule   ERROR   sched.manager     build failed on cn-{host}, will be re-scheduled
# building
image_hit    INFO    virt.images       image {hash} is in the local cache
image_fetch  INFO    virt.images       fetching image {hash}, {mb} MB
volume       INFO    volume.attach     volume vol-{hex} attached as /dev/vdb
port         INFO    network.ports     port {hex} bound to {ip}
plugged      INFO    network.events    received network-vif-plugged
spawn        INFO    virt.driver       guest created, xml {hash}
started      INFO    compute.lifecycle VM started (lifecycle event)
built        INFO    compute.manager   took {seconds} seconds to build
metadata     INFO    metadata.wsgi     {ip} GET /latest/meta-data
agent        INFO    guest.agent       guest agent reports version 1.{few}
# life
sync         INFO    compute.sync      power state 1 agrees with database
sync_pending INFO    compute.sync      pending task during power sync, skip
snapshot     INFO    compute.snapshot  snapshot of {mb} MB begins
uploaded     INFO    virt.images       snapshot {hash} uploaded
resize       INFO    api.servers       resize to flavor {flavor}
confirmed    INFO    compute.manager   resize confirmed
migrate      INFO    compute.migrate   live migration to cn-{host}
copied       INFO    virt.migrate      memory copied {percent} %, {mb} MB remain
migrated     INFO    compute.migrate   migration to {ip} completed
# end
stopping     INFO    compute.manager   terminating instance
destroyed    INFO    virt.driver       guest destroyed after {ms} ms
unbound      INFO    network.ports     port {hex} released
deleted      INFO    virt.files        deletion of /var/vms/{hash} complete
# trouble that is handled now and then, and part of a fault at other times
not_found    WARNING api.servers       GET: exception 404 ignored, not yet in this cell
bus_timeout  ERROR   rpc.bus           timed out waiting {ms} ms for a reply from {ip}
resend       INFO    rpc.bus           message {hex} sent again to {ip}
acpi         ERROR   virt.driver       guest failed to answer ACPI, forcing it off
balloon      WARNING virt.memory       balloon at {percent} % of {mb} MB
paused       INFO    compute.lifecycle VM paused (lifecycle event)
# only in faults
disk         ERROR   virt.files        /var/vms is full, {mb} MB short for image {hash}
killed       WARNING virt.memory       host took back {mb} MB, guest process {pid} gone
affinity     INFO    sched.filters     group {hex} wants cn-{host} both in and out
""",
    before="[instance: {key}] ",
)

RANK = ("filter", "weigh")
PLACE = (*RANK, maybe(0.02, times(1, 2, ("reschedule", *RANK))), "claim")
MESSAGE_LOST = ("bus_timeout", "resend")
NETWORK = ("port", maybe(0.012, MESSAGE_LOST), "plugged")
START = ("spawn", maybe(0.04, "paused"), "started")
IMAGE = choice((4, "image_hit"), (1, "image_fetch"))
VOLUMES = parallel(2, 3, (maybe(0.02, MESSAGE_LOST), "volume"))
READY = (NETWORK, START, "built", times(1, 3, "metadata"), maybe(0.2, "agent", 0.5))
BOOT = ("request", maybe(0.03, "not_found"), "quota", PLACE, IMAGE, READY)
BOOT_VOLUME = ("request", "quota", PLACE, VOLUMES, READY)
IDLE = times(0, 4, choice((6, "sync"), (1, "sync_pending"), (0.1, "balloon")))
DELETE = ("stopping", maybe(0.02, "acpi"), "destroyed", maybe(0.9, "unbound"), "deleted")
MIGRATE = ("migrate", times(1, 4, "copied"), "plugged", "migrated")

WORKLOADS = (
    Workload("boot", 46, 34, 4.0, (BOOT, IDLE, DELETE)),
    Workload("boot_volume", 20, 20, 4.0, (BOOT_VOLUME, IDLE, DELETE)),
    Workload("snapshot", 16, 12, 5.0, (BOOT, IDLE, "snapshot", "paused", "uploaded", IDLE, DELETE)),
    Workload(
        "resize", 12, 10, 5.0, (BOOT, IDLE, "resize", PLACE, START, "confirmed", IDLE, DELETE)
    ),
    # evacuation of old hosts began lately: migrations become more frequent
    Workload("migrate", 6, 24, 5.0, (BOOT, IDLE, MIGRATE, IDLE, DELETE)),
)
ANY = tuple(workload.name for workload in WORKLOADS)

FAULTS = (
    Fault("network_timeout", ANY, (insert("port", times(3, 6, MESSAGE_LOST)),)),
    Fault("disk_full", ANY, (insert("claim", ("disk", "reschedule", PLACE)),)),
    Fault(
        "out_of_memory",
        ANY,
        (insert("metadata", (times(2, 4, "balloon"), maybe(0.5, "killed"), "destroyed")),),
    ),
    Fault("missing_completion", ANY, (drop("built"),)),
    Fault("stuck_loop", ANY, (insert("plugged", times(6, 14, "sync_pending")),)),
    Fault(
        "wrong_order",
        ("boot", "boot_volume"),
        (swap("quota", "built"), insert("quota", maybe(0.7, "quota"))),
    ),
    Fault("affinity_conflict", ANY, (insert("weigh", times(1, 3, ("affinity", *RANK))),)),
    Fault("no_network", ANY, (drop("plugged"), drop("metadata"))),
    Fault("endless_copy", ("migrate",), (cut("copied"), insert("copied", times(8, 16, "copied")))),
    Fault("orphan", ("boot", "boot_volume"), (drop("stopping"), drop("deleted"))),
    Fault("start_flap", ANY, (insert("started", times(3, 6, ("paused", "started"))),)),
)

SYSTEM = SimSystem(
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
