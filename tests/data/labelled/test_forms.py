"""Files of labelled texts as people have them: columns found, lines of every form, rows left out."""

import gzip
import json
import logging
import re

import numpy as np
import pytest

from elman.data.labelled.columns import Columns
from elman.data.labelled.examples import Labelled, warn_of_lone_labels
from elman.data.labelled.files import read_files_of_labels, read_labelled, resolved
from elman.data.labelled.lines import are_labels
from elman.errors import InputError

TEXTS = [f"a thing that is number {k} of all" for k in range(24)]
LABELS = ["good", "bad", "so so"] * 8
WANTED = [((text,), (label,)) for text, label in zip(TEXTS, LABELS, strict=True)]


def written(path, header, *columns, mark=","):
    lines = [header] * bool(header) + [mark.join(map(str, cells)) for cells in zip(*columns, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path, **columns):
    found = read_labelled(path, resolved(path, Columns(**columns)))
    return list(zip(found.items, found.labels, strict=True))


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("review,sentiment", "tl"),
        ("Sentence,Label", "tl"),
        ("id,review,sentiment", "itl"),
        ("Category,n,Message", "lit"),
        ("a,b", "lt"),
        ("", "lt"),
    ],
)
def test_the_only_column_of_sentences_and_the_only_one_that_repeats_are_taken(
    tmp_path, header, order, caplog
):
    caplog.set_level(logging.INFO, "elman")
    columns = {"t": TEXTS, "l": LABELS, "i": range(24)}
    assert read(written(tmp_path / "t.csv", header, *(columns[c] for c in order))) == WANTED
    assert "is the text," in caplog.text
    assert ": 3 labels" in caplog.text


def test_several_candidates_are_shown_with_the_flag(tmp_path):
    path = written(tmp_path / "t.csv", "id,first,second,tone", range(24), TEXTS, TEXTS[::-1], LABELS)
    with pytest.raises(InputError, match="the texts: --text-column first or --text-column second"):
        read(path)
    assert read(path, text="first") == WANTED
    path = written(tmp_path / "t.csv", "words,one,two", TEXTS, LABELS, LABELS[::-1])
    with pytest.raises(InputError, match="the labels: --label-column one or --label-column two"):
        read(path)
    assert read(path, label="one") == WANTED


def test_a_file_without_labels_is_read_with_the_names_of_training(tmp_path):
    columns = resolved(written(tmp_path / "t.csv", "review,tone", TEXTS, LABELS), Columns())
    path = written(tmp_path / "new.csv", "id,review", range(24), TEXTS)
    assert read_labelled(path, columns, with_labels=False).items == [(text,) for text in TEXTS]


