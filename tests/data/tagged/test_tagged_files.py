"""Sentences with tags: columns, CoNLL-U, JSON objects and spans of texts."""

import gzip
import json
import re

import numpy as np
import polars as pl
import pytest

from elman.data.read.reading import Reading
from elman.data.tagged.columns import Columns
from elman.data.tagged.files import read_tagged, sentences_of
from elman.errors import InputError

CONLL_U = """\
# sent_id = 1
# text = Don't go.
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\tMood=Imp\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\tMood=Imp\t0\troot\t_\t_
3.1\tgone\tgo\tVERB\tVBN\t_\t_\t_\t_\t_
4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_

# a comment alone

1\t10 000\t10000\tNUM\tCD\t_\t0\troot\t_\t_
"""


def read(tmp_path, text, columns=None, name="a.conll", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_tagged([path], columns or Columns(), **options)


def refused(tmp_path, text, columns=None, name="a.conll"):
    with pytest.raises(InputError) as error:
        read(tmp_path, text, columns, name)
    return str(error.value).replace(str(tmp_path), "")


def test_words_and_tags_of_two_columns(tmp_path):
    one = read(tmp_path, "-DOCSTART- -X-\n\nThe O\nHague B-LOC\n\n\n \nis  O\n")
    assert one.words == [("The", "Hague"), ("is",)]
    assert one.tags == [("O", "B-LOC"), ("O",)]
    assert [place.rpartition(": ")[2] for place in one.places] == ["line 3", "line 8"]


def test_columns_by_number_and_by_name(tmp_path):
    text = "word\tpos\tchunk\ttag\nI\tPRP\tB-NP\tO\n\nran\tVBD\tB-VP\tB-X\n"
    one = read(tmp_path, text, Columns(inputs=("pos", "3")))
    assert one.words == [("I",), ("ran",)]
    assert one.tags == [("O",), ("B-X",)]
    assert one.inputs == [(("PRP",), ("B-NP",)), (("VBD",), ("B-VP",))]
    two = read(tmp_path, "I PRP B-NP\nran VBD B-VP\n", Columns(word="1", tag="2", inputs=("3",)))
    assert two.tags == [("PRP", "VBD")]
    assert two.inputs == [(("B-NP", "B-VP"),)]


def test_a_first_column_of_numbers_counts_the_words(tmp_path):
    one = read(tmp_path, "# http://a\n1\tDas\tO\n2\tHaus\tB-X\n\n1\tund\tO\n")
    assert one.words == [("Das", "Haus"), ("und",)]
    assert one.tags[0] == ("O", "B-X")


def test_a_hash_may_be_a_word(tmp_path):
    one = read(tmp_path, "# # O\n1 CD B-NP\n\n#tag NN O\n", Columns(inputs=("2",)))
    assert one.words == [("#", "1"), ("#tag",)]


def test_tabs_leave_spaces_in_words(tmp_path):
    assert read(tmp_path, "New York\tB-LOC\nis\tO\n\t\nbig\tO\n").words == [("New York", "is"), ("big",)]


def test_conll_u_without_ranges_and_empty_nodes(tmp_path):
    one = read(tmp_path, CONLL_U, name="a.conllu")
    assert one.words == [("Do", "n't", "go", "."), ("10 000",)]
    assert one.tags == [("AUX", "PART", "VERB", "PUNCT"), ("NUM",)]
    assert read(tmp_path, CONLL_U, Columns(tag="xpos")).tags[0] == ("VB", "RB", "VB", ".")
    assert read(tmp_path, CONLL_U, Columns(tag="FEATS", inputs=("upos",))).inputs[1] == (("NUM",),)
    packed = read(tmp_path, gzip.compress(CONLL_U.encode()), name="a.conllu.gz")
    assert packed.words == one.words


def test_names_of_conll_u_plus(tmp_path):
    text = "# global.columns = ID FORM NER\n1\tIn\tO\n2\tRom\tB-LOC\n"
    assert read(tmp_path, text).tags == [("O", "B-LOC")]


def test_lines_keep_what_is_no_word(tmp_path):
    path = tmp_path / "a.conllu"
    path.write_text(CONLL_U)
    first, comment, last = sentences_of(path, Columns(), with_tags=False)
    assert first.at == [3, 4, 5, 7]
    assert len(first.lines) == 8
    assert comment.read.words == ()
    assert last.at == [0]


def test_without_tags_the_words_suffice(tmp_path):
    one = read(tmp_path, "The\nHague\n", with_tags=False)
    assert one.words == [("The", "Hague")]
    assert one.tags == [()]


def test_objects_with_tokens(tmp_path):
    lines = [
        {"tokens": ["A", "b"], "ner_tags": [0, 3], "pos": ["D", "N"]},
        {"tokens": ["c"], "ner_tags": [0]},
    ]
    text = "\n".join(map(json.dumps, lines[:1])) + "\n\n"
    one = read(tmp_path, text, Columns(inputs=("pos",)), "a.jsonl")
    assert one.words == [("A", "b")]
    assert one.tags == [("0", "3")]
    assert one.inputs == [(("D", "N"),)]


def test_objects_with_spans(tmp_path):
    text = "Anna Meier-Klein lives in New York."
    spans = [[0, 16, "PER"], {"start": 26, "end": 34, "label": "big city"}]
    one = read(tmp_path, json.dumps({"text": text, "entities": spans}), name="a.jsonl")
    assert one.words == [("Anna", "Meier-Klein", "lives", "in", "New", "York", ".")]
    assert one.tags == [("B-PER", "I-PER", "O", "O", "B-big_city", "I-big_city", "O")]


def test_a_span_may_cut_a_word(tmp_path):
    text = json.dumps({"text": "NewYork-based", "spans": [[0, 7, "LOC"], [0, 7, "LOC"]][:1]})
    one = read(tmp_path, text, name="a.jsonl")
    assert one.words == [("NewYork", "-based")]
    assert one.tags == [("B-LOC", "O")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "/a.conll: has no lines"),
        ("a O\nb\n", "/a.conll: line 2: must have 2 columns, like the first. Got 1: 'b'."),
        ("a\tO\nb\t\n", "/a.conll: line 2: the tag (column 2) must not be empty. Got 'b\\t'."),
        ("a\nb\n", "/a.conll: must have a column of tags behind that of words. Got one column."),
    ],
)
def test_refuses_columns(tmp_path, text, message):
    assert refused(tmp_path, text) == message


