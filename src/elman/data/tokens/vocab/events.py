"""One token per named event: notes, waits, moves or anything else that is not text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from elman.data.tokens.vocab.base import Vocabulary, check_fields, refusal
from elman.errors import InputError


@dataclass(frozen=True)
class EventVocabulary(Vocabulary):
    """A list of names, numbered in order after the specials; there is no unknown token.

    Args:
        names: the events, distinct and not empty.

    Raises:
        InputError: there is no name, or a name is empty, repeated or equal to a special's.
    """

    level: ClassVar[str] = "events"
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.names:
            raise InputError("a vocabulary needs at least one event. Got none.")
        if "" in self.names:
            raise InputError("every event must have a name. Got an empty one.")
        name, count = Counter((*self.specials, *self.names)).most_common(1)[0]
        if count > 1:
            raise refusal("names of events and specials must be distinct", name)

    @classmethod
    def learn(cls, sequences: Iterable[Sequence[str]], specials: Sequence[str] = ()) -> Self:
        """Return the vocabulary of all events of these sequences, in alphabetical order."""
        names = {name for sequence in sequences for name in sequence}
        return cls(tuple(sorted(names - {*specials})), specials=tuple(specials))

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> tuple[str, ...]:
        return (*self.specials, *self.names)

    @cached_property
    def _number(self) -> dict[str, int]:
        return {name: token for token, name in enumerate(self._all)}

    def encode(self, sequence: Sequence[str], source: str = "events") -> np.ndarray:
        """Return the tokens of a list of names, which may hold specials.

        Args:
            sequence: the names.
            source: where they come from, for messages.

        Shapes:
            tokens [N], of this vocabulary's dtype

        Raises:
            InputError: a name is not in the vocabulary, or the sequence is a text.
        """
        if isinstance(sequence, str):
            raise refusal(f"{source} must be a list of names, not a text", sequence)
        try:
            tokens = [self._number[name] for name in sequence]
        except KeyError:
            position, name = next((k, n) for k, n in enumerate(sequence) if n not in self._number)
            raise refusal(f"{source}: event {position} must be one of the {len(self)} known", name) from None
        return np.array(tokens, dtype=self.dtype)

    def decode(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the names of tokens [N], without specials.

        Raises:
            InputError: a token is not an integer from 0 to V − 1.
        """
        return [self._all[token] for token in self._checked(tokens) if token >= len(self.specials)]

    def pieces(self, tokens: np.ndarray | Sequence[int]) -> list[str]:
        """Return the name of each token; see `Vocabulary.pieces`."""
        return [self._all[token] for token in self._checked(tokens)]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return self._json(names=[*self.names])

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Self:
        """Restore the vocabulary from `to_json`; see `event_vocabulary_from_json`."""
        fields = check_fields(obj, {"names": []})
        for name in fields["names"]:
            if not isinstance(name, str):
                raise refusal("every name must be a text", name)
        return cls(tuple(fields["names"]), specials=fields["specials"])