FORMS = {
    "spaces": "{0}  {1}",
    "tab": "{0}\t{1}",
    "label behind": "{1}\t{0}",
    "fastText": "__label__{0} {1}",
    "fastText, tab": "__label__{0}\t{1}",
    "fastText, spaces": "__label__{0}   {1}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_every_form(tmp_path, form, end):
    path, labels = tmp_path / "t.txt", [label.replace(" ", "_") for label in LABELS]
    lines = [form.format(label, text) for label, text in zip(labels, TEXTS, strict=True)]
    path.write_bytes((end.join(lines) + end).encode())
    assert read(path) == [((text,), (label,)) for text, label in zip(TEXTS, labels, strict=True)]


def test_labels_with_spaces_before_a_tab(tmp_path):
    assert read(written(tmp_path / "t.txt", "", LABELS, TEXTS, mark="\t")) == WANTED


def test_several_labels_of_fasttext(tmp_path):
    (tmp_path / "t.txt").write_text("__label__b \t__label__a\tone two\n__label__c  three\n")
    assert read(tmp_path / "t.txt") == [(("one two",), ("a", "b")), (("three",), ("c",))]


def test_text_with_a_header_is_a_table(tmp_path):
    assert read(written(tmp_path / "t.txt", "label\ttext", LABELS, TEXTS, mark="\t")) == WANTED


@pytest.mark.parametrize("name", ["table", "table.txt", "table.dat"])
@pytest.mark.parametrize(
    "header", ["review,sentiment", "Rating;Comment", '"id","tweet","class"', "topic\theadline"]
)
def test_a_first_line_that_names_texts_and_labels_makes_a_table(tmp_path, name, header):
    mark = next(mark for mark in ",;\t" if mark in header)
    texts = [[f"again and again {k}" for k in range(24)], ["again", "never", "often"] * 8]
    order = [cell.strip('"').lower() for cell in header.split(mark)]
    columns = [
        range(24) if cell == "id" else texts[cell in ("sentiment", "rating", "class", "topic")]
        for cell in order
    ]
    path = written(tmp_path / name, header, *columns, mark=mark)
    assert read(path) == [((text,), (label,)) for text, label in zip(*texts, strict=True)]


def test_first_words_of_sentences_are_no_labels():
    words = [(f"word{k}",) for k in range(30)]
    assert not are_labels(words)
    assert not are_labels(words + [("the",)] * 60)
    assert are_labels([("a",), ("b",)] * 5)
    assert are_labels(words[:5])


def test_a_file_for_each_label(tmp_path):
    (tmp_path / "good.txt").write_text("one\n\ntwo\r\n")
    written(tmp_path / "bad.csv", "id,text", [1, 2], ["x", ""])
    found = read_files_of_labels([tmp_path / "good.txt", tmp_path / "bad.csv"], Columns())
    assert list(zip(found.items, found.labels, strict=True)) == [
        (("one",), ("good",)),
        (("two",), ("good",)),
        (("x",), ("bad",)),
    ]
    assert len(read_files_of_labels([tmp_path], Columns())) == 3
    (tmp_path / "reviews.pos").write_text("one\n")
    assert read_files_of_labels([tmp_path / "reviews.pos"], Columns()).labels == [("pos",)]
    assert found.places[1].endswith("good.txt: line 3")


@pytest.mark.parametrize("name", ["t.csv", "t.txt"])
def test_few_rows_without_text_or_label_are_left_out_and_counted(tmp_path, name):
    texts = ["", *TEXTS[1:]]
    header = "text,label" if name == "t.csv" else ""
    columns = (texts, LABELS) if header else (LABELS, texts)
    path = written(tmp_path / name, header, *columns, mark="," if header else "\t")
    first = "row 2, column 'text'" if header else "line 1"
    with pytest.warns(UserWarning, match=rf"{name}: {first}: must .* \(1 of 24 such rows are left out\)"):
        assert read(path) == WANTED[1:]
    with pytest.raises(InputError, match=rf"{name}: {first}: must"):
        read(path, most_empty=0.0)
    mark, emptied = "," if header else "\t", ["" for _ in range(5)] + texts[5:]
    columns = (emptied, LABELS) if header else (LABELS, emptied)
    many = written(tmp_path / f"many-{name}", header, *columns, mark=mark)
    with pytest.raises(InputError, match=rf"{first}: must .*\(5 of 24 rows; --most-empty 0\.21 leaves them"):
        read(many)
    with pytest.warns(UserWarning, match=r"5 of 24 such rows are left out"):
        assert len(read(many, most_empty=0.21)) == 19
    without = read_labelled(path, Columns(), with_labels=False)
    assert len(without) == 24


def filled(folder, names, text="some words"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("Training/up/1", "Validation/up/1"), "{0}/Training --validation {0}/Validation"),
        (("train/up/1", "dev/up/1", "test/up/1"), "{0}/train --validation {0}/dev --test {0}/test"),
        (("test_set/up/1", "training_set/up/1", "README"), "{0}/training_set --test {0}/test_set"),
        (("train/up/1", "notes.txt"), "{0}/train"),
        (("train.csv", "test.csv"), "{0}/train.csv --test {0}/test.csv"),
    ],
)
def test_parts_of_the_data_are_not_labels(tmp_path, names, given):
    filled(tmp_path, names)
    message = re.escape("Give each part: " + given.format(tmp_path)) + "$"
    with pytest.raises(InputError, match=message):
        read_labelled(tmp_path, Columns())
    with pytest.raises(InputError, match=message):
        read_files_of_labels([tmp_path], Columns())


def test_labels_may_be_named_like_a_part(tmp_path):
    folder = filled(tmp_path, ("train/1", "bus/1", "tram/1"))
    assert read_labelled(folder, Columns()).labels == [("bus",), ("train",), ("tram",)]


