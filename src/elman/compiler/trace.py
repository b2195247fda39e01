"""Records the tensor operations of a function: the one part of the compiler that needs torch's inside."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_OURS = str(Path(__file__).parent)
_TORCHS = str(Path(torch.__file__).parent)


class NotCompilable(ValueError):
    """A cell has no program; the message is one line with the file, the line and the rule."""


@dataclass(frozen=True)
class Ref:
    """A tensor of a record.

    Attributes:
        number: its number, in order of appearance.
        shape: its shape.
    """

    number: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """One operation.

    Attributes:
        op: torch's name, such as "aten.mul.Tensor".
        function: torch's operator.
        args: arguments, with a ``Ref`` for each tensor.
        kwargs: arguments by name, likewise.
        results: the tensors that it returned; None for results of other types.
        where: file and line that asked for it.
        writes: whether it changes an argument.
    """

    op: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: tuple[Ref | None, ...]
    where: str
    writes: bool


class Recorder(TorchDispatchMode):
    """Records every operation on tensors within its block, in order.

    Attributes:
        calls: the operations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._refs: dict[int, Ref] = {}
        self._alive: list[Tensor] = []  # so that no other tensor takes the identity of one that is gone

    def tensor(self, ref: Ref) -> Tensor:
        """Returns the tensor that a reference stands for."""
        return self._alive[ref.number]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spares the import of torch's compiler, which takes as long as the rest of torch."""
        return False

    def ref(self, tensor: Tensor) -> Ref:
        """Returns the tensor's reference, a new one if it has none."""
        if id(tensor) not in self._refs:
            self._refs[id(tensor)] = Ref(len(self._alive), tuple(tensor.shape))
            self._alive.append(tensor)
        return self._refs[id(tensor)]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operation and writes it down."""
        kwargs = kwargs or {}
        given = (self._noted(args), self._noted(kwargs))
        result = func(*args, **kwargs)
        results = result if isinstance(result, (tuple, list)) else (result,)
        refs = tuple(self.ref(r) if isinstance(r, Tensor) else None for r in results)
        self.calls.append(Call(str(func), func, *given, refs, _where(), func._schema.is_mutable))
        return result

    def _noted(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.ref(value)
        if isinstance(value, (tuple, list)):
            return tuple(map(self._noted, value))
        if isinstance(value, dict):
            return {name: self._noted(own) for name, own in value.items()}
        return value


def _where() -> str:
    """Returns file and line of the innermost caller outside torch and this package's compiler."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_OURS, _TORCHS)):
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
