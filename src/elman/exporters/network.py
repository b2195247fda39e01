"""What a trained network consists of: a reader, a recurrent layer, a pooling and a readout."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from elman.errors import InputError
from elman.heads.categorical import Categorical
from elman.heads.ctc import CTC
from elman.heads.multi_label import MultiLabel
from elman.heads.squared_error import SquaredError
from elman.kernels.call import Call
from elman.layers.recurrent import Recurrent
from elman.models.autoregressive import Autoregressive
from elman.models.classifier import Classifier
from elman.models.framewise import Framewise
from elman.models.pooled import Pooled
from elman.models.pooling import Pooling
from elman.models.tagger import Tagger
from elman.state import State

Ending = Literal["none", "softmax", "log_softmax", "sigmoid"]


@dataclass(frozen=True)
class Readout:
    """What makes an answer of features: linear maps with a ReLU between them, then an ending.

    Attributes:
        maps: weight [m, n] and bias [m] of each.
        ending: what becomes of the last one's result.
        name: of the answer.
        compute: the same by the model's own head: features [..., F] → [..., V].
    """

    maps: tuple[tuple[Tensor, Tensor], ...]
    ending: Ending
    name: str
    compute: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Network:
    """A network that reads a step after another.

    Attributes:
        layer: in evaluation mode.
        reader: turns ids into features; None: the inputs are numbers.
        pooling: makes one vector of all steps; None: there is an answer at every step.
        readout: None: the answer is the layer's output.
        passed_on: whether the readout reads the layer's inputs too, after its output.
    """

    layer: Recurrent
    reader: nn.Embedding | None = None
    pooling: Pooling | None = None
    readout: Readout | None = None
    passed_on: bool = False

    @property
    def answer(self) -> str:
        """The name of what it gives."""
        return "y" if self.readout is None else self.readout.name

    @property
    def remembered(self) -> int:
        """How many numbers the pooling of steps that come one by one keeps of a row.

        Of "last" none. Else the number of steps, or for attention the sum of shares and the highest score;
        then the maximum or the sum of the outputs, both for "concat", or the sum of shared outputs.
        """
        if self.pooling is None or self.pooling.name == "last":
            return 0
        kept, width = {"concat": 2}.get(self.pooling.name, 1), self.layer.output_size
        return 1 + kept * width + (self.pooling.name == "attention")

    def compute(
        self, x: Tensor, state: State, lengths: Tensor | None = None, side: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Computes answer and state by the model's own parts, time first."""
        values = x if self.reader is None else self.reader(x)
        output, new = run_layer(self.layer, values, state, lengths, side)
        if self.pooling is not None:
            output = self.pooling(output, new, lengths)
        elif self.passed_on:
            output = torch.cat([output, values], -1)
        return (output if self.readout is None else self.readout.compute(output)), new


def run_layer(
    layer: Recurrent, x: Tensor, state: State, lengths: Tensor | None, side: Tensor | None
) -> tuple[Tensor, State]:
    """Runs a layer on [T, B, I], whatever its own layout, with the state as a tuple."""
    output, new = Recurrent.forward(
        layer,
        x.transpose(0, 1) if layer.batch_first else x,
        state,
        lengths,
        None,
        side.transpose(0, 1) if side is not None and layer.batch_first else side,
    )
    return (output.transpose(0, 1) if layer.batch_first else output), new


def described(layer: Recurrent) -> Call:
    """Returns a call of a layer, which has its cells, parameters and options."""
    shape = layer.cell.side_input()
    x = next(layer.parameters()).new_zeros(1, 1, layer.input_size)
    side = None if shape is None else x.new_zeros(1, 1, *shape)
    with torch.no_grad(), layer.calls() as calls:
        Recurrent.forward(layer, x, None, torch.ones(1, dtype=torch.int64), None, side)
    call: Call = calls[0][0]
    return call


def network_of(model: nn.Module) -> Network:
    """Returns what a model consists of.

    Raises:
        InputError: it is no such network; the message says in one line what of it is not.
    """
    if isinstance(model, Recurrent):
        return Network(_checked(model))
    if isinstance(model, Autoregressive):
        return Network(_checked(model.layer), model.embedding, None, _readout(model.head, "logits"))
    if isinstance(model, Pooled):
        if isinstance(model, Classifier) and model.pair:
            raise InputError("a classifier of pairs of texts reads each pair at once and is not exported")
        heat = model.temperature if isinstance(model, Classifier) else torch.ones(())
        readout = _readout(model.head, "probabilities", heat)
        return Network(_checked(model.layer), _reader(model.embedding), model.pooling, readout)
    if isinstance(model, Framewise):
        if isinstance(model, Tagger) and not isinstance(model.head, Categorical):
            raise InputError("a CRF over the tags is not exported: train with --head softmax")
        readout = _readout(model.head, "probabilities")
        return Network(
            _checked(model.layer), _reader(model.embedding), None, readout, passed_on=model.passed_on
        )
    what = _NOT_EXPORTED.get(type(model).__name__, f"a model of the kind {type(model).__name__}")
    raise InputError(f"{what} is not exported")


_NOT_EXPORTED = {
    "ClassifierEnsemble": "an ensemble of classifiers (--ensemble above 1)",
    "Ensemble": "a forecaster, which scales every window by its own past,",
    "Joint": "a forecaster, which scales every window by its own past,",
    "Seq2Seq": "a translator, which searches for its answer,",
    "NextFrames": "a model of pictures",
    "Autoencoder": "a detector that reads windows backward",
}


def in_double(network_model: nn.Module) -> Network:
    """Returns the network of a model in double precision, against which exports are measured."""
    return network_of(copy.deepcopy(network_model).double().eval())


def _checked(layer: Recurrent) -> Recurrent:
    if layer.cell.plane_axes:
        raise InputError(f"layers that read planes are not exported. Got {layer.cell!r}.")
    return layer


def _reader(module: Any) -> nn.Embedding | None:
    if module is None or isinstance(module, nn.Identity):
        return None
    if isinstance(module, nn.Embedding):
        return module
    what = {"PictureEncoder": "pictures", "WordReader": "words with their characters"}
    kind = type(module).__name__
    raise InputError(f"a network that reads {what.get(kind, kind)} is not exported")


def _readout(head: Any, name: str, heat: Tensor | None = None) -> Readout:
    """Returns the readout of a head; probabilities unless the name is "logits"."""
    share = torch.ones(()) if heat is None else heat
    if isinstance(head, Categorical):
        only = ((head.weights / share, head.bias / share),)
        if name == "logits":
            return Readout(only, "none", name, head.logits)
        return Readout(only, "softmax", name, lambda f: (head.logits(f) / share).softmax(-1))
    if isinstance(head, MultiLabel):
        own = (head.weight / share, head.bias / share)
        context = head.context
        maps = ((context.weight, context.bias), own) if context is not None else (own,)
        return Readout(maps, "sigmoid", name, lambda f: (head.logits(f) / share).sigmoid())
    if isinstance(head, SquaredError):
        return Readout(((head.linear.weight, head.linear.bias),), "none", "values", head.predict)
    if isinstance(head, CTC):
        maps = ((head.linear.weight, head.linear.bias),)
        return Readout(maps, "log_softmax", "log_probabilities", head.log_probabilities)
    raise InputError(f"a network with the head {type(head).__name__} is not exported")
