"""The picture of a piano roll."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from elman.data.music.piece import Piece
from elman.pictures.music import draw_roll, plot_roll

NOTES = np.array([(0, 4, 60, 80, 0), (4, 8, 64, 80, 0), (0, 12, 48, 80, 1)])


def test_each_note_is_a_bar_at_its_pitch_and_time():
    axes = Figure().subplots()
    plot_roll(axes, Piece.of(NOTES, 16), bar=4)
    drawn = sorted((bar.get_x(), bar.get_y() + 0.4, bar.get_width()) for bar in axes.patches)
    expected = sorted((begin / 4, pitch, 0.96 * length / 4) for begin, length, pitch, *_ in NOTES.tolist())
    np.testing.assert_allclose(drawn, expected)
    colours = {bar.get_facecolor() for bar in axes.patches}
    assert len(colours) == 2  # one for each voice
    assert axes.get_xlim() == (0, 4)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["C3", "C4"]


@pytest.mark.parametrize("notes", [NOTES, NOTES[:0]])
def test_a_file_is_written_even_of_silence(tmp_path, notes):
    draw_roll(Piece.of(notes, 16), 4, tmp_path / "a.png", "title", primed=1)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
