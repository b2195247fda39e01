"""Replaces torch's recurrent layers inside an existing model by Elman's, and back."""

import weakref
from typing import Any

from torch import nn

from elman.layers import torch_like

_PAIRS = {
    nn.RNN: torch_like.RNN,
    nn.LSTM: torch_like.LSTM,
    nn.GRU: torch_like.GRU,
    nn.RNNCell: torch_like.RNNCell,
    nn.LSTMCell: torch_like.LSTMCell,
    nn.GRUCell: torch_like.GRUCell,
}
_BACK = {ours: theirs for theirs, ours in _PAIRS.items()}
_SIZES = ("input_size", "hidden_size", "bias")
_OF_LAYERS = ("num_layers", "batch_first", "dropout", "bidirectional")


def convert(model: nn.Module, back: bool = False) -> nn.Module:
    """Replaces every ``nn.RNN``, ``nn.LSTM``, ``nn.GRU`` and cell inside a model by Elman's, in place.

    The parameter objects are reused, so optimizers keep working. Hooks, training mode and modules that are
    shared between places are kept. Subclasses of torch's layers are left unchanged.

    Args:
        model: any module; a recurrent layer itself is converted and returned.
        back: replaces Elman's layers by torch's.

    Returns:
        The model, the same object unless it is itself a recurrent layer.

    Raises:
        ValueError: with ``back``, a layer uses an option that torch's layers lack; nothing is replaced then.
    """
    pairs = _BACK if back else _PAIRS
    swapped: dict[nn.Module, nn.Module] = {}
    for name, module in model.named_modules():
        if type(module) in pairs:
            swapped[module] = _twin(name or "the model", module, pairs[type(module)])
    for module, twin in swapped.items():
        _hand_over_hooks(module, twin)
    for module in model.modules():
        for name, child in module._modules.items():
            if child in swapped:
                module._modules[name] = swapped[child]
    return swapped.get(model, model)


def _twin(name: str, module: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """Returns a module of the other kind with the same parameters and training mode."""
    arguments: dict[str, Any] = {key: getattr(module, key) for key in _SIZES}
    if hasattr(module, "num_layers"):
        arguments |= {key: getattr(module, key) for key in _OF_LAYERS}
    if "RNN" in kind.__name__:
        arguments["nonlinearity"] = module.nonlinearity
    if kind.__name__ == "LSTM":
        arguments["proj_size"] = module.proj_size
    if isinstance(module, torch_like.Recurrent):
        _check_plain(name, module)
    twin = kind(**arguments, device="meta")
    held = dict(module.named_parameters(remove_duplicate=False))
    if set(held) != {key for key, _ in twin.named_parameters()}:
        raise ValueError(f"{name}: parameters must be those of a plain layer. Got {sorted(held)}.")
    for key, parameter in held.items():
        setattr(twin, key, parameter)  # torch's layers also keep a list that setattr updates
    return twin.train(module.training)


def _hand_over_hooks(module: nn.Module, twin: nn.Module) -> None:
    for key, value in vars(module).items():
        if "hook" in key:
            setattr(twin, key, value)
    hook: Any
    for hook in twin._load_state_dict_pre_hooks.values():
        if hook.with_module:  # torch ties such a hook to its module by a weak reference
            hook.module = weakref.ref(twin)


def _check_plain(name: str, layer: torch_like.Recurrent) -> None:
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
        raise ValueError(f"{name}: torch's layers have no {', '.join(used)}.")
