#!/usr/bin/env python3
"""A stranger's client: conductors and a scheduler in one, in another language than nodewarden's.

Written from the published contract and schemas/*.json alone. Plays one story against a running
nodewarden, prints a JSON line for each thing it saw, and ends with a plain sentence: exit code 0
if the promises held, 1 if one was broken. Conductors of the story must be unknown or long gone,
and nothing else may announce anything meanwhile.

  leave  c1 (drivers a, b) and c2 (driver a) join, c1 leaves: exactly the nodes of b go out of
         service, the snapshot agrees; c1 joins again: exactly those come back.
  beat   c1 (driver b) beats, stops beating, is announced as lost by its silence, joins again.
"""
import argparse
import json
import pathlib
import sys
import time
import urllib.parse
import urllib.request
import uuid

import jsonschema
import msgpack
import pika


class Broken(Exception):
    """A promise that was not kept; says which."""


def expect(holds, sentence):
    if not holds:
        raise Broken(sentence)


def now_ms():
    return int(time.time() * 1000)


def tell(**line):
    print(json.dumps(line), flush=True)


class Schemas:
    """The published JSON Schemas, by the message type that each describes."""

    def __init__(self, folder):
        self.files = {path.stem: json.loads(path.read_text()) for path in pathlib.Path(folder).glob("*.json")}
        expect(self.files, f"there are no schemas in {folder}")
        self.checked = {}

    def check(self, kind, message):
        schema = self.files.get(kind)
        expect(schema is not None, f"there is no schema for {kind}, only {sorted(self.files)}")
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        faults = [f"{fault.json_path}: {fault.message}" for fault in validator(schema).iter_errors(message)]
        expect(not faults, f"a {kind} does not satisfy its schema: {'; '.join(faults)}")
        self.checked[kind] = self.checked.get(kind, 0) + 1


