#!/usr/bin/env python3
"""A minimal scheduler's ear: always knows which nodes are out of service.

Needs pika and msgpack. Copy it: binding, snapshot, gaps and repeats are all here.
Prints one JSON line for each change.
"""
import argparse
import json
import random
import time
import urllib.parse
import urllib.request
import uuid
from http.client import HTTPException

import msgpack
import pika


class Fleet:
    """The nodes that are out of service, as of `seq` in `stream`."""

    def __init__(self, http):
        self.http = http.rstrip("/")
        self.stream, self.seq, self.out = None, 0, {}
        self.refused = False  # something of it could not be carried out

    def take_snapshot(self):
        """Reads what is out of service now. Over several pages the smallest `seq` counts: what
        happened while we read is told again, and telling it twice does no harm."""
        while True:
            pages, after = [], ""
            while after is not None:
                query = urllib.parse.urlencode({"after": after} if after else {})
                with urllib.request.urlopen(f"{self.http}/v1/snapshot?{query}", timeout=10) as answer:
                    pages.append(json.load(answer))
                after = pages[-1]["next"]
            if len({page["stream"] for page in pages}) == 1:
                break  # else the history changed between two pages: again
        self.stream, self.seq = pages[0]["stream"], min(page["seq"] for page in pages)
        self.out = {node["uuid"]: node for page in pages for node in page["nodes"]}
        tell(change="snapshot", stream=self.stream, seq=self.seq, out=sorted(self.out))

    def hear(self, kind, message):
        """Applies one message."""
        if kind == "node.position":
            # It names the last seq given: if we have not come so far, the end was lost.
            if message["stream"] != self.stream or message["seq"] > self.seq:
                self.take_snapshot()
            return
        if kind not in ("node.out_of_service", "node.back_in_service"):
            return  # a kind from the future
        if message["stream"] != self.stream or message["nodes"][0]["seq"] > self.seq + 1:
            self.take_snapshot()  # another history, or a gap
        if message["stream"] != self.stream:
            return  # a late message of a history that is over
        for node in message["nodes"]:
            if node["seq"] <= self.seq:
                continue  # a repeat, or in the snapshot already
            self.seq = node["seq"]
            about = {"uuid": node["uuid"], "name": node.get("name"), "driver": message["driver"],
                     "conductor_group": message["conductor_group"], "reason": message["reason"],
                     "decision_id": message["decision_id"]}
            if kind == "node.out_of_service":
                # Work placed on it after message["last_good_at_ms"] is suspect.
                self.out[node["uuid"]] = about
                tell(change="out", seq=self.seq, **about)
            else:
                self.out.pop(node["uuid"], None)
                tell(change="back", seq=self.seq, **about)


def tell(**line):
    print(json.dumps(line), flush=True)


class Receipts:
    """Tells nodewarden how far we are: at most once a second, and again each minute. On a channel of
    its own, which the broker closes if the exchange is missing: we listen on and try again in 30 s."""

    def __init__(self, connection, exchange, subscriber):
        self.connection, self.exchange, self.subscriber = connection, exchange, subscriber
        self.channel, self.not_before = None, 0
        self.said, self.at, self.applied_at_ms = None, 0, 0

    def say(self, fleet):
        applied = (fleet.stream, fleet.seq)
        is_new = applied != self.said
        now = time.monotonic()
        if not self.subscriber or fleet.refused or now < self.not_before or now - self.at < (1 if is_new else 60):
            return
        if is_new:
            self.applied_at_ms = int(time.time() * 1000)
        body = msgpack.packb({"subscriber": self.subscriber, "stream": fleet.stream, "seq": fleet.seq,
                              "applied_at_ms": self.applied_at_ms})
        try:
            self.channel = self.channel or self.connection.channel()
            self.channel.basic_publish(self.exchange, "scheduler.applied", body, pika.BasicProperties(
                type="scheduler.applied", content_type="application/msgpack", delivery_mode=2, expiration="60000"))
            self.said, self.at = applied, now
        except pika.exceptions.AMQPChannelError as fault:
            tell(change="no_receipts", why=repr(fault))
            self.channel, self.said, self.not_before = None, None, now + 30


def listen(options, fleet):
    parameters = pika.URLParameters(options.amqp)
    parameters.heartbeat = 10
    parameters.socket_timeout = parameters.stack_timeout = 5
    connection = pika.BlockingConnection(parameters)
    try:
        channel = connection.channel()
        # A queue of our own that ends with us. A full one drops its head, and the gap tells us;
        # one that rejects would hold up everybody's announcements.
        queue = f"{options.queue}.{uuid.uuid4()}"
        channel.queue_declare(queue, exclusive=True, auto_delete=True,
                              arguments={"x-max-length": 10000, "x-overflow": "drop-head"})
        channel.queue_bind(queue, options.exchange, "node.#")
        # First bound, then the snapshot: nothing falls in between.
        fleet.take_snapshot()
        receipts = Receipts(connection, options.receipts, options.subscriber)
        for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=1):
            if method:  # else nothing came for a second
                fleet.hear(properties.type or method.routing_key, msgpack.unpackb(body))
            receipts.say(fleet)
    finally:
        if connection.is_open:
            connection.close()


def main(fleet=Fleet, description=__doc__):
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--amqp", default="amqp://guest:guest@127.0.0.1:5672/%2f", metavar="URL")
    options.add_argument("--http", default="http://127.0.0.1:8780", metavar="URL",
                         help="nodewarden's; any replica will do")
    options.add_argument("--exchange", default="node.events")
    options.add_argument("--queue", default="scheduler.example", help="how its queue's name begins")
    options.add_argument("--subscriber", help="say under this name how far we are, as `nodewarden status` shows it")
    options.add_argument("--receipts", default="scheduler.receipts", metavar="EXCHANGE", help="where to")
    options = options.parse_args()
    fleet = fleet(options.http)
    while True:
        try:
            listen(options, fleet)
        except (pika.exceptions.AMQPError, OSError, HTTPException, ValueError) as fault:
            tell(change="reconnect", why=repr(fault))
        time.sleep(random.uniform(0.5, 1.5))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
