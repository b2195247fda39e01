"""Subtitles: words with their times as SubRip or WebVTT."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

_PAUSE = 0.7  # seconds after which a new subtitle begins
_LONGEST, _MOST = 6.0, 84  # seconds and letters of a subtitle
_WIDTH = 42  # letters of a line


def subtitles(words: Sequence[Mapping[str, Any]], kind: Literal["srt", "vtt"]) -> Iterator[str]:
    """Yields subtitles as text.

    Args:
        words: with ``word``, and ``begin`` and ``end`` in seconds.
        kind: SubRip or WebVTT.
    """
    if kind == "vtt":
        yield "WEBVTT\n\n"
    for number, group in enumerate(_groups(words), 1):
        begin, end = (_time(group[at][name], kind) for at, name in ((0, "begin"), (-1, "end")))
        head = f"{number}\n" if kind == "srt" else ""
        yield f"{head}{begin} --> {end}\n{_lines(group)}\n\n"


def _groups(words: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    group: list[Mapping[str, Any]] = []
    for word in words:
        if group:
            letters = sum(len(each["word"]) + 1 for each in group) + len(word["word"])
            pause = word["begin"] - group[-1]["end"]
            if pause > _PAUSE or word["end"] - group[0]["begin"] > _LONGEST or letters > _MOST:
                yield group
                group = []
        group.append(word)
    if group:
        yield group


def _lines(group: Sequence[Mapping[str, Any]]) -> str:
    """Returns the words in one line, or in two of about the same length."""
    words = [each["word"] for each in group]
    whole = " ".join(words)
    if len(whole) <= _WIDTH or len(words) == 1:
        return whole
    at = min(range(1, len(words)), key=lambda k: abs(2 * len(" ".join(words[:k])) - len(whole)))
    return " ".join(words[:at]) + "\n" + " ".join(words[at:])


def _time(seconds: float, kind: Literal["srt", "vtt"]) -> str:
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    mark = "," if kind == "srt" else "."
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