class Stranger:
    """One connection: publishes what conductors say, hears what schedulers hear."""

    def __init__(self, options):
        self.options = options
        self.schemas = Schemas(options.schemas)
        self.connection = pika.BlockingConnection(pika.URLParameters(options.amqp))
        self.voice = self.connection.channel()
        self.voice.confirm_delivery()
        self.ear = self.connection.channel()
        self.queue = f"scheduler.stranger.{uuid.uuid4()}"
        self.ear.queue_declare(self.queue, exclusive=True,
                               arguments={"x-max-length": 10000, "x-overflow": "drop-head"})
        self.ear.queue_bind(self.queue, options.nodes_exchange, "node.#")
        self.inbox = []
        self.ear.basic_consume(self.queue, self.receive, auto_ack=True)
        # First bound, then the snapshot; what is above it must be heard.
        snapshot = self.snapshot()
        self.stream, self.seq, self.out = snapshot["stream"], snapshot["seq"], set(snapshot["out"])
        self.seen = {}  # message_id -> everything that a repeat must repeat

    def receive(self, _channel, method, properties, body):
        self.inbox.append((method.routing_key, properties, body))

    def say(self, event, conductor, incarnation, **fields):
        """Publishes one event, mandatory and confirmed."""
        message = {"conductor": conductor, "incarnation": incarnation, "sent_at_ms": now_ms(), **fields}
        self.schemas.check(event, message)
        properties = pika.BasicProperties(
            message_id=str(uuid.uuid4()), type=event, content_type="application/msgpack",
            delivery_mode=2, app_id="stranger", timestamp=int(time.time()))
        # Raises if no queue took it or the broker said no.
        self.voice.basic_publish(self.options.events_exchange, event, msgpack.packb(message),
                                 properties, mandatory=True)
        tell(said=event, conductor=conductor, incarnation=incarnation, message_id=properties.message_id)
        return properties.message_id

    def snapshot(self):
        """What is out of service: {stream, seq, out: {uuid: node}}."""
        pages, after = [], ""
        while after is not None:
            query = urllib.parse.urlencode({"limit": 100, **({"after": after} if after else {})})
            with urllib.request.urlopen(f"{self.options.http}/v1/snapshot?{query}", timeout=10) as answer:
                page = json.load(answer)
            for field in ("stream", "epoch", "seq", "nodes", "next"):
                expect(field in page, f"the snapshot has no {field}")
            pages.append(page)
            after = page["next"]
        expect(len({page["stream"] for page in pages}) == 1, "the stream changed between two pages")
        return {"stream": pages[0]["stream"], "seq": min(page["seq"] for page in pages),
                "out": {node["uuid"]: node for page in pages for node in page["nodes"]}}

    def agree(self):
        """The snapshot says what the announcements said."""
        snapshot = self.snapshot()
        expect(snapshot["stream"] == self.stream, "the snapshot is of another stream")
        expect(snapshot["seq"] == self.seq,
               f"the snapshot is as of seq {snapshot['seq']}, the announcements came to {self.seq}")
        expect(set(snapshot["out"]) == self.out, "snapshot and announcements do not name the same nodes: "
               f"{sorted(set(snapshot['out']) ^ self.out)}")
        tell(snapshot=sorted(snapshot["out"]), seq=snapshot["seq"])

    def hear(self, kind, nodes, within, **fields):
        """Waits for exactly `nodes`, in announcements of `kind` that carry `fields`."""
        missing, end = set(nodes), time.monotonic() + within
        while missing:
            left = end - time.monotonic()
            expect(left > 0, f"no {kind} within {within} s for {sorted(missing)}")
            if not self.inbox:
                self.connection.process_data_events(time_limit=left)
                continue
            heard, message = self.take()
            if message is None:
                continue
            expect(heard == kind, f"heard {heard} while waiting for {kind}: {message}")
            got = {node["uuid"] for node in message["nodes"]}
            expect(got <= missing, f"{kind} names nodes that it must not: {sorted(got - missing)}")
            for field, value in fields.items():
                expect(message[field] == value, f"{field} of {kind} is {message[field]!r}, not {value!r}")
            missing -= got
            if kind == "node.out_of_service":
                self.out |= got
            else:
                self.out -= got
        return message

    def quiet(self, seconds):
        """Nothing changes for a while (positions may come)."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.connection.process_data_events(time_limit=left)
            while self.inbox:
                heard, message = self.take()
                expect(message is None, f"heard {heard} where nothing had changed: {message}")

    def take(self):
        """The next message, checked; (kind, None) if it changes nothing."""
        key, properties, body = self.inbox.pop(0)
        kind = properties.type
        expect(kind == key, f"the type {kind!r} is not the routing key {key!r}")
        expect(properties.content_type == "application/msgpack", f"content_type of {kind}: {properties.content_type!r}")
        expect(properties.delivery_mode == 2, f"a {kind} is not persistent")
        for name in ("message_id", "app_id", "timestamp"):
            expect(getattr(properties, name), f"a {kind} has no {name}")
        message = msgpack.unpackb(body)
        self.schemas.check(kind, message)
        expect(message["stream"] == self.stream, f"a {kind} of another stream, {message['stream']}")
        # Everything that the broker carries for the publisher.
        whole = (body, kind, *(getattr(properties, name) for name in (
            "content_type", "app_id", "timestamp", "delivery_mode", "headers")))
        before = self.seen.setdefault(properties.message_id, whole)
        expect(before == whole, f"message_id {properties.message_id} came twice with different content")
        if kind == "node.position":
            expect(message["seq"] <= self.seq, f"position {message['seq']} is beyond what was announced, {self.seq}")
            return kind, None
        fresh = [node for node in message["nodes"] if node["seq"] > self.seq]
        if not fresh:
            return kind, None  # a repeat, or from before the snapshot
        seqs = [node["seq"] for node in fresh]
        expect(seqs == list(range(self.seq + 1, self.seq + 1 + len(seqs))),
               f"seq is not contiguous: {seqs} after {self.seq}")
        self.seq = seqs[-1]
        tell(heard=kind, seq=[seqs[0], seqs[-1]], driver=message["driver"], reason=message["reason"],
             cause=message["cause"], nodes=[node["uuid"] for node in fresh])
        return kind, {**message, "nodes": fresh}


def leave(stranger, options, nodes):
    first = now_ms()
    stranger.say("conductor.joined", "c1", first, drivers=["a", "b"])
    stranger.say("conductor.joined", "c2", first, drivers=["a"])
    started = time.monotonic()
    left = stranger.say("conductor.left", "c1", first, reason="stopped")
    message = stranger.hear("node.out_of_service", nodes["b"], options.within,
                            driver="b", conductor_group="", reason="driver_lost")
    took = time.monotonic() - started
    cause = {"event_id": left, "event": "conductor.left", "conductor": "c1"}
    expect(message["cause"] == cause, f"the cause is {message['cause']}, not {cause}")
    expect(message["last_good_at_ms"] is not None, "last_good_at_ms is null although c1 was there")
    stranger.agree()
    stranger.quiet(options.quiet)
    joined = stranger.say("conductor.joined", "c1", first + 1, drivers=["a", "b"])
    back = stranger.hear("node.back_in_service", nodes["b"], options.within,
                         driver="b", conductor_group="", reason="driver_restored",
                         decision_id=message["decision_id"])
    expect(back["cause"]["event_id"] == joined, f"the cause of the return is {back['cause']}")
    stranger.agree()
    stranger.quiet(options.quiet)
    return (f"c1 left and {len(nodes['b'])} nodes of driver b, and no others, were announced out of "
            f"service after {took * 1000:.0f} ms; c1 joined again and exactly those came back")


def beat(stranger, options, nodes):
    timeout, interval = 1.0, 0.25
    incarnation = now_ms()
    everything = {"drivers": ["b"], "heartbeat_timeout_ms": int(timeout * 1000),
                  "heartbeat_interval_ms": int(interval * 1000)}
    stranger.say("conductor.joined", "c1", incarnation, **everything)
    for beats in range(8):  # twice the time-out
        stranger.quiet(interval)
        fields = everything if beats % 4 == 0 else {}  # a complete one now and then, else bare
        stranger.say("conductor.heartbeat", "c1", incarnation, **fields)
    last = time.monotonic()
    # Silence. A replica that was active for less than its grace waits that out first.
    stranger.hear("node.out_of_service", nodes["b"], options.within + options.grace,
                  driver="b", conductor_group="", reason="driver_lost")
    silent = time.monotonic() - last
    expect(silent >= timeout, f"c1 was given up after {silent:.2f} s of silence, before its time-out of {timeout} s")
    stranger.agree()
    # The same incarnation may come back after a silence; it promises less, to be heard to its end.
    patient = {**everything, "heartbeat_timeout_ms": 60_000, "heartbeat_interval_ms": 1_000}
    stranger.say("conductor.heartbeat", "c1", incarnation, **patient)
    stranger.hear("node.back_in_service", nodes["b"], options.within,
                  driver="b", conductor_group="", reason="driver_restored")
    stranger.agree()
    # So that its nodes do not go out again before whoever started this has looked.
    stranger.say("conductor.left", "c1", incarnation, reason="the story is over", back_within_ms=600_000)
    return (f"c1 fell silent, its {len(nodes['b'])} nodes were announced out of service {silent:.2f} s "
            f"after its last heartbeat (time-out {timeout} s), and came back with its next one")


def nodes_of(text):
    """`a=uuid,uuid b=uuid` (or several options), by driver."""
    driver, equals, uuids = text.partition("=")
    if not equals or not driver:
        raise argparse.ArgumentTypeError(f"{text!r} is not DRIVER=UUID,UUID…")
    return driver, [one for one in uuids.split(",") if one]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--amqp", required=True, metavar="URL")
    options.add_argument("--http", required=True, metavar="URL", help="nodewarden's, for snapshots")
    options.add_argument("--events-exchange", default="conductor.events")
    options.add_argument("--nodes-exchange", default="node.events")
    options.add_argument("--schemas", required=True, metavar="DIR")
    options.add_argument("--story", required=True, choices=["leave", "beat"])
    options.add_argument("--nodes", required=True, action="append", type=nodes_of, metavar="DRIVER=UUID,…",
                         help="the nodes of a driver, all in service at the start; b is needed")
    options.add_argument("--within", type=float, default=10, metavar="SECONDS", help="how long an answer may take")
    options.add_argument("--grace", type=float, default=60, metavar="SECONDS",
                         help="decide.reconnect_grace of the nodewarden that is talked to")
    options.add_argument("--quiet", type=float, default=0.5, metavar="SECONDS",
                         help="how long to listen for what must not come")
    options = options.parse_args()
    options.http = options.http.rstrip("/")
    nodes = dict(options.nodes)
    try:
        expect(nodes.get("b"), "--nodes b=… is needed")
        stranger = Stranger(options)
        sentence = {"leave": leave, "beat": beat}[options.story](stranger, options, nodes)
        tell(result="ok", story=options.story, says=sentence, validated=stranger.schemas.checked)
    except (Broken, pika.exceptions.AMQPError, OSError, ValueError) as fault:
        says = str(fault) if isinstance(fault, Broken) else repr(fault)
        tell(result="broken", story=options.story, says=says)
        sys.exit(1)


if __name__ == "__main__":
    main()
