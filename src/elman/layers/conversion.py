"""Turns torch's recurrent layers inside an existing model into Elman's, and back."""

import copy
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules import rnn
from torch.nn.utils import parametrize

from elman.layers import torch_cells, torch_like
from elman.layers.checks import described
from elman.layers.recurrent import Recurrent
from elman.layers.torch_fields import TORCH_FIELDS, arguments_of, with_fields_of
from elman.notice import without_warnings

# torch's classes by their home, as their names in torch.nn may be swapped
_PAIRS: dict[type[nn.Module], type[nn.Module]] = {
    rnn.RNN: torch_like.RNN,
    rnn.LSTM: torch_like.LSTM,
    rnn.GRU: torch_like.GRU,
    rnn.RNNCell: torch_cells.RNNCell,
    rnn.LSTMCell: torch_cells.LSTMCell,
    rnn.GRUCell: torch_cells.GRUCell,
}
_BACK = {ours: theirs for theirs, ours in _PAIRS.items()}
_THEIRS = (rnn.RNNBase, rnn.RNNCellBase)
_OURS = (Recurrent, torch_cells.StepModule)
_OPERATORS = re.compile(r"aten::(quantized_)?(lstm|gru|rnn_tanh|rnn_relu)(_cell)?\b")
_OF_MODULES = vars(nn.Module()).keys()
_HARMLESS = {"flatten_parameters", "_compiled_call_impl"}
"""Attributes of a class that programs replace on a layer, without an effect on its results."""
_MOST_NAMED = 12


def _fields_of(kind: type[nn.Module]) -> frozenset[str]:
    """Returns the attributes that layers of a class have beside those of every module."""
    names = TORCH_FIELDS if kind in _PAIRS else vars(kind(1, 2, device="meta")).keys() - _OF_MODULES
    return frozenset(names)


def convert(model: nn.Module, back: bool = False) -> nn.Module:
    """Turns every ``nn.RNN``, ``nn.LSTM``, ``nn.GRU`` and cell inside a model into Elman's, in place.

    Each layer stays the same object with the same parameter objects and only changes its class, so that
    optimizers, hooks, shared layers, attributes, buffers and whatever else holds the layer stay valid.
    Pruning, weight drop, old ``weight_norm`` and ``spectral_norm`` and parametrizations are kept. A layer
    that cannot be turned is left as it is: a subclass, a layer whose ``forward`` was replaced, a TorchScript
    archive. One warning names all that were left, with the reason; a recurrent layer that is not torch's is
    named too.

    Args:
        model: any module; a recurrent layer itself is turned as well.
        back: turns Elman's layers into torch's; one with options that torch's lack is left and named.

    Returns:
        The model, the same object.

    Raises:
        TypeError: ``model`` is no module, but a class, for example.

    Warns:
        UserWarning: a layer was left, or there was nothing to turn.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(_no_module(model))
    pairs = _BACK if back else _PAIRS
    states: dict[nn.Module, tuple[type[nn.Module], dict[str, Any]]] = {}
    left: dict[str, str] = {}
    already = False
    for name, module in model.named_modules():
        name = name or "the model"
        kind = _plain_class(module)
        if kind in pairs:
            try:
                states[module] = _turned(module, kind, pairs[kind])
            except (_Left, TypeError, ValueError) as error:
                left[name] = str(error).rstrip(".")
        elif any(name.startswith(f"{other}.") for other in left):
            continue  # a part of what was named
        elif isinstance(module, _THEIRS if back else _OURS):
            already = True
        else:
            reason = _why_foreign(module, back)
            left |= {name: reason} if reason else {}
    left |= {} if back else dict(_outside(model, states))
    for module, (kind, state) in states.items():
        module.__dict__.clear()
        module.__class__ = kind
        module.__dict__.update(state)
        if isinstance(module, rnn.RNNBase):
            module._init_flat_weights()
    if left or not (states or already):
        _warn(len(states), left, back)
    return model


def _no_module(given: object) -> str:
    """Returns the message for what is given in place of a module."""
    if isinstance(given, type) and issubclass(given, nn.Module):
        way = f"; give an object of the class: elman.convert({given.__name__}(…))"
        return f"model must be a module. Got the class {_title(given)}{way}."
    return f"model must be a module. Got {described(given)}."


def turned_back(module: nn.Module) -> nn.Module:
    """Returns one of torch's layers with the parameters of ours, which stays as it is.

    Raises:
        ValueError: torch has no such layer; the message is the reason.
    """
    kind = _plain_class(module)
    try:
        if kind not in _BACK:
            raise _Left(_why_foreign(module, back=True) or "torch has no such layer")
        target, state = _turned(module, kind, _BACK[kind])
    except _Left as reason:
        raise ValueError(str(reason)) from reason
    twin = target.__new__(target)
    twin.__dict__.update({k: copy.copy(v) if isinstance(v, dict) else v for k, v in state.items()})
    if isinstance(twin, rnn.RNNBase):
        twin._init_flat_weights()
    return twin


class _Left(Exception):
    """Ends the attempt to turn a layer; carries the reason."""


def _plain_class(module: nn.Module) -> type[nn.Module]:
    """Returns a module's class; of a parametrized module, the class that it had before."""
    kind = type(module)
    if parametrize.is_parametrized(module) and kind.__name__.startswith("Parametrized"):
        return kind.__bases__[0]
    return kind


