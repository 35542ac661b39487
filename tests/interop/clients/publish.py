"""Publishes as Python services do: kombu, which OpenStack's own clients stand on, and aio-pika. Each line
on standard output is a conductor that joined and sent a heartbeat.

    python publish.py AMQP_URL EXCHANGE
"""

import asyncio
import json
import sys
import time
import uuid

import aio_pika
import kombu
import msgpack


def bodies(conductor):
    """Type and body of what a conductor says."""
    now = time.time() * 1000
    alive = {"conductor": conductor, "incarnation": int(now), "heartbeat_timeout_ms": 600_000}
    statement = alive | {"drivers": [conductor]}
    # A clock gives floats; a whole one is what is left when it was rounded.
    yield "conductor.joined", statement | {"sent_at_ms": float(round(now))}
    yield "conductor.heartbeat", alive | {"sent_at_ms": float(round(now))}


def with_kombu(url, exchange):
    with kombu.Connection(url) as connection:
        target = kombu.Exchange(exchange, type="topic", durable=True, no_declare=True)
        for serializer in ["msgpack", "json"]:
            conductor = f"kombu-{serializer}"
            producer = connection.Producer(exchange=target, serializer=serializer, auto_declare=False)
            for event, body in bodies(conductor):
                producer.publish(body, routing_key=event, type=event, message_id=str(uuid.uuid4()),
                                 mandatory=True)
            print(conductor, flush=True)


async def with_aio_pika(url, exchange):
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        target = await channel.get_exchange(exchange, ensure=False)
        for name, encode, properties in [
            ("msgpack", msgpack.packb, {}),
            ("single", lambda body: msgpack.packb(body | {"incarnation": 7.0, "sent_at_ms": None},
                                                  use_single_float=True), {}),
            ("json", lambda body: json.dumps(body).encode(), {}),
            ("spelled", lambda body: json.dumps(body).encode(),
             {"content_type": "Application/JSON", "content_encoding": "UTF8"}),
        ]:
            conductor = f"aio-pika-{name}"
            for event, body in bodies(conductor):
                await target.publish(
                    aio_pika.Message(encode(body), type=event, message_id=str(uuid.uuid4()),
                                     timestamp=time.time(), **properties), routing_key=event)
            print(conductor, flush=True)


if __name__ == "__main__":
    with_kombu(*sys.argv[1:])
    asyncio.run(with_aio_pika(*sys.argv[1:]))
