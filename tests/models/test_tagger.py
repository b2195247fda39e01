"""The tagger: words that do not depend on others, its two heads, its stream."""

import itertools

import pytest
import torch
from agreement import randomise

from elman.batch import Field
from elman.cells import GRU
from elman.data.tag_schemes import permitted
from elman.heads.categorical import Categorical
from elman.heads.crf import CRF
from elman.layers import Recurrent
from elman.models.tagger import Tagger
from elman.models.words import CharacterReader, WordReader

TAGS = ("B-X", "I-X", "O")
T, B, L = 7, 4, 9
WORDS, SHAPES, CELLS, CHARACTERS = 8, 3, 5, 11


def ids(*leading: int) -> torch.Tensor:
    """Words whose spelling decides all else but the further column."""
    spelling = torch.randint(6, leading)
    characters = torch.randint(1, CHARACTERS, (6, L))
    characters[torch.arange(L) >= torch.tensor([1, 2, 3, 4, 8, L])[:, None]] = 0
    columns = [spelling % WORDS, spelling, spelling % SHAPES, torch.randint(CELLS, leading)]
    return torch.cat([torch.stack(columns, -1), characters[spelling]], -1)


def reader(**options) -> WordReader:
    return WordReader(
        WORDS, 6, SHAPES, [CELLS], characters=CHARACTERS, character_features=7, unknown=0, **options
    )


def tagger(head="crf", bidirectional=False, rules=True) -> Tagger:
    words = reader()
    layer = Recurrent(GRU(words.output_size, 5), bidirectional=bidirectional)
    allowed = torch.from_numpy(permitted(TAGS, "BIO")) if rules else None
    if head == "crf":
        model = Tagger(layer, CRF(layer.output_size, len(TAGS), allowed), 0.0, words)
    else:
        model = Tagger(layer, Categorical(layer.output_size, len(TAGS)), 0.0, words, allowed)
    return randomise(model).eval()


def test_no_word_depends_on_the_length_of_others():
    read = randomise(CharacterReader(CHARACTERS, 8)).eval()
    words = torch.randint(1, CHARACTERS, (5, L))
    words[torch.arange(L) >= torch.tensor([1, 2, 4, 6, L])[:, None]] = 0
    alone = torch.cat([read(word[None]) for word in words])
    torch.testing.assert_close(read(words), alone)
    assert read(words[:0]).shape == (0, 8)


def test_each_spelling_is_read_once():
    net, words = randomise(reader()).eval(), ids(T, B)
    read = []
    net.characters.register_forward_hook(lambda _, given, __: read.append(len(given[0])))
    features = net(words)
    assert read == [len(words[..., 1].unique())]
    torch.testing.assert_close(features, torch.stack([net(row) for row in words]))
    assert features.shape == (T, B, net.output_size)


def test_word_dropout_reads_words_as_unknown():
    net, words = reader(word_dropout=0.5).train(), ids(200, 1)
    own, unknown = net.embedding(words[..., 0]), net.embedding.weight[0]
    found = net(words)[..., :6]
    is_unknown, is_own = ((found == each).all(-1) for each in (unknown, own))
    assert (is_unknown | is_own).all()
    assert 0.3 < is_unknown[words[..., 0] != 0].float().mean() < 0.7


@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_a_batch_is_its_rows(head):
    net, words, lengths = tagger(head, bidirectional=True), ids(T, B), torch.tensor([7, 1, 4, 6])
    tags, p = net.tags(Field(words, lengths)), net.probabilities(Field(words, lengths))
    for row, length in enumerate(lengths):
        alone = Field(words[:length, row : row + 1])
        assert torch.equal(tags[:length, row], net.tags(alone)[:, 0])
        torch.testing.assert_close(p[:length, row], net.probabilities(alone)[:, 0])


@pytest.mark.parametrize("head", ["crf", "softmax"])
def test_tags_are_the_best_permitted_ones(head):
    net, words = tagger(head), ids(4, 1)
    scores, rules = net.scores(net.features(Field(words)))[:, 0], net.rules()

    def total(path):
        steps = zip((len(TAGS), *path), (*path, len(TAGS)), strict=True)
        return sum(scores[t, tag] for t, tag in enumerate(path)) + sum(rules[a, b] for a, b in steps)

    best = max(itertools.product(range(len(TAGS)), repeat=4), key=total)
    assert net.tags(Field(words))[:, 0].tolist() == list(best)


@pytest.mark.parametrize(("head", "rules"), [("crf", True), ("softmax", True), ("softmax", False)])
def test_a_stream_ends_the_best_tags_so_far(head, rules):
    net, words = tagger(head, rules=rules), ids(T, 1)
    if head == "crf":  # the end of a sequence is not known as it comes
        net.head.transitions.data[:, -1] = 0
    stream = net.tag_stream()
    for _ in range(2):
        stream.reset()
        for t, word in enumerate(words, 1):
            assert stream.step(word) == net.tags(Field(words[:t]))[-1, 0]


def test_characters_are_read_as_by_convolutions():
    read, L = randomise(CharacterReader(CHARACTERS, 8)).double(), 5
    with torch.no_grad():
        read.embedding.weight[0] = 0
    words = torch.randint(1, CHARACTERS, (6, L))
    words[torch.arange(L) >= torch.tensor([1, 2, 3, 4, 5, 5])[:, None]] = 0
    x = read.embedding(torch.nn.functional.pad(words, (3, 4))).transpose(1, 2)
    wanted = torch.cat([convolution(x).amax(2) for convolution in read.convolutions], 1).relu()
    found = read(words)
    torch.testing.assert_close(found, wanted)
    own = [torch.autograd.grad(each.cos().sum(), list(read.parameters())) for each in (found, wanted)]
    torch.testing.assert_close(*own)
