"""The report of ``make gpu``, tried on a CPU."""

import os
import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def test_the_table_has_a_row_for_each_layer():
    command = [sys.executable, str(SCRIPT), "--part", "table"]
    environment = os.environ | {"ELMAN_GPU_TESTS": "cpu", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "a trial on cpu: its times say nothing" in ran.stdout
    rows = re.findall(r"^\| (LSTM|GRU|RNN) \| 5 × 2 × 8 (?:\| \d+\.\d+ ){4}\|$", ran.stdout, re.MULTILINE)
    assert rows == ["LSTM", "GRU", "RNN"]
