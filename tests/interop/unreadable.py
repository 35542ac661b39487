#!/usr/bin/env python3
"""Publishes a message with a text that is not UTF-8 where the protocol wants one, and a good message behind it."""

import argparse
import json

import pika

NO_TEXT = b"\xff"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--amqp", required=True)
    arguments.add_argument("--exchange", required=True)
    arguments.add_argument("--where", required=True, choices=["property", "routing key", "header name", "nested"])
    given = arguments.parse_args()
    key, properties = "conductor.joined", {}
    if given.where == "property":
        properties["content_type"] = NO_TEXT
    elif given.where == "routing key":
        key = b"conductor." + NO_TEXT
    elif given.where == "header name":
        properties["headers"] = {NO_TEXT: True}
    else:
        properties["headers"] = {"a": [{"b": {NO_TEXT: True}}]}
    connection = pika.BlockingConnection(pika.URLParameters(given.amqp))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish(given.exchange, key, b"bad", pika.BasicProperties(**properties), mandatory=True)
    # A header's value may be any bytes.
    fine = pika.BasicProperties(message_id="good", headers={"any": NO_TEXT})
    body = json.dumps({"conductor": "good", "incarnation": 1, "drivers": ["d"]}).encode()
    channel.basic_publish(given.exchange, "conductor.joined", body, fine, mandatory=True)
    connection.close()


if __name__ == "__main__":
    main()
