"""Features of words: what a word is, its characters, its shape, and what else is known of it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from elman.dropout import dropout, mask

_OF_A_CHARACTER, _OF_A_SHAPE, _MOST_OF_A_CELL = 32, 8, 32  # features


class CharacterReader(nn.Module):
    """Reads a word's characters: convolutions over 2, 3 and 4 of them, and the maximum over their places.

    Args:
        characters: V, with 0 for no character, after a word's end.
        features: F.

    Shapes:
        characters [N, L] → [N, F]

    Source: Kim et al. 2016, arXiv:1508.06615; Ma & Hovy 2016, arXiv:1603.01354.
    """

    widths = (2, 3, 4)

    def __init__(self, characters: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, _OF_A_CHARACTER, padding_idx=0)
        shares = [features // len(self.widths)] * (len(self.widths) - 1)
        shares.append(features - sum(shares))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(_OF_A_CHARACTER, share, width)
            for share, width in zip(shares, self.widths, strict=True)
            if share
        )

    def forward(self, characters: Tensor) -> Tensor:
        """Computes the features of words."""
        longest = int((characters != 0).sum(1).max()) if len(characters) else 0
        # the places before and after a word mark its ends; behind the longest word there is room for a whole
        # convolution over nothing, as there is behind shorter ones, so that no word depends on the others
        widest = max(self.widths)
        padded = F.pad(characters[:, :longest], (widest - 1, widest))
        places = padded.shape[1] - widest + 1
        # there are few different characters: what each adds at a place of the convolutions is looked up
        every = self.embedding(torch.arange(self.embedding.num_embeddings, device=padded.device))
        tables = every @ self._weight().permute(2, 1, 0)  # [W, V, F]
        x = F.embedding(padded[:, :places], tables[0])
        for k in range(1, widest):
            x = x + F.embedding(padded[:, k : k + places], tables[k])
        biases = torch.cat([convolution.get_parameter("bias") for convolution in self.convolutions])
        return (x.max(1).values + biases).relu()

    def _weight(self) -> Tensor:
        """Returns the weights of all convolutions [F, E, W], as if each were as wide as the widest."""
        weights = [convolution.get_parameter("weight") for convolution in self.convolutions]
        return torch.cat([F.pad(each, (0, max(self.widths) - each.shape[2])) for each in weights])


class WordReader(nn.Module):
    """Joins a word's embedding, the features of its characters, and embeddings of its shape and columns.

    A step has the word's number, the number of its spelling, its shape, the cells of the K columns, and its
    characters. Each spelling's characters are read once in a call.

    Args:
        words: numbers of words.
        features: of a word's embedding.
        shapes: numbers of shapes.
        cells: numbers of the cells of each further column.
        characters: numbers of characters; 0: they are not read.
        character_features: of the characters of a word.
        unknown: the number of all other words.
        word_dropout: probability that a word is read as unknown, in training.
        dropout: probability on all features.

    Shapes:
        ids [..., 3 + K + L] → [..., E]
    """

    def __init__(
        self,
        words: int,
        features: int,
        shapes: int,
        cells: Sequence[int] = (),
        *,
        characters: int = 0,
        character_features: int = 0,
        unknown: int = 0,
        word_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, features)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.shape = nn.Embedding(shapes, _OF_A_SHAPE)
        sizes = [min(_MOST_OF_A_CELL, number) for number in cells]
        self.columns = nn.ModuleList(map(nn.Embedding, cells, sizes))
        own = character_features if characters else 0
        self.characters = CharacterReader(characters, own) if own else None
        self.unknown, self.word_dropout, self.dropout = unknown, word_dropout, dropout
        self.output_size = features + _OF_A_SHAPE + sum(sizes) + own

    def forward(self, ids: Tensor) -> Tensor:
        """Computes the features of words."""
        word, spelling, shape = ids[..., 0], ids[..., 1], ids[..., 2]
        if self.training and self.word_dropout:
            kept = mask(word.shape, self.word_dropout, self.embedding.weight) > 0
            word = word.where(kept, self.unknown)
        first = 3 + len(self.columns)
        parts = [self.embedding(word), self.shape(shape)]
        parts += [column(ids[..., 3 + k]) for k, column in enumerate(self.columns)]
        if self.characters is not None:
            parts.append(self._of_characters(spelling, ids[..., first:]))
        return dropout(torch.cat(parts, -1), self.dropout, self.training)

    def _of_characters(self, spelling: Tensor, characters: Tensor) -> Tensor:
        """Computes the features of the characters [..., L] of each spelling once."""
        assert self.characters is not None
        _, number = spelling.flatten().unique(return_inverse=True)
        flat = characters.flatten(0, -2)
        distinct = flat.new_zeros(int(number.max()) + 1 if len(number) else 0, flat.shape[1])
        distinct[number] = flat  # equal spellings have equal characters
        features: Tensor = self.characters(distinct)[number]
        return features.view(*spelling.shape, -1)
