"""A text with its words coloured by saliency in a terminal, or marked by signs elsewhere."""

import io
from collections.abc import Sequence

_FOR, _AGAINST = (0, 158, 115), (213, 94, 0)  # the green and the orange of the other pictures
_FAINT = 0.1  # share of the largest weight below which a piece is left plain


def render_saliency(
    pieces: Sequence[str], weights: Sequence[float], *, spaced: bool, in_terminal: bool
) -> str:
    """Joins the pieces to one text: green supports the label, orange opposes it.

    Without a terminal, one to three signs follow a piece, as in ``wonderful[+++]``.

    Args:
        pieces: the pieces of the text.
        weights: one for each piece; only their ratios matter.
        spaced: whether to put a space between pieces.
        in_terminal: uses colours; otherwise signs.
    """
    largest = max(map(abs, weights), default=0.0) or 1.0
    shares = [weight / largest for weight in weights]
    shown = [" " if piece == "\n" else piece for piece in pieces]
    if in_terminal:
        return _coloured(shown, shares, " " if spaced else "")
    return (" " if spaced else "").join(
        piece if abs(share) < _FAINT else f"{piece}[{_signs(share)}]"
        for piece, share in zip(shown, shares, strict=True)
    )


def legend_of_saliency(*, in_terminal: bool) -> str:
    """Returns what colours, or signs, mean in one line."""
    if in_terminal:
        return "green words support the label, orange ones oppose it"
    return "words with [+] to [+++] support the label, those with [-] to [---] oppose it"


def _signs(share: float) -> str:
    return ("+" if share > 0 else "-") * min(3, 1 + int(3 * abs(share)))


def _coloured(pieces: Sequence[str], shares: Sequence[float], between: str) -> str:
    # here, since the help of classify reads this module, and only a terminal needs colours
    from rich import console, text

    line = text.Text()
    for piece, share in zip(pieces, shares, strict=True):
        if line:
            line.append(between)
        strength = abs(share)
        if strength < _FAINT:
            line.append(piece)
            continue
        background = [round(255 + (c - 255) * strength) for c in (_FOR if share > 0 else _AGAINST)]
        line.append(piece, f"black on rgb({','.join(map(str, background))})")
    # as wide as the text, so that the terminal breaks the lines, not rich
    terminal = console.Console(
        file=io.StringIO(), force_terminal=True, color_system="truecolor", width=max(80, 2 * len(line))
    )
    with terminal.capture() as captured:
        terminal.print(line, end="")
    return captured.get()
