"""Words with times become subtitles."""

from elman.tasks.speech_recognition.subtitles import subtitles


def word(text, begin, end):
    return {"word": text, "begin": begin, "end": end}


WORDS = [word("one", 0.5, 0.9), word("two", 1.0, 1.4), word("three", 3661.2, 3661.9999)]


def test_subrip():
    assert "".join(subtitles(WORDS, "srt")) == (
        "1\n00:00:00,500 --> 00:00:01,400\none two\n\n2\n01:01:01,200 --> 01:01:02,000\nthree\n\n"
    )


def test_webvtt():
    assert "".join(subtitles(WORDS[:1], "vtt")) == "WEBVTT\n\n00:00:00.500 --> 00:00:00.900\none\n\n"
    assert "".join(subtitles([], "srt")) == ""


def test_long_subtitles_have_two_lines_and_end_after_six_seconds():
    many = [word("abcdefgh", k * 0.4, k * 0.4 + 0.3) for k in range(12)]
    first, second = "".join(subtitles(many, "srt")).split("\n\n")[:2]
    assert [len(line) for line in first.splitlines()[2:]] == [44, 35]
    assert len(second.splitlines()) == 3
    slow = [word("a", k, k + 0.5) for k in range(9)]
    assert "".join(subtitles(slow, "srt")).count("-->") == 2
