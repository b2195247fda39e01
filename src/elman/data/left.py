"""Items that cannot be read: the first stops the work, or all are left out and told."""

from typing import Literal

from elman.config import counted
from elman.errors import InputError
from elman.notice import notice

Bad = Literal["stop", "skip"]
"""What an item that is refused does: stop the work, or be left out and told."""
_SHOWN = 3


class Left:
    """Counts items that are left out; or, with ``stop``, refuses the first.

    Args:
        bad: what to do.
        noun: what the items are, in the singular.
    """

    def __init__(self, bad: Bad, noun: str) -> None:
        self._bad, self._noun = bad, noun
        self.reasons: list[str] = []

    def out(self, reason: str) -> None:
        """Leaves an item out. Raises InputError if the first is to stop the work."""
        if self._bad == "stop":
            raise InputError(f"{reason}; --on-bad skip leaves such {self._noun}s out")
        self.reasons.append(reason)

    def tell(self, kept: int) -> None:
        """Says how many were left out. Raises InputError if none is left."""
        if not self.reasons:
            return
        many = counted(len(self.reasons), self._noun)
        if not kept:
            raise InputError(f"{self.reasons[0]} (and so are all {many})")
        more = "; …" if len(self.reasons) > _SHOWN else ""
        notice(f"{many} left out: {'; '.join(self.reasons[:_SHOWN])}{more}")
