"""Which cells follow a state: parity, learnt on 20 bits, asked of the last of 200.

    python recipes/state_tracking.py [--cells lstm,slstm,min-gru] [--seeds 3]

One layer of 32 units, at most 40 epochs of 3,000 new sequences, ended once the validation loss is below 0.01
nats. In a cell without a recurrent product each unit adds up what it reads, with a decay between 0 and 1: it
may answer at the lengths that it was trained on, but does not follow the state beyond.
"""

import argparse

from recipe import command

import elman

CELLS = "elman,lstm,gru,slstm,lem,min-gru,min-lstm,rg-lru,lru"
OPTIONS = {"length": 20, "hidden_size": 32, "sequences": 3000, "held_out": 500, "learning_rate": 0.01}
LONGER = 200


def measured(cell: str, seed: int, **options: int) -> tuple[float, float]:
    """Trains a run; returns the shares of right last answers, at the length of training and at the longer."""
    task = elman.ParityProblem(
        **OPTIONS | {"epochs": 40} | options, cell=cell, seed=seed, stop_at=0.01
    ).train()
    long = task.try_on(length=LONGER, sequences=1000, show=0)
    return task.results["test"]["last_step"], long["figures"]["last_step"]


def row(cell: str, seeds: int, **options: int) -> str:
    """A row of the table: the cell, and the median of both shares over seeds."""
    found = sorted(measured(cell, seed, **options)[::-1] for seed in range(seeds))
    long, short = found[len(found) // 2]
    return f"| {cell} | {short:.3f} | {long:.3f} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default=CELLS)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    print(f"| cell | the last of {OPTIONS['length']} bits | the last of {LONGER} |\n|---|---|---|")
    for cell in given.cells.split(","):
        print(row(cell, given.seeds), flush=True)


if __name__ == "__main__":
    command(main)
