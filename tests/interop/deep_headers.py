#!/usr/bin/env python3
"""Publishes one message whose headers are nested as deep as asked: hostile input for a consumer."""

import argparse
import sys
import threading

import pika


def publish(url, exchange, levels):
    nested = {}
    for _ in range(levels):
        nested = {"a": nested}
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish(
        exchange,
        "conductor.joined",
        b"\x80",
        pika.BasicProperties(type="conductor.joined", message_id="deep", headers=nested),
        mandatory=True,
    )
    connection.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--amqp", required=True)
    arguments.add_argument("--exchange", required=True)
    arguments.add_argument("--levels", type=int, required=True)
    given = arguments.parse_args()
    failed = []

    def work():
        try:
            publish(given.amqp, given.exchange, given.levels)
        except BaseException as fault:  # whatever it is, the test must see it
            failed.append(repr(fault))

    # Writing such headers needs as much stack as reading them.
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(1024 * 1024 * 1024)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        sys.exit(f"not published: {failed[0][:500]}")


if __name__ == "__main__":
    main()
