"""Real-time factor of ``elman transcribe RUN --stream``: time spent over length of the sound, on one core.

Streaming recognisers of the sizes that little and much data get by default are trained for a moment, as a
network's speed does not depend on its weights; or a run of one's own hears recordings of one's own, with its
language model. The factor is the one that the command tells; it is 1 where sound is read as fast as it comes.

    python benchmarks/transcribe_stream.py [--hidden-size H …] [--seconds N]
    python benchmarks/transcribe_stream.py --run RUN --sound FILE …
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import document
import numpy as np

import elman
from elman.data.read.audio import read_audio

RATE = 16_000
PITCHES = {"low": 300, "mid": 900, "high": 2200}  # Hz


def made(words, random):
    """Samples of a tone for each word, with pauses between, in faint noise."""
    time = np.arange(RATE // 5) / RATE
    tones = [np.concatenate([np.zeros(RATE // 10), np.sin(2 * np.pi * PITCHES[w] * time)]) for w in words]
    sound = 0.3 * np.concatenate(tones)
    return (sound + 0.003 * random.normal(size=len(sound))).astype(np.float32)


def trained(hidden_size, out):
    """The folder of a streaming run."""
    random = np.random.default_rng(0)
    said = [random.choice([*PITCHES], 6) for _ in range(20)]
    sounds = [made(words, random) for words in said]
    task = elman.SpeechRecognizer(
        hidden_size=hidden_size, streaming=True, epochs=1, batch_size=8, language="none"
    )
    task.fit(sounds, [" ".join(words) for words in said], RATE, out=out)
    return out


def factor(run, sound):
    """What the command tells of samples on its standard input."""
    command = [sys.executable, "-m", "elman", "transcribe", str(run), "--stream", "--rate", str(RATE)]
    content = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    one_core = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, input=content, capture_output=True, env=one_core, check=False)
    told = re.search(r"real-time factor ([\d.]+)", done.stderr.decode())
    if told is None:
        raise SystemExit(done.stderr.decode())
    return float(told[1])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hidden-size", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--seconds", type=int, default=60, help="of made sound")
    parser.add_argument("--run", type=Path, help="a run that was trained with --streaming")
    parser.add_argument("--sound", type=Path, nargs="+", help="recordings for it")
    given = parser.parse_args()
    if (given.run is None) != (given.sound is None):
        parser.error("--run and --sound go together")
    print(document.machine())
    if given.run is not None:
        report(str(given.run), given.run, np.concatenate([read_audio(p, RATE).samples for p in given.sound]))
        return
    random = np.random.default_rng(1)
    sound = made(random.choice([*PITCHES], round(given.seconds / 0.3)), random)
    with tempfile.TemporaryDirectory() as home:
        for size in given.hidden_size:
            report(f"{size} units", trained(size, Path(home) / f"run-{size}"), sound)


def report(name, run, sound):
    """Prints the factor of a run."""
    seconds = len(sound) / RATE
    print(
        f"{name}: {seconds:.0f} s of sound, real-time factor {factor(run, sound):.4f} (aim 0.02)", flush=True
    )


if __name__ == "__main__":
    main()
