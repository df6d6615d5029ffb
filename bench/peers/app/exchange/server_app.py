"""Flower's FedAvg as a user would run it, with a stopwatch around it."""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.superlink.grid import http_grid

from exchange.client_app import num_examples, shift

EAGER_POLL_SECONDS = 0.1

app = ServerApp()


class TimedFedAvg(FedAvg):
    """Notes when each round begins (Unix time) and how long adding up takes (seconds)."""

    def __init__(self, nodes: int) -> None:
        super().__init__(
            fraction_evaluate=0.0, min_train_nodes=nodes, min_available_nodes=nodes
        )
        self.began: list[float] = []
        self.aggregate_seconds: list[float] = []

    def configure_train(self, server_round, arrays, config, grid):
        self.began.append(time.time())
        return super().configure_train(server_round, arrays, config, grid)

    def aggregate_train(self, server_round, replies):
        start = time.perf_counter()
        result = super().aggregate_train(server_round, replies)
        self.aggregate_seconds.append(time.perf_counter() - start)
        return result


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Exchange weights for some rounds and write a report for whoever started us."""
    config = context.run_config
    nodes, rounds = config["nodes"], config["rounds"]
    if config["eager"]:
        poll_eagerly()
    initial = np.random.default_rng(1).standard_normal(
        config["mib"] * 2**18, dtype=np.float32
    )
    while len(list(grid.get_node_ids())) < nodes:
        time.sleep(0.1)

    strategy = TimedFedAvg(nodes)
    result = strategy.start(grid, ArrayRecord([initial]), num_rounds=rounds)
    ended = time.time()

    weights = [num_examples(index) for index in range(nodes)]
    mean = np.average([shift(index) for index in range(nodes)], weights=weights)
    (final,) = result.arrays.to_numpy_ndarrays()
    expected = initial.astype(np.float64) + rounds * mean
    report = {
        "marks": [*strategy.began, ended],
        "aggregateSeconds": strategy.aggregate_seconds,
        "maxError": float(np.abs(final - expected).max()),
    }
    path = Path(config["report"])
    path.with_suffix(".part").write_text(json.dumps(report))
    os.replace(path.with_suffix(".part"), path)


def poll_eagerly() -> None:
    """Shorten the wait between two looks for replies, which Flower fixes at 3 seconds."""
    http_grid.time = SimpleNamespace(
        time=time.time, sleep=lambda _: time.sleep(EAGER_POLL_SECONDS)
    )
