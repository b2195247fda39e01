"""Random numbers of one run, apart from those of the program around it.

torch has one generator for each device, which all threads of a process share. A run that seeds it changes the
program's random numbers, and two runs in two threads change each other's. So a run draws from generators of
its own.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_THREAD = threading.local()
_TORCHS_GENERATORS = threading.RLock()


class Draws:
    """The random numbers of one run: a generator for each device, all with the same seed.

    The numbers are those that torch's own generators give after ``torch.manual_seed(seed)``.

    Args:
        seed: in [0, 2^63).
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generators: dict[torch.device, torch.Generator] = {}

    def on(self, device: torch.device) -> torch.Generator:
        """Returns the generator of a device."""
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]

    @contextmanager
    def used(self) -> Iterator[None]:
        """Makes this package's layers, heads and models draw from this run's generators, in this thread."""
        before = getattr(_THREAD, "draws", None)
        _THREAD.draws = self
        try:
            yield
        finally:
            _THREAD.draws = before

    @contextmanager
    def building(self) -> Iterator[None]:
        """Makes all of torch's operations draw from this run's generators, in this thread.

        Each operation takes some microseconds longer, so this is for making a model.
        """
        with self.used(), _Redirected(self):
            yield

    def running(self, model: nn.Module) -> AbstractContextManager[None]:
        """Makes a model's calls draw from this run's generators.

        A model with parts from outside this package may draw from torch's generators. They are lent to one
        run at a time.
        """
        return self._lent(model) if _may_draw_from_torch(model) else self.used()

    @contextmanager
    def _lent(self, model: nn.Module) -> Iterator[None]:
        """Puts this run's numbers in the place of torch's, and restores torch's at the end."""
        devices = {torch.device("cpu"), *(p.device for p in model.parameters() if p.is_cuda)}
        with _TORCHS_GENERATORS:
            torchs = {device: _torchs_generator(device) for device in devices}
            before = {device: torchs[device].get_state() for device in devices}
            for device in devices:
                torchs[device].set_state(self.on(device).get_state())
            try:
                yield
            finally:
                for device in devices:
                    self.on(device).set_state(torchs[device].get_state())
                    torchs[device].set_state(before[device])


class TorchsDraws(Draws):
    """Torch's own generators, for a loop that runs in a program that seeds them itself."""

    def __init__(self) -> None:
        super().__init__(0)

    def on(self, device: torch.device) -> torch.Generator:
        """Returns torch's generator of a device."""
        return _torchs_generator(device)

    @contextmanager
    def running(self, model: nn.Module) -> Iterator[None]:
        """Changes nothing."""
        yield


def generator(device: torch.device) -> torch.Generator | None:
    """Returns the generator that this thread draws from on a device; None: torch's own."""
    draws: Draws | None = getattr(_THREAD, "draws", None)
    return None if draws is None else draws.on(device)


def dropout(x: Tensor, p: float) -> Tensor:
    """Torch's dropout in training, with the same masks on a CPU, from this thread's generator."""
    if not 0 < p < 1 or torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return F.dropout(x, p)
    own = generator(x.device)
    if own is None:
        return F.dropout(x, p)
    return x * torch.empty_like(x).bernoulli_(1 - p, generator=own).div_(1 - p)


def rand(*shape: int, device: torch.device) -> Tensor:
    """Draws numbers in [0, 1) from this thread's generator."""
    own = None if torch.compiler.is_compiling() else generator(device)
    if own is None:  # torch's form with a generator takes no shape that only a run knows
        return torch.rand(*shape, device=device)
    return torch.rand(*shape, device=device, generator=own)


@contextmanager
def for_shapes() -> Iterator[None]:
    """Makes models without memory or numbers, on the device ``meta``, for their parameters' shapes.

    torch imports its compiler, which takes as long as the rest of torch, to draw normal numbers there.
    """
    with _Undrawn(), torch.device("meta"):
        yield


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where normal numbers would be drawn into them."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is nn.init.normal_ or func is Tensor.normal_:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


class _Redirected(TorchDispatchMode):
    """Gives every random operation of this thread a run's generator."""

    def __init__(self, draws: Draws) -> None:
        super().__init__()
        self._draws = draws

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        random = _with_generator(func)
        if random is None or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        device = args[0].device if args and isinstance(args[0], Tensor) else kwargs.get("device")
        return random(*args, **kwargs, generator=self._draws.on(torch.device(device or "cpu")))


def _with_generator(func: Any) -> Any:
    """Returns the form of an operation that takes a generator; None if it draws nothing."""
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func
    overload = func._overloadname
    name = "generator" if overload == "default" else f"{overload}_generator"
    packet = func.overloadpacket
    return getattr(packet, name) if name in packet.overloads() else None


def _may_draw_from_torch(model: nn.Module) -> bool:
    """Whether a part of a model may draw from torch's generators: torch's dropout, or code of the user's."""
    return any(
        isinstance(module, (_DropoutNd, nn.RNNBase, nn.MultiheadAttention, nn.RReLU))
        or not all(
            type(part).__module__.startswith(("elman.", "torch.nn."))
            for part in (module, getattr(module, "cell", module))
        )
        for module in model.modules()
    )


def _torchs_generator(device: torch.device) -> torch.Generator:
    """Returns torch's own generator of a device."""
    if device.type == "cuda":
        torch.cuda.init()
        index = torch.cuda.current_device() if device.index is None else device.index
        return torch.cuda.default_generators[index]
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()
    return torch.default_generator
