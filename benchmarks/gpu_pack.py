"""Builds the folder from which ``make gpu`` runs on a machine with a GPU and without a network.

That machine has Python 3.12, torch with CUDA and NumPy; the folder holds the few other packages that the
tests marked ``gpu`` need, unpacked for it. polars, matplotlib and tokenizers are left out, and so are Elman's
compiled kernels, which run on a CPU only.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACK = ROOT / "gpu-pack"
PACKAGES = (
    "safetensors",
    "lightning-fabric",
    "lightning-utilities",
    "packaging",
    "pytest",
    "pluggy",
    "iniconfig",
    "pygments",
)
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
LARGEST = 50  # MiB


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Builds the folder from which make gpu runs on a machine without a network."
    )
    parser.add_argument("--python-version", default="3.12", help="of the machine with the GPU")
    parser.add_argument("--machine", default="x86_64", help="its processors, as uname -m names them")
    options = parser.parse_args()
    shutil.rmtree(PACK, ignore_errors=True)
    site = PACK / "site"
    platforms = [f"--platform={name}_{options.machine}" for name in PLATFORMS]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--target", str(site), "--no-deps", "--only-binary", ":all:", "--no-compile"),
            *("--python-version", options.python_version, *platforms),
            *("--constraint", str(ROOT / "constraints.txt"), *PACKAGES),
        ],
        check=True,
    )
    shutil.rmtree(site / "bin", ignore_errors=True)
    files = [path for path in PACK.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 2**20
    print(f"{PACK}: {len(files):,} files, {size:.1f} MiB, for Python {options.python_version}")
    if size > LARGEST:
        sys.exit(f"the pack must have at most {LARGEST} MiB")


if __name__ == "__main__":
    main()