def test_refuses_a_column_that_is_not_there(tmp_path):
    assert refused(tmp_path, "a O\n", Columns(tag="3")) == (
        "/a.conll: has no column '3' (--tag-column); it has columns 1 to 2"
    )
    assert "columns: id, form, lemma" in refused(tmp_path, CONLL_U, Columns(tag="pos"))


def test_a_table_of_numbers(tmp_path):
    text = "unique_id,ds,a,b,activity\np,2,1.5,2,walk\nq,1,3,4,sit\np,1,5,6,\n"
    one = read(tmp_path, text, name="a.csv")
    assert one.features == ("a", "b")
    assert one.names == ("p", "q")
    assert [item.tolist() for item in one.items] == [[[5, 6], [1.5, 2]], [[3, 4]]]
    assert one.tags == [("", "walk"), ("sit",)]
    assert one.places[1].endswith("a.csv: row 3")
    chosen = read(tmp_path, text, Columns(ignored=("a",)), name="a.csv", with_tags=False)
    assert chosen.features == ("b",)
    assert chosen.tags == [(), ()]


def test_missing_numbers_are_those_before(tmp_path):
    text = "unique_id,a,b,label\np,,1,x\np,2,NA,y\np,3,,x\nq,4,5,x\n"
    with pytest.warns(UserWarning, match="1 cell counts as a missing value: NA"):
        one = read(tmp_path, text, name="a.csv")
    assert one.items[0].tolist() == [[2, 1], [2, 1], [3, 1]]
    with pytest.raises(InputError, match="row 2: the sequence must have a number in column 'a'"):
        read(tmp_path, "unique_id,a,b,label\np,,1,x\nq,2,1,y\n", name="b.csv")


def test_a_table_without_names_is_one_sequence(tmp_path):
    one = read(tmp_path, "a\tds\tnoise\n1\t2\tloud\n3\t1\tlow\n", name="a.tsv")
    assert one.tags == [("low", "loud")]
    assert one.names == ("a",)
    with pytest.raises(InputError, match="has no column of tags of a usual name"):
        read(tmp_path, "a,b\n1,2\n3,4\n", name="b.csv")


