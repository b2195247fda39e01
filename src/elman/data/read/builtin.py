"""Texts that come with Python, to train a first model without a download."""

import re

from elman.errors import InputError


def python_reference() -> list[str]:
    """Returns the Python language reference that ships with CPython, one document per topic.

    It is the text that ``help("assert")`` prints. Topics share passages, so repeated paragraphs, and topics
    without any new paragraph, are left out: a model must not be tested on text that it was trained on.

    Raises:
        InputError: this Python was packaged without the reference (the module ``pydoc_data``).
    """
    try:
        from pydoc_data.topics import topics  # here, because some builds of Python lack it
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
