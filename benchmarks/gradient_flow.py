"""How long it takes to look into a trained network: an LSTM of 512 units, 200 steps back.

python benchmarks/gradient_flow.py
"""

import time

import torch

from elman.diagnose import gate_statistics, gradient_flow, hidden_states, jacobian_spectrum

STEPS, ROWS, FEATURES, UNITS, LAGS = 300, 8, 64, 512, 200


def main() -> None:
    """Prints the seconds of each."""
    torch.manual_seed(0)
    model, x = torch.nn.LSTM(FEATURES, UNITS), torch.randn(STEPS, ROWS, FEATURES)

    def loss(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        output, _ = model(x)
        return output.square().sum(-1)

    looks = {
        f"gradient_flow, {LAGS} lags, 8 positions": lambda: gradient_flow(model, x, loss, lags=LAGS),
        "jacobian_spectrum, 32 steps": lambda: jacobian_spectrum(model, x),
        "gate_statistics": lambda: gate_statistics(model, x),
        "hidden_states": lambda: hidden_states(model, x),
    }
    print(f"LSTM of {UNITS} units, {ROWS} rows of {STEPS} steps; {torch.get_num_threads()} threads")
    for name, look in looks.items():
        begin = time.perf_counter()
        look()
        print(f"{name:40} {time.perf_counter() - begin:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
