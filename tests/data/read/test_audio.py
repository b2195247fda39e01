"""Recordings of all kinds become one channel at one rate; what cannot be read is named."""

import io
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from sounds import tone, write_sound

from elman.data.read.audio import Resampler, audio_blocks, audio_facts, audio_of_array, read_audio
from elman.data.read.wave import arriving_samples
from elman.errors import InputError

RATE = 16_000
SOUND = tone(440.0, 1.0, RATE)


def strongest(samples: np.ndarray, rate: int) -> float:
    """Frequency of the strongest part of a sound, Hz."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum.argmax() * rate / len(samples))


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "au"])
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100])
def test_every_kind_and_rate_is_heard_alike(tmp_path, ending, rate):
    if ending == "mp3" and rate == 8_000:
        pytest.skip("libsndfile writes no MP3 at 8 kHz")
    sound = tone(440.0, 1.0, rate)
    path = write_sound(tmp_path / f"a.{ending}", np.stack([sound, sound], 1), rate)
    assert audio_facts(path)[:2] == (rate, 2)
    samples = read_audio(path, RATE).samples
    assert samples.dtype == np.float32
    assert abs(len(samples) - RATE) <= 1
    assert strongest(samples, RATE) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_all_widths_of_a_wav_stream_are_read_as_the_file_is(tmp_path, subtype):
    path = write_sound(tmp_path / "a.wav", np.stack([SOUND, -0.5 * SOUND], 1), RATE, subtype=subtype)
    whole = read_audio(path, RATE).samples
    with path.open("rb") as file:
        rate, pieces = arriving_samples(file, "stream", None)
        arrived = [*pieces]
    assert rate == RATE
    assert max(map(len, arrived)) <= RATE // 10
    assert np.allclose(np.concatenate(arrived), whole, atol=1e-7)


def test_a_part_is_that_of_the_whole(tmp_path):
    for ending in ("wav", "flac", "ogg"):
        path = write_sound(tmp_path / f"a.{ending}", SOUND, RATE)
        whole = read_audio(path, RATE).samples
        assert np.array_equal(read_audio(path, RATE, 0.25, 0.5).samples, whole[4_000:8_000])
        assert np.array_equal(read_audio(path, RATE, 0.75).samples, whole[12_000:])
    for begin, end in ((0.5, 0.5), (0.5, 0.25), (0.0, 1.1), (1.0, None)):
        with pytest.raises(InputError, match=r"a.wav: a part must lie in its 1.000 s and have a length. Got"):
            read_audio(tmp_path / "a.wav", RATE, begin, end)


def test_a_long_recording_comes_in_pieces(tmp_path):
    path = write_sound(tmp_path / "a.wav", tone(300, 25), 8_000)
    pieces = [block.samples for block in audio_blocks(path, 16_000)]
    assert len(pieces) == 3
    assert np.array_equal(np.concatenate(pieces), read_audio(path, 16_000).samples)


def test_pieces_are_resampled_as_the_whole():
    whole = Resampler(RATE, 8_000)(SOUND, last=True)
    convert = Resampler(RATE, 8_000)
    pieces = [convert(SOUND[k : k + 777], last=k + 777 >= RATE) for k in range(0, RATE, 777)]
    assert np.array_equal(np.concatenate(pieces), whole)


def test_clipped_samples_are_counted(tmp_path):
    assert read_audio(write_sound(tmp_path / "a.wav", SOUND, RATE), RATE).clipped == 0
    loud = np.clip(tone(100.0, 1.0, RATE, level=1.5), -1, 1)
    assert read_audio(write_sound(tmp_path / "b.wav", loud, RATE), 8_000).clipped == pytest.approx(
        0.5, abs=0.1
    )


def broken(tmp_path) -> dict[str, tuple[bytes, str]]:
    path = write_sound(tmp_path / "whole.wav", SOUND, RATE)
    wav = path.read_bytes()
    flac = write_sound(tmp_path / "whole.flac", SOUND, RATE).read_bytes()
    mp3 = write_sound(tmp_path / "whole.mp3", SOUND, RATE).read_bytes()
    silent = write_sound(tmp_path / "silent.wav", 0 * SOUND, RATE).read_bytes()
    return {
        "none.wav": (b"", "is empty"),
        "header.wav": (wav[:30], "cannot be read as sound: "),
        "short.wav": (wav[:44], "holds no samples"),
        "cut.wav": (wav[:20_000], "is cut off: its header says 12,044 bytes more than there are"),
        "slow.wav": (wav[:24] + struct.pack("<I", 3) + wav[28:], "the sample rate must be an int in "),
        "text.wav": (b"this is no sound " * 99, "cannot be read as sound: "),
        "cut.flac": (flac[: len(flac) // 2], "cannot be read as sound: "),
        "cut.mp3": (mp3[: len(mp3) // 3], "is cut off: it must hold 1.000 s. Got 0."),
        "silent.wav": (silent, "is silent: all of its samples are 0"),
    }


def test_what_cannot_be_read_is_named(tmp_path):
    for name, (content, said) in broken(tmp_path).items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError) as error:
            read_audio(path, RATE)
        assert str(error.value).startswith(f"{path}: {said}"), name
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"absent.wav: no such file$"):
        read_audio(tmp_path / "absent.wav", RATE)
    with pytest.raises(InputError, match=r"is a folder; give a file$"):
        read_audio(tmp_path, RATE)


def test_a_wav_file_that_a_stream_wrote_has_no_length(tmp_path):
    wav = write_sound(tmp_path / "a.wav", SOUND, RATE).read_bytes()
    path = tmp_path / "b.wav"
    path.write_bytes(wav[:40] + struct.pack("<I", 0xFFFFFFFF) + wav[44:])
    assert len(read_audio(path, RATE).samples) == RATE
    _, pieces = arriving_samples(io.BufferedReader(io.BytesIO(path.read_bytes())), "stream", RATE)
    assert len(np.concatenate([*pieces])) == RATE


def test_samples_without_a_header_need_a_rate():
    content = (SOUND * 2**15).astype("<i2").tobytes()

    def stream(rate):
        return arriving_samples(io.BufferedReader(io.BytesIO(content + b"\0")), "standard input", rate)

    rate, pieces = stream(RATE)
    assert rate == RATE
    assert np.allclose(np.concatenate([*pieces]), SOUND, atol=2**-15)
    with pytest.raises(InputError, match=r"^standard input: must be a WAV stream, or --rate must give"):
        stream(None)
    with pytest.raises(InputError, match=r"^x: holds no sound$"):
        arriving_samples(io.BufferedReader(io.BytesIO()), "x", RATE)


def test_the_header_of_a_stream_is_believed(tmp_path):
    wav = write_sound(tmp_path / "a.wav", SOUND, RATE).read_bytes()
    with pytest.raises(InputError, match=r"^x: --rate must be that of the WAV stream, 16000. Got 8000.$"):
        arriving_samples(io.BufferedReader(io.BytesIO(wav)), "x", 8_000)
    with pytest.raises(InputError, match=r"^x: ends within its header$"):
        arriving_samples(io.BufferedReader(io.BytesIO(wav[:30])), "x", None)
    law = wav[:20] + struct.pack("<H", 7) + wav[22:]  # μ-law
    with pytest.raises(InputError, match=r"samples must be integers of 8, 16, 24 or 32 bits.*Got kind 7"):
        arriving_samples(io.BufferedReader(io.BytesIO(law)), "x", None)


def test_sound_arrives_as_it_is_written():
    content = (SOUND[:3_200] * 2**15).astype("<i2").tobytes()
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb", buffering=0) as out:
        out.write(content[:1_601])  # half a sample too many
        _, pieces = arriving_samples(file, "x", RATE)
        got = [next(pieces)]
        assert sum(map(len, got)) == 800  # nothing was waited for
        out.write(content[1_601:])
        out.close()
        got += pieces
    assert np.allclose(np.concatenate(got), SOUND[:3_200], atol=2**-15)


def test_arrays_of_any_type_are_heard_alike():
    for values in (
        SOUND,
        SOUND.astype(np.float64),
        (SOUND * 2**15).astype(np.int16),
        (SOUND * 2**31).astype(np.int32),
        np.stack([SOUND, SOUND]),
        np.stack([SOUND, SOUND], 1),
    ):
        assert np.allclose(audio_of_array(values, RATE, RATE).samples, SOUND, atol=2**-15)
    unsigned = np.round(SOUND * 128 + 128).astype(np.uint8)
    assert np.allclose(audio_of_array(unsigned, RATE, RATE).samples, SOUND, atol=1 / 128)
    assert len(audio_of_array(SOUND, RATE, 8_000).samples) == 8_000
    for values, said in (
        (SOUND * 2**15, r"^X: samples of floats must be from -1 to 1. Got \d+"),
        (SOUND * np.nan, r"Got nan"),
        (0 * SOUND, r"^X: is silent"),
        (np.zeros((2, 3, 4)), r"^X: must be \[samples\] or \[samples, channels\]. Got \[2, 3, 4\].$"),
        (["a", "b"], r"^X: samples must be numbers"),
    ):
        with pytest.raises(InputError, match=said):
            audio_of_array(values, RATE, RATE)
    with pytest.raises(InputError, match=r"sample rate must be an int in \[1,000, 384,000\] Hz. Got 16.0.$"):
        audio_of_array(SOUND, 16.0, RATE)


def test_without_the_library_the_extra_is_named(tmp_path):
    path = write_sound(tmp_path / "a.wav", SOUND, RATE)
    code = (
        "import importlib.metadata, sys; sys.modules['soundfile'] = None\n"
        "importlib.metadata.requires = lambda _: [\"soundfile>=0.13; extra == 'speech'\"]\n"
        "from pathlib import Path\nfrom elman.data.read.audio import read_audio\n"
        f"try: read_audio(Path({str(path)!r}), 8000)\nexcept ValueError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "soundfile is not installed; install it with: pip install 'elman[speech]'\n"