def _turned(
    module: nn.Module, kind: type[nn.Module], target: type[nn.Module]
) -> tuple[type[nn.Module], dict[str, Any]]:
    """Returns the class and the attributes that turn a module of class ``kind`` into one of ``target``.

    Raises:
        _Left: the module or its class was changed in a way that would be lost.
        ValueError, TypeError: the target has no such options.
    """
    changed = _changed(kind)
    if changed:
        raise _Left(f"{changed} of its class {_title(kind)} was replaced")
    if isinstance(module, Recurrent):
        _check_plain(module)
    with without_warnings():  # torch warns of dropout in a single layer, as it did when it was made
        twin = target(**arguments_of(module), device="meta")
    fields = _fields_of(kind)
    state = with_fields_of(twin, vars(module), fields)
    kept = vars(module).keys() - fields - _OF_MODULES  # what the user added
    weights = twin._parameters.keys()
    for name in sorted(kept - weights - _HARMLESS):
        if callable(vars(module)[name]) and hasattr(kind, name):
            raise _Left(f"its {name} was replaced")
    kept |= module._buffers.keys() | module._modules.keys() | module._parameters.keys()
    for name in sorted(kept - weights - _HARMLESS):
        if hasattr(twin, name) and not hasattr(kind, name):
            raise _Left(f"its {name} has the name of an attribute of {_title(target)}")
    for name in weights:
        if twin._parameters[name] is None:  # torch's cells without biases name them
            module._parameters.setdefault(name, None)
        elif not hasattr(module, name) and not any(p.startswith(f"{name}_") for p in module._parameters):
            raise _Left(f"its {name} is absent")
    if type(module) is not kind:  # parametrized: the properties that compute the weights
        facts = {k: v for k, v in vars(type(module)).items() if k not in ("__dict__", "__weakref__")}
        target = type(type(module).__name__, (target,), facts)
    return target, state


def _check_plain(layer: Recurrent) -> None:
    """Raises _Left if a layer uses an option that torch's layers lack."""
    extras = {
        "input_dropout": layer.input_dropout,
        "recurrent_dropout": layer.recurrent_dropout,
        "zoneout": any(layer.zoneout),
        "weight_dropout": layer.weight_dropout,
        "residual": layer.residual,
        "learned_state": layer.learned_state,
    }
    used = [key for key, value in extras.items() if value]
    if used:
        raise _Left(f"torch's layers have no {', '.join(used)}")


