"""Puts Elman's layers under torch's names, for programs that build their own or ask for ``isinstance``."""

import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from types import ModuleType

import torch
from torch import nn
from torch.nn.modules import rnn

from elman.config import require
from elman.layers import torch_like

_NAMES = ("RNNBase", "RNN", "LSTM", "GRU", "RNNCellBase", "RNNCell", "LSTMCell", "GRUCell")
_OURS: dict[type[nn.Module], type[nn.Module]] = {
    getattr(rnn, name): getattr(torch_like, name) for name in _NAMES
}
_HOMES = (torch.nn, torch.nn.modules, rnn)

_lock = threading.RLock()
_counts: dict[tuple[str, str], int] = {}
"""How many open swaps hold each name: (module, attribute)."""
_here = threading.local()
"""Of each thread: how many swaps it opened, and torch's setting before."""


class Swap:
    """Torch's names stand for Elman's classes until ``restore`` or the end of a ``with`` block."""

    def __init__(self, packages: Iterable[str]) -> None:
        self._places: list[tuple[ModuleType, str, type[nn.Module]]] = []
        with _lock:
            for module, name, theirs in _places(packages):
                key = (module.__name__, name)
                _counts[key] = _counts.get(key, 0) + 1
                setattr(module, name, _OURS[theirs])
                self._places.append((module, name, theirs))
            _allow_rnn(True)

    def restore(self) -> None:
        """Gives torch's names back, unless another swap still holds them; a second call does nothing."""
        with _lock:
            if self._places:
                _allow_rnn(False)
            while self._places:
                module, name, theirs = self._places.pop()
                key = (module.__name__, name)
                _counts[key] -= 1
                if not _counts[key]:
                    del _counts[key]
                    if getattr(module, name, None) is _OURS[theirs]:  # otherwise somebody set it since
                        setattr(module, name, theirs)

    def __enter__(self) -> "Swap":
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()


def swap(*packages: str | ModuleType) -> Swap:
    """Puts Elman's recurrent layers and cells under torch's names: ``torch.nn.LSTM`` is ``elman.LSTM``.

    Programs then build Elman's layers, subclass them, and find them by ``isinstance(x, nn.LSTM)``. Call it
    before importing such a program, once for good; or as ``with elman.swap(): …``, or end it by
    ``restore()``. The names are ``RNN``, ``LSTM``, ``GRU``, their cells, ``RNNBase`` and ``RNNCellBase`` in
    ``torch.nn``, ``torch.nn.modules`` and ``torch.nn.modules.rnn``, for all threads. Layers that exist
    are not changed (see ``convert``); torch's own cannot be pickled meanwhile, but those in files load as
    Elman's. ``torch.compile`` in this thread takes the layers as it takes Elman's.

    Args:
        packages: packages that are loaded already and whose modules hold torch's classes, by
            ``from torch.nn import LSTM``; their names are swapped as well. One that is not loaded yet finds
            Elman's classes under torch's names.

    Returns:
        The swap, with ``restore()``; swaps may be nested and end in any order.

    Raises:
        InputError: a package is neither loaded nor installed; nothing is swapped.

    Warns:
        UserWarning: a class of one of the packages is a subclass of torch's already; it stays one.
    """
    names = [package.__name__ if isinstance(package, ModuleType) else package for package in packages]
    for name in names:
        require("package", isinstance(name, str) and _is_there(name), "loaded or installed", name)
    late = sorted({f"{cls.__module__}.{cls.__qualname__}" for cls in _subclasses(names)})
    if late:
        text = (
            f"elman.swap came after {', '.join(late)}, which inherits from torch's layer and stays as it is."
        )
        warnings.warn(f"{text} Call elman.swap before importing it.", stacklevel=2)
    return Swap(names)


def _is_there(package: str) -> bool:
    """Whether a package is loaded, or can be imported as far as can be known without importing any."""
    parent = package.rpartition(".")[0]
    if package in sys.modules or (parent and parent not in sys.modules):
        return package in sys.modules or _is_there(parent)
    try:
        return bool(package) and find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _loaded(packages: Iterable[str]) -> Iterator[ModuleType]:
    """Yields the loaded modules of packages."""
    for name, module in sorted(sys.modules.items()):
        if module is not None and any(name == p or name.startswith(f"{p}.") for p in packages):
            yield module


def _places(packages: Iterable[str]) -> Iterator[tuple[ModuleType, str, type[nn.Module]]]:
    """Yields each name to be swapped: its module, itself, and the class of torch that it stands for."""
    back = {ours: theirs for theirs, ours in _OURS.items()}
    for module in dict.fromkeys((*_HOMES, *_loaded(packages))):
        for name, value in list(vars(module).items()):
            if not isinstance(value, type):
                continue
            if value in _OURS:
                yield module, name, value
            elif value in back and (module.__name__, name) in _counts:  # swapped by another that is open
                yield module, name, back[value]


def _subclasses(packages: Iterable[str]) -> Iterator[type]:
    """Yields the classes of loaded packages that inherit from torch's layers."""
    for module in _loaded(packages):
        for value in list(vars(module).values()):
            if isinstance(value, type) and value not in _OURS and issubclass(value, tuple(_OURS)):
                yield value


def _allow_rnn(opened: bool) -> None:
    """Lets ``torch.compile`` take what is called ``torch.nn.LSTM`` while this thread has an open swap."""
    # here, since the compiler takes as long to import as the rest of torch
    from torch._dynamo import config

    count = getattr(_here, "count", 0)
    if opened and not count:
        _here.before = config.allow_rnn
        config.allow_rnn = True
    elif not opened and count == 1:
        config.allow_rnn = _here.before
    _here.count = max(0, count + (1 if opened else -1))
