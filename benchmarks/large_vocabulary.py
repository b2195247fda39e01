"""The loss of a word model: some rows of logits at a time, against the table of all of them.

Forward and backward of the head alone, on one batch; both ways alternate.

    python benchmarks/large_vocabulary.py [--rounds N]
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from elman.kernels.cross_entropy import linear_cross_entropy

SIZES = ((4480, 20_000, 256), (2240, 10_000, 200), (2000, 8_000, 512))  # targets, words, features
TYPES = (torch.float32, torch.bfloat16)


def at_once(*given: torch.Tensor) -> torch.Tensor:
    """Torch's two calls."""
    features, weight, bias, targets = given
    return F.cross_entropy(F.linear(features, weight, bias), targets, reduction="sum")


def seconds(loss, given: list[torch.Tensor], dtype: torch.dtype) -> float:
    """Of one forward and backward pass."""
    for tensor in given[:3]:
        tensor.grad = None
    begin = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        total = loss(*given)
    total.backward()
    return time.perf_counter() - begin


def main() -> None:
    """Prints the medians, their ratio, and the quartiles of the ratio over the rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads, {rounds} rounds; milliseconds")
    print("targets    words  features  type       all at once   some rows   ratio (quartiles)")
    for targets, words, features in SIZES:
        weight = torch.randn(words, features) / features**0.5
        given = [torch.randn(targets, features), weight, torch.zeros(words)]
        given = [*(t.requires_grad_() for t in given), torch.randint(words, (targets,))]
        for dtype in TYPES:
            times = [
                [seconds(loss, given, dtype) for loss in (at_once, linear_cross_entropy)]
                for _ in range(rounds + 1)
            ][1:]
            slow, fast = (1e3 * statistics.median(each) for each in zip(*times, strict=True))
            low, middle, high = statistics.quantiles((a / b for a, b in times), n=4)
            print(
                f"{targets:7,}  {words:7,}  {features:8}  {str(dtype).removeprefix('torch.'):9}  {slow:11.0f}"
                f"  {fast:10.0f}   {middle:.2f} ({low:.2f}–{high:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
