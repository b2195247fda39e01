"""Options of the task speech recognition and of its verb."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from elman.config import Argument, require
from elman.errors import InputError
from elman.pictures.base import check_picture
from elman.tasks.shared.options import ABSENT, FileOptions, Sized, Verb
from elman.tasks.shared.table import one_line
from elman.tasks.speech_recognition.subtitles import subtitles


@dataclass(frozen=True, kw_only=True)
class Transcribe(Verb):
    """Writes down what recordings say, one line for each.

    Reads sound files (WAV, FLAC, OGG, MP3) of any rate and length, features of the kind that the run was
    trained on, folders of these, or a manifest. With several recordings, each line begins with the
    recording's name. With --stream it reads standard input and prints what has been said as it settles.
    """

    data: Annotated[tuple[Path, ...], Argument(positional=True, metavar="FILE")] = ()
    """recordings, or folders or manifests of them; absent with --stream"""
    words: bool = False
    """also print a line for each word: its begin and end in seconds, its confidence, and the word"""
    to: Literal["text", "srt", "vtt"] = "text"
    """text, or the subtitles of one recording: SubRip (srt) or WebVTT (vtt)"""
    language_model: Path | None = None
    """run folder of a language model of characters or words, which says what is usual; of one of words, only
    these are written. If absent, the n-grams that training chose, if any"""
    word_list: Path | None = None
    """file of words: only these are written; if absent, any word that the language model allows"""
    language_weight: float | None = None
    """factor of the log-probabilities of --language-model; if absent, 0.5 for characters and 1 for words"""
    length_bonus: float | None = None
    """what each character or word of --language-model adds to a text's log-probability, since long texts are
    less probable; if absent, 0.5 for characters and 1 for words"""
    plot: Path | None = None
    """picture to write (.png, .svg or .pdf) of one recording's spectrum, with what was understood under it;
    if absent, none"""
    stream: bool = False
    """listen to standard input: a WAV stream, or with --rate samples of 16 bits, lowest byte first, of one
    channel; needs a run that was trained with --streaming. With --json, prints an object for each new text,
    with text and final; the last one is the whole"""
    rate: int | None = None
    """with --stream: samples a second of what has no header; if absent, it must be a WAV stream"""
    on_bad: Literal["stop", "skip"] = "stop"
    """what a recording that cannot be read does: stop the command, or be left out and told"""

    example: ClassVar[str] = "elman transcribe runs/speech-recognition new.wav"

    def __post_init__(self) -> None:
        """Checks which options exclude each other."""
        if self.stream and (self.data or self.to != "text" or self.plot is not None or self.words):
            raise InputError("--stream reads standard input and goes with no file, --to, --plot or --words")
        if not self.stream and not self.data:
            raise InputError("transcribe needs a recording, or --stream")
        if not self.stream and self.rate is not None:
            raise InputError("--rate goes with --stream; files say their own rate")
        check_picture(self.plot)

    def _answers(self, task: Any) -> Any:
        """Returns the task's answers, with the language model and the words that are named."""
        names = ("language_model", "word_list", "language_weight", "length_bonus")
        language = {name: value for name in names if (value := getattr(self, name)) is not None}
        return task.answers.writing(**language) if language else task.answers

    def text(self, task: Any) -> Iterator[str]:
        """Yields one line for each recording; its subtitles; or words as they settle."""
        if self.stream:
            yield from self._settled(task)
            return
        if self.to != "text" or self.plot is not None:
            answer = self._only(task)
            if self.to != "text":
                yield from subtitles(answer["words"], self.to)
                return
            answers: Iterator[dict[str, Any]] = iter([answer])
        else:
            answers = self._answers(task).transcribe(self.data, self.on_bad)
        several = len(self.data) > 1 or self.data[0].is_dir()
        for number, answer in enumerate(answers):
            several = several or number > 0 or answer["file"] != str(self.data[0])
            yield (f"{one_line(answer['file'])}\t" if several else "") + answer["text"] + "\n"
            if self.words:
                for word in answer["words"]:
                    times = f"{word['begin']:.2f}\t{word['end']:.2f}\t{word['confidence']:.3f}"
                    yield f"{times}\t{word['word']}\n"

    def json(self, task: Any) -> dict[str, Any]:
        """Returns texts, words with their times in seconds, and confidences."""
        if self.to != "text" or self.plot is not None:
            return {"recordings": [self._only(task)]}
        return {"recordings": list(self._answers(task).transcribe(self.data, self.on_bad))}

    def objects(self, task: Any) -> Iterator[dict[str, Any]]:
        """Yields one object; or, of a stream, each new text."""
        if not self.stream:
            yield self.json(task)
            return
        for heard in self._answers(task).listen(sys.stdin.buffer, self.rate):
            yield {"text": heard.text, "final": heard.is_final}

    def _settled(self, task: Any) -> Iterator[str]:
        """Yields the words of a stream once they do not change any more."""
        printed = 0
        for heard in self._answers(task).listen(sys.stdin.buffer, self.rate):
            words = heard.settled[printed:]
            if words:
                yield " ".join(words) + "\n"
                printed += len(words)

    def _only(self, task: Any) -> dict[str, Any]:
        """Returns the answer of the only recording; draws it if a picture is wanted."""
        answers = list(self._answers(task).transcribe(self.data, self.on_bad))
        option = "--plot" if self.plot is not None else "--to"
        if len(answers) != 1:
            raise InputError(f"{option} is for one recording. Got {len(answers)}.")
        if self.plot is not None:
            task.answers.draw(self.data, answers[0], self.plot)
        answer: dict[str, Any] = answers[0]
        return answer