def test_a_folder_without_labels_beside_those_of_labels_is_left_out(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    folder = filled(tmp_path, ("neg/1", "pos/1", "unsup/1", "unsup/2"))
    assert read_labelled(folder, Columns()).labels == [("neg",), ("pos",)]
    assert "left out: unsup" in caplog.text
    filled(tmp_path / "only", ["unlabeled/1"])
    with pytest.raises(InputError, match="Got no folder"):
        read_labelled(tmp_path / "only", Columns())


def test_what_lies_beside_the_folders_of_labels_is_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    folder = filled(tmp_path, ("neg/1", "pos/1", "pos/2", "LICENSE", "songs.csv", ".hidden"))
    assert len(read_labelled(folder, Columns())) == 3
    told = f"{folder}: a folder is a label: 2 labels (neg, pos); left out beside them: LICENSE, songs.csv"
    assert told in caplog.messages
    filled(tmp_path, ("pos/all.csv",))
    with pytest.raises(
        InputError, match=r"pos/all\.csv: is a table; in the folder of a label each file must be"
    ):
        read_labelled(folder, Columns())


def test_columns_that_mean_the_same_as_the_labels_are_told(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    moods, codes = ["glad", "sad", "calm"] * 8, ["7", "3", "5"] * 8
    lines = [f"song number {k} of them all" for k in range(24)]
    path = tmp_path / "songs.csv"
    written(path, "song,mood,code,half", lines, moods, codes, ["a", "b"] * 12)
    assert [labels for _, labels in read(path, label="mood")] == [(mood,) for mood in moods]
    assert f"{path}: code means the same as the label, mood, and is not read" in caplog.messages
    assert not any("half means" in line for line in caplog.messages)


def test_a_feature_that_gives_the_labels_of_sequences_away_is_refused(tmp_path):
    path = tmp_path / "runs.csv"
    rows = [f"r{k},{step},{k % 5}.{step},{k % 2 + 4},{'ab'[k % 2]}" for k in range(12) for step in range(3)]
    path.write_text("\n".join(["unique_id,ds,pace,code,label", *rows]))
    with pytest.raises(
        InputError, match=r"column 'code' means the same as the labels in 'label'\. Leave it out"
    ):
        read_labelled(path, Columns())
    for chosen in ({"ignored": ("code",)}, {"features": ("pace",)}):
        assert read_labelled(path, Columns(**chosen)).features == ("pace",)
    assert len(read_labelled(path, Columns(), with_labels=False)) == 12


@pytest.mark.parametrize("form", ["array", "indented", "lines"])
def test_json_is_an_array_of_objects_or_one_a_line(tmp_path, form):
    rows = [{"said": text, "tone": label} for text, label in zip(TEXTS, LABELS, strict=True)]
    path = tmp_path / "t.json"
    lines = "\n".join(map(json.dumps, rows))
    path.write_text(lines if form == "lines" else json.dumps(rows, indent=2 if form == "indented" else None))
    assert read(path) == WANTED
    path.write_text(json.dumps({"version": 2, "rows": rows}))
    assert read(path) == WANTED
    path.write_text(lines if form == "lines" else json.dumps(rows))
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed) == WANTED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "row 1: must be a JSON object. Got 1."),
        ('[{"text": "a"}, {"text": ', "must be a JSON array of objects: "),
        (
            '{\n "rows": []\n}',
            "line 1: must be a JSON object. Got '{'. A .json file holds an array of objects",
        ),
        ("[]", "has no rows"),
        ('[{"text": {"en": "a b"}, "label": "x"}]', "column 'text': must hold texts. Got JSON objects."),
        ('{"data": [{"text": "a"}], "more": [{"text": "b"}]}', "columns: data, more"),
    ],
)
def test_other_json_is_refused_in_one_line(tmp_path, content, message):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(InputError, match=re.escape(message)) as error:
        read(path)
    assert "\n" not in str(error.value)


DISHES = ["soup", "fish and chips", "cold rice", "green salad", "very old bread", "tea"] * 5
MARKS = ["ok", "no"] * 15
WORDS = ["lamp", "door", "tree", "wall"] * 8


@pytest.mark.parametrize("header", ["review,a", "a,sentiment", "a,b", "sentiment,comment", "n,a,b"])
def test_of_two_columns_that_repeat_the_longer_and_more_varied_is_the_text(tmp_path, header, caplog):
    caplog.set_level(logging.INFO, "elman")
    columns = [MARKS, DISHES] if header.startswith("sent") else [DISHES, MARKS]
    columns = [range(30), *columns] if header.startswith("n,") else columns
    path = written(tmp_path / "t.csv", header, *columns)
    assert read(path) == [((text,), (label,)) for text, label in zip(DISHES, MARKS, strict=True)]
    assert ": 2 labels" in caplog.text


