"""HTML of a self-contained page: readable on a phone, light or dark by the reader's setting."""

import re
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

_LEVELS = 10  # shades on either side of 0
_SHOWN_IN_FULL = 0.95  # share of a text's values within the scale; the others get the strongest shade

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1c20; --paper: #ffffff; --faint: #5c6370; --line: #d4d8de;
  --box: #f4f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --paper: #15171a; --faint: #a2a9b4; --line: #3a3f47; --box: #1e2125 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 52rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.5rem; line-height: 1.25 } h2 { margin-top: 2.5rem; font-size: 1.25rem }
h3 { font-size: 1rem }
h1, h2 { border-bottom: 1px solid var(--line); padding-bottom: .25rem }
figure { margin: 1rem 0 } figcaption, .faint { color: var(--faint); font-size: .9rem }
svg { display: block; width: 100%; max-width: 40rem; height: auto; margin: 0 auto .5rem }
svg text { fill: currentColor }
@media (prefers-color-scheme: dark) { /* the pictures' colours are made for light paper */
  svg { color: #1a1c20; background: #eef0f3; padding: .5rem; border-radius: .3rem }
}
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
@media (max-width: 30rem) { table { font-size: .8rem } th, td { padding-right: .4rem } }
code { background: var(--box); padding: .1rem .3rem; border-radius: .2rem }
.verdict { background: var(--box); padding: .75rem 1rem; border-left: .3rem solid #0072b2;
  font-size: 1.1rem }
.text { white-space: pre-wrap; font: .85rem/1.6 ui-monospace, monospace; background: var(--box);
  padding: .75rem; max-height: 24rem; overflow: auto }
"""


def page(title: str, body: Iterable[str]) -> str:
    """Returns the whole file."""
    shades = "\n".join(
        f".{side}{k} {{ background: rgba({colour}, {0.08 * k:.2f}) }}"
        for side, colour in (("p", "213, 94, 0"), ("n", "0, 114, 178"))
        for k in range(1, _LEVELS + 1)
    )
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{shades}\n</style>\n</head>\n<body>\n"
    )
    return head + "\n".join([f"<h1>{escape(title)}</h1>", *body]) + "\n</body>\n</html>\n"


def section(name: str, heading: str, *content: str) -> str:
    """Returns a section with its anchor."""
    return "\n".join([f'<section id="{name}">', f"<h2>{escape(heading)}</h2>", *content, "</section>"])


def paragraph(text: str, kind: str = "") -> str:
    """Returns a paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 1) -> str:
    """Returns a table of plain text.

    Args:
        heads: the column headings.
        rows: a cell for each column.
        numbers: index of the first right-aligned column.
    """

    def cells(kind: str, values: Sequence[str]) -> str:
        shown = (
            f"<{kind}{' class=number' if k >= numbers else ''}>{escape(value)}</{kind}>"
            for k, value in enumerate(values)
        )
        return f"<tr>{''.join(shown)}</tr>"

    lines = [cells("th", heads), *(cells("td", row) for row in rows)]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def figure(name: str, svg: str, caption: str) -> str:
    """Returns a figure with the picture inline, its caption and the names of its files."""
    first, *others = (f".{ending}" for ending in ("png", "svg", "csv"))
    files = ", ".join(f"<code>{escape(name)}</code>" for name in (f"{name}{first}", *others))
    return (
        f'<figure id="picture-{name}">\n{inline_svg(svg, name, caption)}\n'
        f"<figcaption>{escape(caption)} ({files})</figcaption>\n</figure>"
    )


def inline_svg(svg: str, name: str, label: str) -> str:
    """Converts matplotlib's SVG to an inline element: in the page's text colour, with unique ids.

    Args:
        svg: the file's content.
        name: the picture's name, a prefix of its ids.
        label: text for screen readers.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href=", "href=")
    svg = re.sub(r'(<image\b[^>]*?) id="[^"]*"', r"\1", svg)  # ids of images are unused and may be duplicates
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace("#000000", "currentColor").replace("fill: #ffffff", "fill: none")
    first, rest = svg.split(">", 1)
    first = re.sub(r'\s(width|height|version)="[^"]*"', "", first)
    return f'{first} role="img" aria-label="{escape(label)}">{rest.strip()}'


def coloured_text(pieces: Sequence[str], values: np.ndarray) -> str:
    """Returns a text coloured by the value of each piece: orange above 0, blue below, stronger with distance.

    Args:
        pieces: the pieces of the text.
        values: one for each piece; only their ratios matter.
    """
    # a quantile, because a few outliers would leave the rest pale
    largest = float(np.nanquantile(abs(values), _SHOWN_IN_FULL)) if len(values) else 0.0
    shares = np.clip(np.nan_to_num(values) / (largest or 1.0), -1, 1)
    levels = np.round(_LEVELS * shares).astype(int)
    parts: list[str] = []
    begin = 0
    for end in range(1, len(pieces) + 1):
        if end < len(pieces) and levels[end] == levels[begin]:
            continue
        run, level = escape("".join(pieces[begin:end]), quote=False), levels[begin]
        parts.append(f'<span class="{"p" if level > 0 else "n"}{abs(level)}">{run}</span>' if level else run)
        begin = end
    return f'<div class="text">{"".join(parts)}</div>'
