"""Many Flower clients in one process, one thread each.

Each has its own identity, connection, heartbeat and ClientApp, and speaks the Fleet API through the code that a SuperNode
uses. Left out is what a SuperNode does on its own side: storing the message once more and starting a Python process for
every message.
"""

import argparse
import os
import sys
import threading
import time
from functools import partial
from pathlib import Path

from flwr.app import Context, Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import (
    pull_and_inflate_object_from_tree,
    push_objects,
)
from flwr.supernode.fleet_http_connection import http_request_response

sys.path.insert(0, str(Path(__file__).parent / "app"))
from exchange.client_app import app  # noqa: E402

# Of flwr/supernode/start_client_internal.py and flwr/supercore/constant.py.
STOCK_POLL_SECONDS = 3.0
STOCK_BACKOFF_SECONDS = 1.0
EAGER_SECONDS = 0.1


class Bell:
    """Wakes all clients of this process when one of them finds that a round has begun."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.rings = 0

    def ring(self) -> None:
        with self.changed:
            self.rings += 1
            self.changed.notify_all()

    def wait(self, heard: int, seconds: float) -> int:
        """Wait until it rings once more than `heard`. Returns the rings so far."""
        with self.changed:
            self.changed.wait_for(lambda: self.rings > heard, seconds)
            return self.rings


def run_client(index: int, args: argparse.Namespace, bell: Bell) -> None:
    """Connect and answer messages until the process ends, which it does when one client cannot go on."""
    eager, lookout = args.eager, index == args.first
    with http_request_response(args.superlink, True) as connection:
        node_id, receive, send, _, _, pull, push, confirm = connection
        print(f"connected {index}", flush=True)
        heard = bell.rings
        while True:
            received = receive()
            if received is None:
                if not eager:
                    time.sleep(STOCK_POLL_SECONDS)
                elif lookout:
                    time.sleep(EAGER_SECONDS)
                else:
                    heard = bell.wait(heard, STOCK_POLL_SECONDS)
                continue
            if lookout:
                bell.ring()
            head, tree = received
            run_id = head.metadata.run_id
            message = pull_and_inflate_object_from_tree(
                tree,
                partial(pull, run_id),
                partial(confirm, run_id),
                return_type=Message,
                initial_backoff=EAGER_SECONDS if eager else STOCK_BACKOFF_SECONDS,
            )
            message.metadata.__dict__["_message_id"] = tree.object_id
            context = Context(
                run_id=run_id,
                node_id=node_id,
                node_config={"partition-id": index},
                state=RecordDict(),
                run_config={},
            )
            reply = app(message, context)
            reply.metadata.__dict__["_message_id"] = reply.object_id
            with no_object_id_recompute():
                ids, session = send(reply, get_object_tree(reply), 0.0)
                objects = get_all_nested_objects(reply)
                push_objects(objects, partial(push, run_id, session), object_ids_to_push=ids)
    os._exit(1)


def main() -> None:
    """Start clients number first, first + 1, …"""
    parser = argparse.ArgumentParser()
    parser.add_argument("--superlink", required=True)
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--eager", action="store_true")
    args = parser.parse_args()
    bell = Bell()
    for index in range(args.first, args.first + args.count):
        threading.Thread(target=run_client, args=(index, args, bell), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
