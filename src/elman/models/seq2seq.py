"""Model that reads a sequence of tokens, numbers or planes and generates a sequence of tokens."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.batch import Batch, Field, Target
from elman.dropout import dropout
from elman.heads.base import Loss
from elman.heads.categorical import Categorical
from elman.layers.attention import Attention, Memory
from elman.layers.recurrent import Recurrent
from elman.models.inputs import encode
from elman.state import State

BRIDGES = ("zero", "last", "learned")
"""Initial state of a decoder: its own, the encoder's last state, or a learned map of that."""

_MEMORY = len(Memory._fields)


class Seq2Seq(nn.Module):
    """Encoder → bridge → decoder → attention to the encoder's output → categorical head.

        h_t = decoder(y_{t−1}), or decoder([y_{t−1}; f_{t−1}]) with input feeding
        c_t = attention(h_t, encoder's output),    f_t = tanh(W [h_t; c_t]),    y_t ~ head(f_t)

    Without input feeding, the whole target takes one call of the decoder and one of the attention.

    Args:
        target_size: V, tokens of the target.
        encoder: reads the source's embedding, or its numbers; may be bidirectional.
        decoder: reads the target's embedding, and E more features with input feeding.
        attention: from the decoder's output to the encoder's; None: the decoder knows the source by its
            initial state alone, f_t = tanh(W h_t) (Sutskever, Vinyals & Le 2014, arXiv:1409.3215).
        begin: the token before a target's first.
        source_size: tokens of the source; None: source and target share vocabulary and embedding.
        source: input encoder of the source in place of an embedding, see ``models/inputs.py``;
            ``nn.Identity()``: the source is numbers.
        bridge: one of ``BRIDGES``.
        input_feeding: whether f_t is part of the decoder's next input (Luong, Pham & Manning 2015,
            arXiv:1508.04025).
        dropout: probability on embeddings, the encoder's output and f.
        tied: whether the head uses the target embedding's weight.
        label_smoothing: see ``Categorical``.

    Shapes:
        source [S, B], [S, B, I] or [S, B, C, H, W], target [T, B] → features f [T, B, E]

    Raises:
        ValueError: the decoder is bidirectional, it has neither attention nor bridge, its input size is odd
            with input feeding, both source and source_size are given, or a shared embedding or the bridge
            does not match the encoder's sizes.
    """

    def __init__(
        self,
        target_size: int,
        encoder: Recurrent,
        decoder: Recurrent,
        attention: Attention | None,
        *,
        begin: int,
        source_size: int | None = None,
        source: nn.Module | None = None,
        bridge: str = "learned",
        input_feeding: bool = False,
        dropout: float = 0.0,
        tied: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if decoder.bidirectional:
            raise ValueError("a decoder cannot be bidirectional")
        if attention is None and bridge == "zero":
            raise ValueError("without attention a decoder needs a bridge, which tells it of the source")
        width, rest = divmod(decoder.input_size, 2 if input_feeding else 1)
        if rest:
            raise ValueError(
                f"with input feeding a decoder's input size must be even. Got {decoder.input_size}."
            )
        if source_size is not None and source is not None:
            raise ValueError("give source_size or source, not both")
        if source_size is None and source is None and encoder.input_size != width:
            raise ValueError(
                f"the encoder's input size must be {width}, the features of the shared embedding. "
                f"Got {encoder.input_size}."
            )
        self.begin, self.input_feeding, self.dropout = begin, input_feeding, dropout
        self.embedding = _embedding(target_size, width)
        self.source_embedding = source if source_size is None else _embedding(source_size, encoder.input_size)
        self.encoder, self.decoder, self.attention = encoder, decoder, attention
        self.bridge = None if bridge == "zero" else Bridge(encoder, decoder, learned=bridge == "learned")
        context_size = 0 if attention is None else encoder.output_size
        self.readout = nn.Linear(decoder.output_size + context_size, width)
        nn.init.xavier_uniform_(self.readout.weight)
        nn.init.zeros_(self.readout.bias)
        self.head = Categorical(width, target_size, self.embedding if tied else None, label_smoothing)

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Loss, None]:
        """Computes the loss of the targets [T, B], each predicted from the source and the targets before."""
        target = batch.targets
        memory, recurrent = self.encode(batch.inputs)
        features, *_ = self.decode(self._before(target.values), recurrent, memory)
        if target.weights is None:
            return self.head.loss(features, target), None
        # padding is removed, because the head costs more than all the rest
        real = target.weights.flatten().nonzero()[:, 0]
        values, weights = (x.flatten()[real] for x in (target.values, target.weights))
        return self.head.loss(features.flatten(0, 1)[real], Target(values, weights)), None

    def encode(self, source: Field) -> tuple[Memory, State]:
        """Computes the memory that the decoder attends to, and the decoder's initial state."""
        embedding = self.embedding if self.source_embedding is None else self.source_embedding
        x = encode(embedding, source.values, self.dropout, self.training)
        output, state = self.encoder(x, None, source.lengths, source.resets, source.side)
        if self.attention is None:
            memory = _nothing(output)
        else:
            memory = self.attention.memory(dropout(output, self.dropout, self.training), source.lengths)
        recurrent = self.decoder.initial_state(x.shape[1]) if self.bridge is None else self.bridge(state)
        if self.input_feeding:
            recurrent = (*recurrent, x.new_zeros(1, x.shape[1], self.readout.out_features))
        return memory, recurrent

    def decode(self, tokens: Tensor, state: State, memory: Memory) -> tuple[Tensor, State, Tensor]:
        """Reads target tokens [T, B].

        Returns:
            (features [T, B, E] for the token after each, the state after the last, attention weights
            [T, B, S] over the source)
        """
        x = dropout(self.embedding(tokens), self.dropout, self.training)
        if not self.input_feeding:
            return self._advance(x, state, memory)
        features, weights = [], []
        recurrent, fed = state[:-1], state[-1]
        # unbind once: the gradient of each slice would have the size of all steps
        for step in x.unbind():
            fed, recurrent, weight = self._advance(torch.cat([step[None], fed], -1), recurrent, memory)
            features.append(fed)
            weights.append(weight)
        return torch.cat(features), (*recurrent, fed), torch.cat(weights)

    def _advance(self, x: Tensor, state: State, memory: Memory) -> tuple[Tensor, State, Tensor]:
        output, state = self.decoder(x, state)
        if self.attention is None:
            weights = output.new_zeros(*output.shape[:2], 0)
        else:
            context, weights = self.attention(output, memory)
            output = torch.cat([output, context], -1)
        features = torch.tanh(self.readout(output))
        return dropout(features, self.dropout, self.training), state, weights

    def begin_decoding(self, source: Field) -> State:
        """Encodes sources; returns all that ``step`` needs as one state with the rows on axis 1."""
        memory, recurrent = self.encode(source)
        return (*memory, *recurrent)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Reads one token of each row [N]; returns log-probabilities of the next [N, V], and the state."""
        memory = Memory(*state[:_MEMORY])
        features, recurrent, _ = self.decode(tokens[None], state[_MEMORY:], memory)
        return F.log_softmax(self.head.logits(features[0]).float(), -1), (*memory, *recurrent)

    def alignment(self, source: Field, target: Tensor) -> Tensor:
        """Returns the attention weights over the source at each target token: [T, B] → [T, B, S]."""
        memory, state = self.encode(source)
        return self.decode(self._before(target), state, memory)[2]

    def _before(self, target: Tensor) -> Tensor:
        """Shifts targets by one step: the token before each."""
        return torch.cat([torch.full_like(target[:1], self.begin), target[:-1]])


class Bridge(nn.Module):
    """Turns the encoder's last state into the decoder's first, with both directions joined in each layer.

        s_0 = [→s; ←s],    or, learned, s_0 = tanh(W [→s; ←s] + b) with separate W and b for each named state

    Args:
        encoder: gives the state.
        decoder: gets the state; has the same number of layers.
        learned: whether the state is mapped; otherwise the sizes must be the same.

    Shapes:
        each state [layers × directions, B, *shape] → [layers, B, *shape']

    Raises:
        ValueError: the numbers of layers differ, or an unmapped state has another size.

    Source: Bahdanau, Cho & Bengio 2014, arXiv:1409.0473, A.2.2, whose map reads the backward direction alone.
    """

    def __init__(self, encoder: Recurrent, decoder: Recurrent, learned: bool) -> None:
        super().__init__()
        if encoder.num_layers != decoder.num_layers:
            raise ValueError("a bridge needs an encoder and a decoder with the same number of layers")
        self._layers = decoder.num_layers
        self._shapes = list(decoder.cell.states().values())
        directions = 2 if encoder.bidirectional else 1
        maps: list[nn.Module] = []
        for (name, shape), target_shape in zip(encoder.cell.states().items(), self._shapes, strict=True):
            size, needed = directions * math.prod(shape), math.prod(target_shape)
            if learned:
                maps.append(nn.Sequential(nn.Linear(size, needed), nn.Tanh()))
            elif size != needed:
                raise ValueError(
                    f"bridge last needs an encoder's state {name} as large as the decoder's. "
                    f"Got {size} and {needed}; a learned bridge takes any size"
                )
            else:
                maps.append(nn.Identity())
        self.maps = nn.ModuleList(maps)

    def forward(self, state: State) -> State:
        """Computes the decoder's initial state."""
        mapped = []
        for s, change, shape in zip(state, self.maps, self._shapes, strict=True):
            joined = s.unflatten(0, (self._layers, -1)).movedim(1, 2).flatten(2)
            mapped.append(change(joined).unflatten(2, shape))
        return tuple(mapped)


def _nothing(output: Tensor) -> Memory:
    """Returns a memory of no states, for as many rows as the encoder's output [S, B, K] has."""
    nothing = output.new_zeros(0, output.shape[1], 0)
    return Memory(nothing, nothing, nothing)


def _embedding(tokens: int, width: int) -> nn.Embedding:
    embedding = nn.Embedding(tokens, width)
    # small, because the head may share it
    nn.init.normal_(embedding.weight, std=width**-0.5)
    return embedding
