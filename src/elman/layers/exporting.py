"""What torch's older tools for deployment find on a layer: TorchScript, torch.fx, dynamic quantization.

They know torch's own layers by their classes. Here a layer gives its twin of ``torch.nn`` with the same
parameters, or the error says what to do. ``torch.export``, ``torch.onnx`` and AOTInductor need none of this.
"""

import warnings
from typing import Any, ClassVar

from torch import nn
from torch.fx import Proxy

from elman.errors import InputError


class Deployable(nn.Module):
    """The part of a layer or cell that torch's tools for deployment call."""

    way_to_int8: ClassVar[str] = "it has quantized forms of LSTM, GRU and the cells only."
    """What a user must do to have the layer quantized, or why it cannot be."""

    def __prepare_scriptable__(self) -> nn.Module:
        """Returns torch's layer with the same parameters, which ``torch.jit.script`` compiles instead.

        Raises:
            InputError: torch has no such layer.
        """
        return twin(self, "torch.jit.script", "torch.jit.trace or torch.export")

    @property
    def qconfig(self) -> Any:
        """How ``torch.ao.quantization`` is to quantize the layer; absent until it is set."""
        if "qconfig" not in self.__dict__:
            raise AttributeError("qconfig")
        return self.__dict__["qconfig"]

    @qconfig.setter
    def qconfig(self, value: Any) -> None:
        # torch sets it on every module of a model that it quantizes, to None on those that it leaves
        if value is None:
            warnings.warn(
                f"torch.ao.quantization leaves {type(self).__name__} in float: {self.way_to_int8}",
                stacklevel=2,
            )
        self.__dict__["qconfig"] = value

    @qconfig.deleter
    def qconfig(self) -> None:
        self.__dict__.pop("qconfig", None)


def twin(module: nn.Module, tool: str, other: str) -> nn.Module:
    """Returns torch's layer with the same parameters, training mode included.

    Args:
        module: the layer or cell; it is left as it is.
        tool: what asks for it, for the message.
        other: what takes every layer, for the message.

    Raises:
        InputError: torch has no such layer.
    """
    # conversion imports the layers, which import this module
    from elman.layers.conversion import turned_back

    try:
        return turned_back(module)
    except ValueError as error:
        raise InputError(
            f"{tool} takes RNN, LSTM, GRU and their cells with torch's options. "
            f"Got {type(module).__name__}: {error}. Use {other}."
        ) from error


def call_in_graph(module: nn.Module, *args: Any, **options: Any) -> Any:
    """Records the call of a module in the graph of ``torch.fx``, as its tracer does for torch's layers.

    Raises:
        InputError: the module is itself what is traced.
    """
    given = {name: value for name, value in options.items() if value is not None}
    proxies = [value for value in (*args, *given.values()) if isinstance(value, Proxy)]
    tracer = proxies[0].tracer
    path = tracer.path_of_module(module)  # type: ignore[attr-defined]
    if not path:
        raise InputError(
            "torch.fx traces a model that holds the layer, not the layer itself: "
            f"use torch.nn.Sequential({type(module).__name__}(…))."
        )
    while args and args[-1] is None:
        args = args[:-1]
    return tracer.create_proxy("call_module", path, args, given)
