"""Nova's own code, as far as it touches Placement: its pass over Ironic's nodes, its requests for
candidates, its claims. Reads one command a line as JSON and answers each with a line; run by `openstack`."""
import json
import sys
import time
import uuid

from nova import config, context, objects

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
    for node in nodes:
        tree = client.get_provider_tree_and_ensure_root(ctx, node, name=node)
        ironic.update_provider_tree(tree, node)
        client.update_from_provider_tree(ctx, tree)


def candidates():
    """The providers that a request for one bare-metal node is offered."""
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
    client.get_provider_tree_and_ensure_root(ctx, node, name=node)
    held = client._get_provider_aggregates(ctx, node)
    client.set_aggregates_for_provider(ctx, node, set(held.aggregates) | {aggregate}, generation=held.generation)


def delete(node):
    client.delete(f"/resource_providers/{node}", global_request_id=ctx.global_id)
    client.clear_provider_cache()


COMMANDS = {"aggregate": aggregate, "pass": one_pass, "candidates": candidates, "claim": claim,
            "aggregates_of": aggregates_of, "join": join, "delete": delete}
for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = {"ok": COMMANDS[command.pop("do")](**command)}
    except Exception as fault:  # the story shows it
        answer = {"error": f"{type(fault).__name__}: {fault}"}
    print(json.dumps(answer), flush=True)