@pytest.mark.parametrize(
    ("header", "first", "second"),
    [
        ("a,b", WORDS, ["home", "yard", "road"] * 10 + ["home"] * 2),  # as long, hardly more varied
        ("text,b", MARKS, DISHES),  # the text would have fewer values
        ("a,b", ["moderately long label", "another long label"] * 15, DISHES),  # varied, but shorter
    ],
)
def test_two_readings_are_shown_with_their_flags(tmp_path, header, first, second):
    path = written(tmp_path / "t.csv", header, first, second)
    one, other = header.split(",")
    with pytest.raises(InputError, match="either column can hold the texts: --text-column ") as error:
        read(path)
    assert f"--text-column {one} --label-column {other}" in str(error.value)
    assert f"--text-column {other} --label-column {one}" in str(error.value)
    wanted = [((text,), (label,)) for text, label in zip(second, first, strict=False)]
    assert read(path, text=other, label=one) == wanted


def test_repeated_sentences_of_a_script_without_spaces_are_texts(tmp_path):
    texts = ["この店の料理はとても美味しい", "料理は冷たくて残念でした", "また家族と一緒に行きたいです"] * 10
    path = written(tmp_path / "t.csv", "評価,本文", MARKS, texts)
    assert read(path) == [((text,), (label,)) for text, label in zip(texts, MARKS, strict=True)]


def test_numbers_of_many_values_are_no_candidates_for_labels(tmp_path):
    reading, hour = [f"{k % 25}.5" for k in range(60)], [k % 30 for k in range(60)]
    texts = [f"a thing that is number {k} of all" for k in range(60)]
    path = written(tmp_path / "t.csv", "note,volt,hour,kind", texts, reading, hour, MARKS * 2)
    assert read(path) == [((text,), (label,)) for text, label in zip(texts, MARKS * 2, strict=True)]


def test_messages_name_pairs_sequences_and_several_labels(tmp_path):
    phrases = [f"what is the name of city {k % 12}" for k in range(60)]
    path = written(tmp_path / "p.csv", "n,left,right,same", range(60), phrases, phrases[::-1], [0, 1] * 30)
    with pytest.raises(InputError, match=r"or, for pairs of texts, --text-column left --pair-column right$"):
        read(path)
    assert len(read(path, text="left", pair="right")) == 60
    path = written(tmp_path / "m.csv", "words,rude,long", TEXTS, [0, 1] * 12, [0, 0, 1] * 8)
    with pytest.raises(
        InputError, match=r"--label-column long; .* 'rude\|long'\) .* --label-separator '\|'$"
    ):
        read(path)