def _methods(kind: type[nn.Module]) -> Iterator[tuple[type[nn.Module], str, object]]:
    """Yields the functions of a class and of its bases below ``nn.Module``, with the class that has them."""
    for cls in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        yield from ((cls, name, value) for name, value in vars(cls).items() if callable(value))


_ORIGINAL = {kind: list(_methods(kind)) for kind in (*_PAIRS, *_BACK)}


def _changed(kind: type[nn.Module]) -> str | None:
    """Returns the name of a method that somebody replaced in a class, or None."""
    for now in _methods(kind):
        if not now[1].startswith("__") and not any(now[2] is before[2] for before in _ORIGINAL[kind]):
            return now[1]
    code = getattr(kind.forward, "__code__", None)
    if (
        kind in _PAIRS and getattr(code, "co_filename", None) != rnn.__file__
    ):  # before this module was imported
        return "forward"
    return None


def _why_foreign(module: nn.Module, back: bool) -> str | None:
    """Returns why a recurrent module is not turned, or None if it is none."""
    for base in _OURS if back else _THEIRS:
        if isinstance(module, base):
            known = next((cls for cls in type(module).__mro__ if cls in (_BACK if back else _PAIRS)), None)
            if known is not None:
                return f"a subclass of {_title(known)}"
            return "torch has no such layer" if back else f"a subclass of {_title(base)}"
    if back:
        return None
    if isinstance(module, torch.jit.ScriptModule):
        return "compiled by TorchScript" if _is_recurrent_script(module) else None
    kind = type(module)
    named_so = re.search("LSTM|GRU|RNN", kind.__name__) and not isinstance(
        module, nn.ModuleList | nn.ModuleDict
    )
    if not named_so or any(
        isinstance(m, (*_THEIRS, *_OURS, torch.jit.ScriptModule)) for m in module.modules()
    ):
        return None
    has_weights = next(module.parameters(), None) is not None or kind.__module__.startswith("torch.")
    return f"{kind.__name__}, not one of torch's recurrent layers" if has_weights else None


def _is_recurrent_script(module: torch.jit.ScriptModule) -> bool:
    """Whether a TorchScript module calls one of torch's recurrent operators."""
    try:
        return any(_OPERATORS.match(name) for name in torch.jit.export_opnames(module))
    except RuntimeError:  # it has no forward
        return False


def _outside(model: nn.Module, turned: Mapping[nn.Module, object]) -> Iterator[tuple[str, str]]:
    """Yields torch's recurrent layers in plain lists and dicts of modules, which no module registers."""
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if key in ("_parameters", "_buffers", "_modules"):
                continue
            parts = value.values() if isinstance(value, dict) else value
            if isinstance(parts, Iterable) and isinstance(value, dict | list | tuple | set):
                for part in parts:
                    if isinstance(part, _THEIRS) and part not in turned:
                        yield (
                            f"{name}.{key}".lstrip("."),
                            f"held in a {type(value).__name__}, not as a module",
                        )
                        break


def _title(kind: type) -> str:
    home = kind.__module__.partition(".")[0]
    return f"{'torch.nn' if kind.__module__ == rnn.__name__ else home}.{kind.__name__}"


def _warn(count: int, left: Mapping[str, str], back: bool) -> None:
    verb = "elman.convert(back=True)" if back else "elman.convert"
    what = f"{count} layer{'' if count == 1 else 's'}"
    if not left:
        whose = "Elman's" if back else "torch's"
        text = f"{verb} turned nothing: the model has no recurrent layer of {whose}"
    else:
        named = [f"{name} ({reason})" for name, reason in left.items()]
        more = len(named) - _MOST_NAMED
        text = f"{verb} turned {what} and left {len(named)}: " + "; ".join(named[:_MOST_NAMED])
        text += f"; and {more} more" if more > 0 else ""
    warnings.warn(f"{text}.", stacklevel=3)