def test_a_table_of_words(tmp_path):
    text = "Sentence #,Word,POS,Tag\nSentence: 1,New,N,B-X\n,York,N,I-X\nSentence: 2,is,V,O\n"
    one = read(tmp_path, text, Columns(inputs=("POS",)), name="a.csv")
    assert one.words == [("New", "York"), ("is",)]
    assert one.tags == [("B-X", "I-X"), ("O",)]
    assert one.inputs == [(("N", "N"),), (("V",),)]


@pytest.mark.parametrize(
    "rows",
    [["New York", "B-X I-X", "is", "O"], ["['New', 'York']", "['B-X', 'I-X']", '["is"]', '["O"]']],
)
def test_a_table_with_a_row_for_each_sentence(tmp_path, rows):
    table = pl.DataFrame({"id": ["1", "2"], "sentence": rows[::2], "tags": rows[1::2]})
    table.write_csv(tmp_path / "a.csv")
    columns = Columns(word="sentence")
    if rows[0] == "New York":  # one of two rows has several words
        table = table.head(1)
        table.write_csv(tmp_path / "a.csv")
    one = read_tagged([tmp_path / "a.csv"], columns)
    assert one.words[0] == ("New", "York")
    assert one.tags[0] == ("B-X", "I-X")


def test_lists_in_a_table(tmp_path):
    table = pl.DataFrame({"tokens": [["New", "York"], ["is"]], "ner_tags": [[1, 2], [0]]})
    table.write_parquet(tmp_path / "a.parquet")
    one = read_tagged([tmp_path / "a.parquet"], Columns())
    assert one.words == [("New", "York"), ("is",)]
    assert one.tags == [("1", "2"), ("0",)]
    table.with_columns(ner_tags=pl.Series([[1], [0]])).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="row 1, column 'ner_tags': must have 2 elements, one for each"):
        read_tagged([tmp_path / "b.parquet"], Columns())


def test_an_array_of_objects_and_tokens_that_are_objects(tmp_path):
    whole = {"text": "New York", "tokens": [{"text": "New"}], "spans": [{"start": 0, "end": 8, "label": "X"}]}
    one = read(tmp_path, json.dumps([whole, {"tokens": ["is"], "tags": ["O"]}], indent=1), name="a.json")
    assert one.tags == [("B-X", "I-X"), ("O",)]


def test_lines_about_a_sentence_may_have_as_many_cells(tmp_path):
    one = read(tmp_path, "# id 5239d808-f300 domain=en\nNew _ _ B-X\n# _ _ O\n", Columns())
    assert one.words == [("New", "#")]


def test_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(12.0).reshape(2, 3, 2), y=[[0, 1, 1], [1, 0, 9]], lengths=[3, 2])
    one = read_tagged([tmp_path / "a.npz"], Columns())
    assert one.tags == [("0", "1", "1"), ("1", "0")]
    assert [item.shape for item in one.items] == [(3, 2), (2, 2)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "must be a JSON object. Got [1]."),
        ('{"a": 1}', "must have words in 'word' or 'words' or 'token'. Got 'a'."),
        ('{"tokens": ["a", "b"], "tags": ["O"]}', "must have 2 elements, one for each word. Got 1."),
        ('{"tokens": ["a", " "], "tags": ["O", "O"]}', "each must be a text that is not empty. Got ' '."),
        ('{"text": "ab", "spans": [[0, 3, "X"]]}', "within the text's 2 characters. Got [0, 3, 'X']."),
        ('{"text": "ab", "spans": [[0, 2, "X"], [1, 2, "Y"]]}', "spans must not overlap."),
    ],
)
def test_refuses_objects(tmp_path, line, message):
    said = refused(tmp_path, line, name="a.jsonl")
    assert said.startswith("/a.jsonl: line 1")
    assert message in said


def test_encodings_and_separators(tmp_path):
    one = read(tmp_path, "Öl;B-X\nist;O\n".encode("cp1252"), Columns(reading=Reading(";", encoding="cp1252")))
    assert one.words == [("Öl", "ist")]
    with pytest.raises(InputError, match=re.escape("line 1: text must be UTF-8")):
        read(tmp_path, "Öl O\n".encode("cp1252"))


def test_a_folder_of_parts_is_refused(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.conll").write_text("a O\n")
    with pytest.raises(InputError, match="not into parts"):
        read_tagged([tmp_path], Columns())
    (tmp_path / "dev.conll").rename(tmp_path / "more.conll")
    assert len(read_tagged([tmp_path], Columns())) == 2
