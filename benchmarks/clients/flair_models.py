"""flair: its character language model and its tagger, trained by its own trainer."""

import tempfile
from collections.abc import Callable, Iterator

import torch
from client import Case, Fit, Model, run
from torch import Tensor, nn

SENTENCES = [
    ("George goes to Rome .", "P O O L O"),
    ("Rome is far .", "L O O O"),
    ("Ada sees Bern and Rome .", "P O L O L O"),
]


def cases() -> Iterator[Case]:
    import flair
    from flair.data import Corpus, Dictionary, Sentence
    from flair.datasets import FlairDatapointDataset
    from flair.embeddings import OneHotEmbeddings
    from flair.models import LanguageModel, SequenceTagger
    from flair.trainers import ModelTrainer

    flair.device = torch.device("cpu")
    letters = Dictionary()  # the library's own is downloaded
    for letter in "abcdefghijklmnopqrstuvwxyz .,!?":
        letters.add_item(letter)
    words = torch.arange(20 * 3).reshape(20, 3) % 30

    def forward(model: nn.Module) -> Tensor:
        return model(words, model.init_hidden(3))

    yield Model("LanguageModel", lambda: LanguageModel(letters, True, 24, 1, embedding_size=12), forward)

    def fit(converted: Callable[[nn.Module], nn.Module]) -> list[Tensor]:
        torch.manual_seed(0)
        flair.set_seed(0)
        data = []
        for text, tags in SENTENCES:
            sentence = Sentence(text, use_tokenizer=False)
            for token, tag in zip(sentence, tags.split(), strict=True):
                token.add_label("ner", tag)
            data.append(sentence)
        corpus = Corpus(
            train=FlairDatapointDataset(data),
            dev=FlairDatapointDataset(data),
            test=FlairDatapointDataset(data),
        )
        tagger = SequenceTagger(
            embeddings=OneHotEmbeddings.from_corpus(corpus, min_freq=1, embedding_length=8),
            tag_dictionary=corpus.make_label_dictionary("ner", add_unk=False),
            tag_type="ner",
            hidden_size=12,
            use_crf=True,
        )
        converted(tagger)
        with tempfile.TemporaryDirectory() as folder:
            ModelTrainer(tagger, corpus).train(folder, max_epochs=2, mini_batch_size=2, shuffle=False)
        return [p.detach() for p in tagger.parameters()]

    yield Fit("SequenceTagger by ModelTrainer", fit)


if __name__ == "__main__":
    run(cases, "flair==0.15.1")