TRIPS = [f"trip{k // 6}" for k in range(60)]
KINDS = [["car", "tram"][k // 6 % 2] for k in range(60)]
STEPS = [k % 6 for k in range(60)]
SPEEDS = [k + 0.25 for k in range(60)]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("trip,step,speed,kind", [TRIPS, STEPS, SPEEDS, KINDS]),
        ("kind,speed,journey,time", [KINDS, SPEEDS, [f"0{k // 6}" for k in range(60)], STEPS]),
        ("id,speed,kind", [[100 + k // 6 for k in range(60)], SPEEDS, [k // 6 % 2 for k in range(60)]]),
        ("trip,when,speed,activity", [TRIPS, [f"2024-03-01 10:0{k}:00" for k in STEPS], SPEEDS, KINDS]),
    ],
)
def test_a_table_of_sequences_is_read_where_only_one_reading_makes_sense(tmp_path, header, columns, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = written(tmp_path / "s.csv", header, *columns)
    part = read_labelled(path, Columns())
    assert (len(part), part.features) == (10, ("speed",))
    assert [len(item) for item in part.items] == [6] * 10
    kinds = next(
        c for name, c in zip(header.split(","), columns, strict=True) if name in ("kind", "activity")
    )
    assert part.labels == [(str(kind),) for kind in kinds[::6]]
    assert "s.csv: a row is a step: " in caplog.text
    assert caplog.text.rstrip().endswith("the label: 2 labels")
    found = resolved(path, Columns())
    assert read_labelled(path, found).items[3].tolist() == part.items[3].tolist()


def test_steps_out_of_order_are_sorted_by_their_column(tmp_path):
    order = np.random.default_rng(0).permutation(60)
    columns = [[column[k] for k in order] for column in (TRIPS, STEPS, SPEEDS, KINDS)]
    part = read_labelled(written(tmp_path / "s.csv", "trip,step,speed,kind", *columns), Columns())
    assert all((np.diff(item[:, 0]) == 1).all() for item in part.items)


def test_several_readings_of_a_table_of_sequences_are_shown(tmp_path):
    drivers = [f"driver{k // 12}" for k in range(60)]
    path = written(tmp_path / "s.csv", "trip,speed,kind,driver", TRIPS, SPEEDS, KINDS, drivers)
    with pytest.raises(
        InputError,
        match=r"for numeric sequences: --id-column trip --label-column kind or --id-column trip "
        r"--label-column driver$",
    ):
        read_labelled(path, Columns())
    found = read_labelled(path, Columns(label="kind", ignored=("driver",)))
    assert found.labels[:2] == [("car",), ("tram",)]
    words = written(tmp_path / "w.csv", "trip,speed,kind,note", TRIPS, SPEEDS, KINDS, ["x", "y", "z"] * 20)
    with pytest.raises(InputError, match=r"for numeric sequences: --id-column trip --label-column kind$"):
        read_labelled(words, Columns())


FORM_TOLD = {
    "{0} {1}": "a line is a label, a space and a text: 3 labels",
    "{0}\t{1}": "a line is a label, a tab and a text: 3 labels",
    "{1}\t{0}": "a line is a text, a tab and its label: 3 labels",
    "__label__{0} {1}": "a line is labels of fastText and a text: 3 labels",
}


@pytest.mark.parametrize("form", FORM_TOLD)
def test_lines_say_how_they_are_read(tmp_path, form, caplog):
    caplog.set_level(logging.INFO, "elman")
    labels = [label.replace(" ", "_") for label in LABELS]
    lines = [form.format(label, text) for label, text in zip(labels, TEXTS, strict=True)]
    (tmp_path / "stdin").write_text("\n".join(lines))
    assert len(read(tmp_path / "stdin")) == 24
    assert f"stdin: {FORM_TOLD[form]}" in caplog.text


@pytest.mark.parametrize("words", [6, 24])
def test_a_last_word_may_be_the_label(tmp_path, words, caplog):
    caplog.set_level(logging.INFO, "elman")
    labels = [label.replace(" ", "_") for label in LABELS]
    lines = [
        f"w{k % words} {text} {label}" for k, (text, label) in enumerate(zip(TEXTS, labels, strict=True))
    ]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    assert read(tmp_path / "t.txt")[1] == (("w1 a thing that is number 1 of all",), ("bad",))
    assert "t.txt: a line is a text, a space and its label: 3 labels" in caplog.text


def test_of_first_and_last_words_that_may_be_labels_both_are_told(tmp_path):
    lines = [
        f"w{k % 5} {text} {label[:2]}" for k, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    with pytest.raises(
        InputError, match=r"first word \(5 labels, such as 'w0'\) or its last \(3, such as 'go'"
    ):
        read(tmp_path / "t.txt")
    (tmp_path / "t.txt").write_text("\n".join(line[:-2] + "?!."[k % 3] for k, line in enumerate(lines)))
    assert read(tmp_path / "t.txt")[0][1] == ("w0",)  # marks at the end of sentences are no labels


def test_a_first_line_of_sentences_is_a_row_of_two_columns_of_texts(tmp_path):
    rows = [
        f"the {bird} sings here.;der {bird} singt hier." for bird in ("robin", "wren", "finch", "owl") * 3
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    with pytest.raises(InputError, match="--text-column column_1 --label-column column_2 or"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("title", [[], ["What visitors of the inn said"], ["Said, at the inn", ""]])
@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_columns_of_any_name_make_a_table_of_what_has_no_ending(tmp_path, title, mark, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = tmp_path / "stdin"
    rows = [f"{text}{mark}{label}" for text, label in zip(TEXTS, LABELS, strict=True)]
    path.write_text("\n".join([*title, f"words{mark}manner", *rows]) + "\n")
    assert read(path) == WANTED
    assert "stdin: is read as a table with the columns words, manner" in caplog.text
    found = resolved(path, Columns())
    path.write_text("\n".join([f"manner{mark}words", *(f"-{mark}{text}" for text in TEXTS)]) + "\n")
    assert read_labelled(path, found, with_labels=False).items == [(text,) for text in TEXTS]


@pytest.mark.parametrize("row", ["{0} well, {1}", "{0} {1}; in all", "{0} it is, and {1}, or so"])
def test_sentences_of_equally_many_commas_are_lines(tmp_path, row):
    labels = [label.replace(" ", "_") for label in LABELS]
    lines = [row.format(label, text) for label, text in zip(labels, TEXTS, strict=True)]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    assert [label for _, (label,) in read(tmp_path / "t.txt")] == labels


@pytest.mark.parametrize("last", ["Total,24", "Insgesamt:,24 rows", "24 reviews,Total", "grand total,"])
def test_a_total_below_is_no_label(tmp_path, last, caplog):
    caplog.set_level(logging.INFO, "elman")
    path = written(tmp_path / "t.csv", "words,tone", TEXTS, LABELS)
    path.write_text(path.read_text() + last + "\n")
    assert read(path) == WANTED
    assert "t.csv: the last row is a total and left out: " in caplog.text


def test_a_word_such_as_total_may_be_a_text_or_a_label(tmp_path):
    rows = [*zip(TEXTS, LABELS, strict=True), ("one more of all", "Total"), ("two more of all", "Total")]
    path = written(tmp_path / "t.csv", "words,tone", *zip(*rows, strict=True))
    assert read(path)[24:] == [((text,), (label,)) for text, label in rows[24:]]
    path = written(tmp_path / "t.csv", "words,tone", [*TEXTS, "Total"], [*LABELS, "good"])
    assert read(path)[24:] == [(("Total",), ("good",))]


def test_a_total_below_is_no_sequence(tmp_path):
    path = written(tmp_path / "s.csv", "trip,step,speed,kind", TRIPS, STEPS, SPEEDS, KINDS)
    path.write_text(path.read_text() + "Total,,1785,\n")
    part = read_labelled(path, Columns(id="trip", time="step", label="kind"))
    assert [len(item) for item in part.items] == [6] * 10


def test_a_folder_without_folders_says_what_to_give(tmp_path):
    for name, told in {
        "": " and no file",
        "b.md": "; --label-from file",
        "a.csv": "; a table is given by",
    }.items():
        if name:
            (tmp_path / name).write_text("words")
        with pytest.raises(InputError, match=f"Got no folder{told}"):
            read_labelled(tmp_path, Columns())


def test_a_number_of_each_sequence_is_for_regression(tmp_path):
    fares = [f"{k // 6 * 1.5 + 3}" for k in range(60)]
    path = written(tmp_path / "s.csv", "trip,step,speed,fare", TRIPS, STEPS, SPEEDS, fares)
    with pytest.raises(
        InputError, match=r"elman train regression with --id-column trip --target-column fare$"
    ):
        read_labelled(path, Columns())


def test_a_number_that_counts_the_rows_of_each_sequence_is_no_feature(tmp_path):
    path = written(tmp_path / "s.csv", "trip,lap,speed,kind", TRIPS, STEPS, SPEEDS, KINDS)
    assert read_labelled(path, Columns()).features == ("speed",)


def test_a_colon_behind_every_label_is_none_of_it(tmp_path, caplog):
    caplog.set_level(logging.INFO, "elman")
    labels = [label.replace(" ", "_") for label in LABELS]
    lines = [f"{label}: {text}" for label, text in zip(labels, TEXTS, strict=True)]
    (tmp_path / "t.txt").write_text("\n".join(lines))
    assert read(tmp_path / "t.txt") == [
        ((text,), (label,)) for text, label in zip(TEXTS, labels, strict=True)
    ]
    assert "a line is a label with a colon, a space and a text: 3 labels" in caplog.text


def test_labels_that_differ_in_case_alone_are_told():
    part = Labelled([("a b",)] * 6, [("Yes",), ("yes",), ("no",)] * 2, ["t"] * 6)
    with pytest.warns(UserWarning, match=r"labels differ only in upper and lower case, .*: 'Yes' and 'yes'"):
        warn_of_lone_labels(part)
