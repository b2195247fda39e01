"""The compiler of cells: one time step, written in Python, becomes a kernel.

``trace`` records what a step computes, ``read`` turns the record into a ``Program`` over vectors of units and
the products around it, ``form`` finds what the kernels take, ``adjoint`` derives the backward pass, ``keep``
chooses what the forward pass stores for it, ``emit`` writes both as C++, ``build`` compiles them, ``kernel``
puts the result in the table of kernels, and ``engine`` says when.
"""

from elman.compiler.engine import compile, settle
from elman.compiler.trace import NotCompilable

__all__ = ["NotCompilable", "compile", "settle"]