@dataclass(frozen=True, kw_only=True)
class SpeechConfig(FileOptions):
    """Trains a recogniser of speech on recordings with their transcripts.

    Reads folders of sound files (WAV, FLAC, OGG, MP3), each with its transcript beside it (a.wav and a.txt);
    manifests, which are tables with the columns path and text and, optionally, start and end in seconds; or
    ready-made features (.npy, .mfc, .npz). It is made for small vocabularies, one's own language or dialect,
    a laptop, a stream, and what must stay private; dictation of any text takes models that were trained on
    thousands of hours.
    """

    verb = Transcribe
    example = "elman train speech-recognition recordings.csv --out runs/speech-recognition --epochs 40"
    rank = 25
    evaluates_with = ("language_model", "word_list", "language_weight", "length_bonus")
    sized = ("hidden_size", "batch_size", "epochs", "dropout", "stride", "ahead", "sample_rate")
    absent_in_old_runs = ("sample_rate",)  # and of ready-made features
    groups = {
        "": ("streaming", "lowercase"),
        "model": ("stride", "behind", "ahead", "centre"),
        "training": ("augment", "noise", "snr"),
        "language": ("language", "language_texts", "beam"),
        "sound": ("sample_rate", "mels", "frame_seconds"),
        "columns of the data": ("text_column",),
        "parts of the data": ("split", "validation", "test", "on_bad"),
    }

    streaming: bool = False
    """read in one direction only, so that transcribe --stream works; --ahead is then the look-ahead"""
    lowercase: bool = False
    """read transcripts in lower case"""
    hidden_size: Sized[int] = ABSENT
    """units of each layer, in each direction; if absent, 64 for less than 10 minutes to 256 for more than 80;
    twice as many with --streaming"""
    layers: int = 3
    """number of stacked recurrent layers"""
    dropout: Sized[float] = ABSENT
    """dropout probability between layers, and before and after them; if absent, 0.3"""
    batch_size: Sized[int] = ABSENT
    """recordings of average length in a batch, which holds as many frames as these; if absent, 4 to 16: fewer
    for fewer recordings"""
    epochs: Sized[int] = ABSENT
    """passes over the training part; if absent, 15 to 300: more for fewer minutes"""
    learning_rate: float = 3e-3
    """highest learning rate"""
    warmup_steps: int = 100
    """steps over which the learning rate rises from 0"""
    average: Literal["none", "ema", "asgd"] = "ema"
    """average of the weights, validated beside the last ones, of which the better are kept: ema (exponential
    moving average over two epochs), asgd (the mean since the validation loss first rose) or none"""
    stride: Sized[int] = ABSENT
    """frames from one step of the network to the next; if absent, 3, or fewer if a transcript has too many
    letters for its recording"""
    behind: int = 0
    """frames before those of a step that it reads as well"""
    ahead: Sized[int] = ABSENT
    """frames after those of a step that it reads as well; if absent, 0, or 20 with --streaming"""
    centre: Literal["auto", "own", "none"] = "auto"
    """own: read frames less their recording's mean, which the end of the recording must be known for; auto:
    own, or none with --streaming"""
    augment: float = 1.0
    """strength of the random changes in training: speed, voice and loudness of sound, tempo of ready-made
    features, and times and bands that are left out; 0: none"""
    noise: tuple[Path, ...] = ()
    """files or folders of noise that is mixed into half of the recordings in training; if absent, none"""
    snr: tuple[float, float] = (0.0, 20.0)
    """least and largest ratio of a recording's energy to that of --noise, dB"""
    language: Literal["auto", "none", "letters", "words"] = "auto"
    """language model of the training transcripts: n-grams of letters; or of words, and then only these words
    are written; none: the sound alone. auto: whichever has the fewest word errors on the validation part, and
    at a tie words if they are few and frequent, otherwise none"""
    language_texts: tuple[Path, ...] = ()
    """files or folders of texts, a sentence a line, that the language model learns beside the transcripts,
    with their words; if absent, it learns the transcripts alone"""
    beam: int = 16
    """texts kept at each step of the search"""
    sample_rate: Sized[int] = ABSENT
    """samples a second that sound is converted to; if absent, as most recordings have, up to 16,000"""
    mels: int = 40
    """bands of the spectrum, on the mel scale"""
    frame_seconds: float = 0.01
    """seconds from one frame to the next in ready-made features; that of sound is 0.01"""
    text_column: str | None = None
    """column of the transcripts in a manifest; if absent, the one with a usual name, such as text"""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """shares of training, validation and test part, drawn at random"""
    validation: tuple[Path, ...] = ()
    """files or folders of the validation part; if present, its share of --split is trained on"""
    test: tuple[Path, ...] = ()
    """files or folders of the test part, best of speakers that the others lack; if present, its share of
    --split is trained on"""
    on_bad: Literal["stop", "skip"] = "stop"
    """what a recording does that is damaged, silent, empty, without transcript or too short for it: stop the
    training, or be left out and told"""

    def __post_init__(self) -> None:
        """Checks every range."""
        super().__post_init__()
        for name, least in (("stride", 1), ("behind", 0), ("ahead", 0)):
            value = getattr(self, name)
            require(
                f"--{name}", value is ABSENT or least <= value <= 1000, f"an int in [{least}, 1000]", value
            )
        rises = -50 <= self.snr[0] <= self.snr[1] <= 100
        require("--snr", rises, "two rising numbers in [-50, 100]", self.snr)
        require("--beam", 1 <= self.beam <= 10_000, "an int in [1, 10000]", self.beam)
        require("--augment", 0 <= self.augment <= 5, "in [0, 5]", self.augment)
        rate = self.sample_rate
        require("--sample-rate", rate is ABSENT or 1000 <= rate <= 384_000, "an int in [1000, 384000]", rate)
        require("--mels", 2 <= self.mels <= 200, "an int in [2, 200]", self.mels)
        require("--frame-seconds", 0 < self.frame_seconds <= 1, "in (0, 1]", self.frame_seconds)
        if self.streaming and self.centre == "own":
            raise InputError("--centre own needs the whole recording, and so excludes --streaming")

    @property
    def is_centred(self) -> bool:
        """Whether frames are read less their recording's mean."""
        return self.centre == "own" or (self.centre == "auto" and not self.streaming)
