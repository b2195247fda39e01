"""Texts that come with Python itself, so that a first model can be trained with nothing to download."""

import re

from elman.errors import InputError


def python_reference() -> list[str]:
    """Return the Python language reference that ships with CPython, one document a topic.

    It is what ``help("assert")`` prints. Several topics quote the same passages, so a paragraph that was
    seen before is left out, and with it a topic of which nothing remains: what a model is tested on is not
    what it has learnt by heart.

    Raises:
        InputError: this Python was packaged without the reference (the module ``pydoc_data``).
    """
    try:
        from pydoc_data.topics import topics  # here, as some builds of Python lack it
    except ImportError:
        raise InputError(
            "python-reference: this Python was installed without its language reference "
            "(the module pydoc_data); name a text file instead"
        ) from None
    seen: set[str] = set()
    documents = []
    for _, text in sorted(topics.items()):
        paragraphs = dict.fromkeys(part.strip("\n") for part in re.split(r"\n\s*\n", text))
        new = [paragraph for paragraph in paragraphs if paragraph and paragraph not in seen]
        seen.update(new)
        if new:
            documents.append("\n\n".join(new) + "\n")
    return documents
