"""Chapter 8's reading game with heads of one's own: its cell, with the first line changed."""

from pathlib import Path

import nbformat
import numpy as np
from small_heads import write_cohort

from medgan_utils import data
from medgan_utils.display import ReadingGame
from medgan_utils.models import load_generator

CHAPTER = Path(__file__).parents[2] / "notebooks" / "08_outlook_privacy_and_scale.ipynb"


def test_the_game_is_played_with_heads_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    folder = write_cohort(tmp_path / "mine", 4)
    cells = nbformat.read(CHAPTER, as_version=4).cells
    source = next(cell.source for cell in cells if cell.id == "reading-game")
    for before, after in {"None, 64": f"{str(folder)!r}, 128", "(1000, 64)": "(24, 64)"}.items():
        assert source.count(before) == 1
        source = source.replace(before, after)
    names = dict(data=data, np=np, Path=Path, ReadingGame=ReadingGame)
    names["load_generator"] = load_generator
    exec(source, names)
    game = names["game"]
    assert names["about"] == "real heads of mine against brain-mri-128"
    assert names["readings"].shape[1:] == names["fakes"].shape[1:] == (128, 128, 1)
    both = data.load_slices("folder", 128, folder=folder)
    assert len(names["known"]) + len(names["readings"]) == len(both)
    while game.left:
        game.answer("real")
    assert len(game.answers) == 20
