"""The example scheduler's receipts, on a clock of the test's and a broker that refuses: run by examples.rs."""
import sys

import msgpack
import pika

sys.path.insert(0, sys.argv[1])
import scheduler  # noqa: E402

now, published, refusing, told = 1000.0, [], False, []
scheduler.time.monotonic = lambda: now
scheduler.tell = lambda **line: told.append(line["change"])


class Broker:
    """A connection and its channels, as far as receipts use them."""
    opened = 0

    def channel(self):
        self.opened += 1
        return self

    def basic_publish(self, exchange, key, body, properties):
        if refusing:
            raise pika.exceptions.ChannelClosedByBroker(404, "no exchange")
        published.append((exchange, key, msgpack.unpackb(body)["seq"]))


def said():
    """What is published by now."""
    receipts.say(fleet)
    done = published[:]
    published.clear()
    return [seq for _, _, seq in done]


fleet = scheduler.Fleet("http://127.0.0.1:9")
fleet.stream, fleet.seq = "s", 7
broker = Broker()
receipts = scheduler.Receipts(broker, "receipts", "example")
receipts.say(fleet)
assert published == [("receipts", "scheduler.applied", 7)], published
published.clear()
fleet.seq = 8
assert said() == [], "at most one a second"
now += 1
assert said() == [8]
now += 59
assert said() == []
now += 1
assert said() == [8], "again each minute"

fleet.seq, refusing = 9, True
now += 1
assert said() == [] and told == ["no_receipts"], told
refusing = False
now += 29
assert said() == [], "not before 30 s"
assert broker.opened == 1
now += 1
assert said() == [9], "on a new channel, and though 9 was tried before"
assert broker.opened == 2

fleet.seq, fleet.refused = 10, True
now += 100
assert said() == [], "what could not be carried out is not said to be"
