"""Nova's own code, as far as it touches Placement: its pass over Ironic's nodes, its requests for
candidates, its claims. Reads one command a line as JSON and answers each with a line; run by `openstack`."""
import configparser
import json
import os
import sys
import time
import uuid

from nova import config, context, exception, objects

config.parse_args(["nova", "--config-file", sys.argv[1]])
objects.register_all()

from nova.scheduler import request_filter, utils  # noqa: E402
from nova.scheduler.client import report  # noqa: E402
from nova.virt.ironic import driver  # noqa: E402
from openstack.baremetal.v1.node import Node  # noqa: E402

ctx = context.get_admin_context()
client = report.SchedulerReportClient()
# Its constructor wants a whole nova-compute.
ironic = object.__new__(driver.IronicDriver)


def aggregate(name):
    made = objects.Aggregate(context=ctx, name=name, uuid=str(uuid.uuid4()))
    made.create()
    made.update_metadata({"trait:CUSTOM_NODEWARDEN_OUT_OF_SERVICE": "required"})
    return made.uuid


def tried_again(change):
    """Four times, as Nova does (ResourceTracker._update): `placement` may write the same provider at that moment."""
    for _ in range(3):
        try:
            return change()
        except exception.PlacementAPIConflict:
            pass
    return change()


def one_pass(nodes, refresh=False):
    """As the resource tracker does for each node (ResourceTracker._update_to_placement). `nodes`: uuid → whether
    it is in maintenance. With `refresh` as if [compute] resource_provider_association_refresh were over."""
    if refresh:
        client.clear_provider_cache()
    ironic.node_cache = {
        node: Node(id=node, name=node, resource_class="bm", provision_state="available", is_maintenance=maintenance,
                   traits=[], properties={"cpu_arch": "x86_64"}, power_state="power off")
        for node, maintenance in nodes.items()}
    ironic.node_cache_time = time.time()

    def look(node):
        tree = client.get_provider_tree_and_ensure_root(ctx, node, name=node)
        ironic.update_provider_tree(tree, node)
        client.update_from_provider_tree(ctx, tree)

    for node in nodes:
        tried_again(lambda: look(node))


def aggregate_named(name):
    found = [one.uuid for one in objects.AggregateList.get_all(ctx) if one.name == name]
    return found[0] if found else None


def name_of(aggregate):
    return objects.Aggregate.get_by_uuid(ctx, aggregate).name


def placement_database():
    from sqlalchemy import create_engine
    conf = configparser.ConfigParser(interpolation=None)
    conf.read(os.path.join(os.path.dirname(sys.argv[1]), "..", "placement", "placement.conf"))
    return create_engine(conf["placement_database"]["connection"])


def many(nodes):
    """Providers for thousands of nodes at once, as one_pass makes them: copies of the first, which exists."""
    from sqlalchemy import text
    model, names = nodes[0], (
        "resource_class_id, total, reserved, min_unit, max_unit, step_size, allocation_ratio, created_at, updated_at")
    with placement_database().begin() as database:
        last = database.execute(text("SELECT MAX(id) FROM resource_providers")).scalar()
        database.execute(text("INSERT INTO resource_providers (uuid, name, generation, created_at, updated_at)"
                              " VALUES (:uuid, :uuid, 1, UTC_TIMESTAMP(), UTC_TIMESTAMP())"),
                         [{"uuid": node} for node in nodes[1:]])
        database.execute(text("UPDATE resource_providers SET root_provider_id = id WHERE root_provider_id IS NULL"))
        database.execute(text(
            f"INSERT INTO inventories (resource_provider_id, {names}) SELECT p.id, i.{names.replace(', ', ', i.')}"
            " FROM resource_providers p, inventories i JOIN resource_providers m ON m.id = i.resource_provider_id"
            " WHERE m.uuid = :model AND p.id > :last"), {"model": model, "last": last})


def join_many(nodes, aggregate):
    """Memberships of thousands of nodes at once."""
    from sqlalchemy import text
    with placement_database().begin() as database:
        database.execute(text("INSERT IGNORE INTO placement_aggregates (uuid) VALUES (:uuid)"), {"uuid": aggregate})
        database.execute(text(
            "INSERT IGNORE INTO resource_provider_aggregates (resource_provider_id, aggregate_id) SELECT p.id, a.id"
            " FROM resource_providers p, placement_aggregates a WHERE p.uuid = :node AND a.uuid = :aggregate"),
            [{"node": node, "aggregate": aggregate} for node in nodes])


def request():
    """A request for one bare-metal node, after Nova's filters of requests."""
    resources = {"resources:CUSTOM_BM": "1"}
    resources.update({f"resources:{name}": "0" for name in ("VCPU", "MEMORY_MB", "DISK_GB")})
    flavor = objects.Flavor(id=1, flavorid="bm", name="bm", memory_mb=0, vcpus=0, root_gb=0, ephemeral_gb=0, swap=0,
                            extra_specs=resources)
    spec = objects.RequestSpec(
        context=ctx, flavor=flavor, image=objects.ImageMeta(properties=objects.ImageMetaProps()), num_instances=1,
        project_id="p", user_id="u", availability_zone=None, is_bfv=False, requested_resources=[],
        request_level_params=objects.RequestLevelParams(), limits=objects.SchedulerLimits(),
        instance_uuid=str(uuid.uuid4()), force_hosts=None, force_nodes=None, instance_group=None, scheduler_hints={},
        security_groups=objects.SecurityGroupList(objects=[]), pci_requests=objects.InstancePCIRequests(requests=[]),
        numa_topology=None, requested_networks=objects.NetworkRequestList(objects=[]), retry=None, ignore_hosts=None,
        requested_destination=None, network_metadata=objects.NetworkMetadata(physnets=set(), tunneled=False))
    request_filter.process_reqspec(ctx, spec)
    return spec


def forbidden():
    """The aggregates of which a request is offered nothing."""
    destination = request().requested_destination
    return sorted(destination.forbidden_aggregates or []) if destination else []


def candidates():
    """The providers that a request for one bare-metal node is offered."""
    spec = request()
    wanted = utils.resources_from_request_spec(ctx, spec, None)
    wanted._limit = None
    got = client.get_allocation_candidates(ctx, wanted)
    return sorted(got[1] or {})


def claim(node):
    consumer = str(uuid.uuid4())
    request = {"allocations": {node: {"resources": {"CUSTOM_BM": 1}}}}
    return client.claim_resources(ctx, consumer, request, "p", "u", "1.36")


def aggregates_of(node):
    return sorted(client._get_provider_aggregates(ctx, node).aggregates)


def join(node, aggregate):
    """Somebody else's membership."""
    def add():
        client.get_provider_tree_and_ensure_root(ctx, node, name=node)
        held = client._get_provider_aggregates(ctx, node)
        client.set_aggregates_for_provider(ctx, node, set(held.aggregates) | {aggregate}, generation=held.generation)

    tried_again(add)


def delete(node):
    client.delete(f"/resource_providers/{node}", global_request_id=ctx.global_id)
    client.clear_provider_cache()


COMMANDS = {"aggregate": aggregate, "aggregate_named": aggregate_named, "name_of": name_of, "many": many,
            "join_many": join_many, "forbidden": forbidden, "pass": one_pass, "candidates": candidates, "claim": claim,
            "aggregates_of": aggregates_of, "join": join, "delete": delete}
for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = {"ok": COMMANDS[command.pop("do")](**command)}
    except Exception as fault:  # the story shows it
        answer = {"error": f"{type(fault).__name__}: {fault}"}
    print(json.dumps(answer), flush=True)
