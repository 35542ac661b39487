#!/usr/bin/env python3
"""A minimal conductor: says that it joined, beats, says that it leaves. Needs pika and msgpack.

Copy it: all that nodewarden asks of a conductor is here."""
import argparse
import random
import signal
import time
import uuid

import msgpack
import pika


class Voice:
    """Publishes events, each until the broker has confirmed it."""

    def __init__(self, url, exchange, conductor, longest_pause):
        self.parameters = pika.URLParameters(url)
        self.parameters.heartbeat = 10  # a dead broker is noticed within 20 s
        self.parameters.socket_timeout = self.parameters.stack_timeout = 5
        self.parameters.blocked_connection_timeout = 10
        self.exchange, self.conductor, self.longest_pause = exchange, conductor, longest_pause
        self.incarnation = now_ms()  # higher at each start
        self.connection = self.channel = None

    def hang_up(self):
        try:
            if self.connection is not None and self.connection.is_open:
                self.connection.close()
        except (pika.exceptions.AMQPError, OSError):
            pass
        self.connection = self.channel = None

    def say(self, event, give_up=lambda: False, **fields):
        """Publishes one event. A repeat carries the same message_id and the same bytes, so it
        changes nothing where the first one did arrive. False: `give_up` said so."""
        body = msgpack.packb({"conductor": self.conductor, "incarnation": self.incarnation,
                              "sent_at_ms": now_ms(), **fields})
        properties = pika.BasicProperties(
            message_id=str(uuid.uuid4()), type=event, content_type="application/msgpack",
            delivery_mode=2, app_id="example-conductor", timestamp=int(time.time()),
            user_id=self.parameters.credentials.username)  # the broker checks it
        pause = 0.1
        while not give_up():
            try:
                if self.channel is None:
                    self.connection = pika.BlockingConnection(self.parameters)
                    self.channel = self.connection.channel()
                    self.channel.confirm_delivery()
                # With confirms on, this returns once the broker has the message, and raises if
                # it said no or (mandatory) if no queue took it: nodewarden was never there.
                self.channel.basic_publish(self.exchange, event, body, properties, mandatory=True)
                return True
            except (pika.exceptions.AMQPError, OSError) as fault:
                print(f"{event} not confirmed, trying again: {fault!r}", flush=True)
                self.hang_up()
                time.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, self.longest_pause)
        return False

    def wait(self, seconds, stop):
        """Waits while the connection is served: AMQP heartbeats need it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not stop() and self.connection:
            try:
                self.connection.sleep(min(left, 0.25))
            except (pika.exceptions.AMQPError, OSError):
                self.hang_up()  # the next event reconnects, at once


def now_ms():
    return int(time.time() * 1000)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--amqp", default="amqp://guest:guest@127.0.0.1:5672/%2f", metavar="URL")
    options.add_argument("--exchange", default="conductor.events")
    options.add_argument("--name", required=True, help="the conductor's name, unique")
    options.add_argument("--group", default="", help="its conductor group")
    options.add_argument("--drivers", required=True, help="the drivers it supports: a,b")
    options.add_argument("--timeout", type=float, default=30,
                         help="it is lost after so many seconds without a heartbeat (1 to 3600)")
    options.add_argument("--back-within", type=float, metavar="SECONDS",
                         help="leaving is a planned restart: its nodes stay in service that long")
    options = options.parse_args()

    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))

    timeout_ms = int(options.timeout * 1000)
    interval_ms = timeout_ms // 4  # at most a third of the time-out
    # In every heartbeat (once a minute would do): a nodewarden that lost its database learns it.
    everything = {"conductor_group": options.group, "drivers": options.drivers.split(","),
                  "heartbeat_timeout_ms": timeout_ms, "heartbeat_interval_ms": interval_ms}
    voice = Voice(options.amqp, options.exchange, options.name,
                  longest_pause=options.timeout / 8)  # back well within half of the time-out
    stop = lambda: bool(stopped)
    # Nothing else before joined is confirmed.
    if voice.say("conductor.joined", give_up=stop, **everything):
        print(f"joined as {options.name}, incarnation {voice.incarnation}", flush=True)
        while not stop():
            voice.wait(min(interval_ms / 1000, 60), stop)
            if not stop():
                voice.say("conductor.heartbeat", give_up=stop, **everything)
        # Stopping must not hang on a broker that is gone: the silence tells nodewarden then.
        end = time.monotonic() + 5
        leave = {"reason": "stopped"}
        if options.back_within:
            leave = {"reason": "restart", "back_within_ms": int(options.back_within * 1000)}
        if voice.say("conductor.left", give_up=lambda: time.monotonic() > end, **leave):
            print("left", flush=True)
    voice.hang_up()


if __name__ == "__main__":
    main()
