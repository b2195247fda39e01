"""The text of a header: constants, helper functions, and functions that are written line by line."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from elman.exporters.rounding import quantized

_COLUMNS = 12  # numbers in a line

HELPERS = {
    "sigmoid": "float {name}(float x) {{ return 1.0f / (1.0f + expf(-x)); }}",
    "sign": "float {name}(float x) {{ return (float)((x > 0.0f) - (x < 0.0f)); }}",
    "maximum": "float {name}(float a, float b) {{ return a > b || a != a ? a : b; }}",
    "minimum": "float {name}(float a, float b) {{ return a < b || a != a ? a : b; }}",
    "softplus": "float {name}(float x) {{ return log1pf(expf(-fabsf(x))) + (x > 0.0f ? x : 0.0f); }}",
    "select": "float {name}(int mask, float a, float b) {{ return mask ? a : b; }}",
    "product": """void {name}(const float *restrict w, const float *b, const float *restrict x, int n, int m,
                             float *restrict y) {{
  for (int j = 0; j < m; ++j) y[j] = 0.0f;
  for (int i = 0; i < n; ++i, w += m)
    for (int j = 0; j < m; ++j) y[j] += x[i] * w[j];
  if (b)
    for (int j = 0; j < m; ++j) y[j] += b[j];
}}""",
    "product8": """void {name}(const int8_t *restrict w, const float *scale, const float *b,
                              const float *restrict x, int n, int m, float *restrict y) {{
  for (int j = 0; j < m; ++j) y[j] = 0.0f;
  for (int i = 0; i < n; ++i, w += m)
    for (int j = 0; j < m; ++j) y[j] += x[i] * (float)w[j];
  for (int j = 0; j < m; ++j) y[j] = y[j] * scale[j] + (b ? b[j] : 0.0f);
}}""",
    "softmax": """void {name}(const float *x, int n, int logarithms, float *y) {{
  float highest = x[0], sum = 0.0f;
  for (int i = 1; i < n; ++i) highest = x[i] > highest ? x[i] : highest;
  for (int i = 0; i < n; ++i) sum += expf(x[i] - highest);
  for (int i = 0; i < n; ++i)
    y[i] = logarithms ? x[i] - highest - logf(sum) : expf(x[i] - highest) / sum;
}}""",
    "normal": """void {name}(const float *x, int n, float epsilon, float *y) {{
  float mean = 0.0f, variance = 0.0f;
  for (int i = 0; i < n; ++i) mean += x[i];
  mean /= (float)n;
  for (int i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean);
  variance = 1.0f / sqrtf(variance / (float)n + epsilon);
  for (int i = 0; i < n; ++i) y[i] = (x[i] - mean) * variance;
}}""",
}
"""Functions that a header may need; all of them leave what they read as it is."""

_OF_C = {
    "absolute": "fabsf",
    "root": "sqrtf",
    "tanh": "tanhf",
    "exponential": "expf",
    "exponential_less_one": "expm1f",
    "logarithm": "logf",
    "logarithm_of_one_more": "log1pf",
    "sine": "sinf",
    "cosine": "cosf",
    "error_function": "erff",
}
"""C's names of functions of ``simd.hpp``."""


class Header:
    """What stands in a header.

    Args:
        name: with which all its names begin.
        int8: whether matrices are written in int8.
    """

    def __init__(self, name: str, int8: bool = False) -> None:
        self.name, self.int8 = name, int8
        self.constants: dict[tuple[Any, ...], str] = {}
        self.helpers: set[str] = set()
        self.texts: list[str] = []
        self.functions: list[str] = []
        self.weight_bytes = 0

    def array(self, numbers: Any, kind: str = "float") -> str:
        """Returns the name of a constant array."""
        if isinstance(numbers, Tensor):
            numbers = numbers.detach().cpu().float().numpy()
        array = np.asarray(numbers).ravel().astype({"float": "f4", "int8_t": "i1", "int32_t": "i4"}[kind])
        key = (kind, array.tobytes())
        if key not in self.constants:
            self.constants[key] = f"{self.name}_k{len(self.constants)}"
            self.weight_bytes += array.nbytes
            texts = [literal(float(v)) if kind == "float" else str(v) for v in array]
            lines = [", ".join(texts[k : k + _COLUMNS]) for k in range(0, len(texts), _COLUMNS)]
            body = ",\n  ".join(lines)
            self.texts.append(f"static const {kind} {self.constants[key]}[{len(array)}] = {{\n  {body}}};")
        return self.constants[key]

    def helper(self, name: str) -> str:
        """Returns the name of a helper function, which is then written."""
        self.helpers.add(name)
        return f"{self.name}_{name}"

    def product(self, weight: Tensor, bias: Tensor | None, x: str, y: str) -> str:
        """Returns the line of a product x · weight + bias, for a weight [n, m]."""
        n, m = weight.shape
        added = "0" if bias is None else self.array(bias)
        if self.int8:
            levels, unit = quantized(weight.detach().t())
            arrays = f"{self.array(levels.T, 'int8_t')}, {self.array(unit)}"
            return f"{self.helper('product8')}({arrays}, {added}, {x}, {n}, {m}, {y});"
        return f"{self.helper('product')}({self.array(weight)}, {added}, {x}, {n}, {m}, {y});"

    def translated(self, text: str) -> str:
        """Returns the C of an operation whose text is C++ with functions of ``simd.hpp``."""
        text = text.replace("(~", "(!")
        return re.sub(
            r"\b([a-z_]+)\(", lambda match: f"{_OF_C.get(match[1]) or self.helper(match[1])}(", text
        )

    def function(self, signature: str, lines: Sequence[str]) -> None:
        """Adds a function; its body's lines are indented."""
        body = "\n".join(f"  {line}" for line in lines)
        self.functions.append(f"static inline void {signature} {{\n{body}\n}}")

    def text(self, about: Sequence[str], declarations: Sequence[str]) -> str:
        """Returns the header.

        Args:
            about: lines of the comment at its head.
            declarations: what stands before the constants.
        """
        guard = f"{self.name.upper()}_H"
        comment = "\n".join([f"/* {about[0]}", *(f"   {line}".rstrip() for line in about[1:])]) + " */"
        helpers = [
            f"static inline {HELPERS[name].format(name=f'{self.name}_{name}')}"
            for name in HELPERS
            if name in self.helpers
        ]
        parts = [
            comment,
            f"#ifndef {guard}\n#define {guard}",
            "#include <math.h>\n#include <stdint.h>\n#include <string.h>",
            *declarations,
            *self.texts,
            *helpers,
            *self.functions,
            f"#endif /* {guard} */",
        ]
        return "\n\n".join(parts) + "\n"


def literal(number: float) -> str:
    """Returns a float32 as C reads it without loss."""
    if number in (float("inf"), float("-inf")):
        return f"{'-' if number < 0 else ''}INFINITY"
    text = f"{number:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
