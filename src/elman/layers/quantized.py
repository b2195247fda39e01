"""Dynamic quantization of our layers: torch replaces them by its own quantized ones, once they are named."""

from typing import Any

from torch import nn
from torch.ao.nn.quantized import dynamic
from torch.ao.quantization.quantization_mappings import DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS

from elman.errors import InputError
from elman.layers import torch_cells, torch_like
from elman.layers.exporting import Deployable, twin


class _Replacement:
    """An entry in torch's table of quantized layers.

    Args:
        quantized: torch's quantized layer.
    """

    def __init__(self, quantized: Any) -> None:
        self.quantized = quantized

    def from_float(self, module: Deployable, use_precomputed_fake_quant: bool = False) -> nn.Module:
        """Returns torch's quantized layer of a layer's weights.

        Raises:
            InputError: torch has no such layer.
        """
        if getattr(module, "proj_size", 0):
            raise InputError(
                "torch.ao.quantization has no LSTM with proj_size: leave it out of qconfig_spec."
            )
        own = twin(module, "torch.ao.quantization", "a layer with torch's options")
        own.qconfig = module.qconfig
        result: nn.Module = self.quantized.from_float(own, use_precomputed_fake_quant)
        return result


_QUANTIZED: dict[type[Deployable], Any] = {
    torch_like.LSTM: dynamic.LSTM,
    torch_like.GRU: dynamic.GRU,
    torch_cells.RNNCell: dynamic.RNNCell,
    torch_cells.LSTMCell: dynamic.LSTMCell,
    torch_cells.GRUCell: dynamic.GRUCell,
}
for _kind, _quantized in _QUANTIZED.items():
    DEFAULT_DYNAMIC_QUANT_MODULE_MAPPINGS[_kind] = _Replacement(_quantized)
    _kind.way_to_int8 = (
        "it finds layers by their class. "
        f"Name elman.{_kind.__name__} in qconfig_spec, or call elman.convert(model, back=True) first."
    )
