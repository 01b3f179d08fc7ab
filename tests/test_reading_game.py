"""The reading game, played by its handlers: each picture once, an honest score, nothing kept."""

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from medgan_utils.display.reading_game import CLUES, ReadingGame, play, reading, wilson

REAL = np.full((12, 64, 64, 1), 0.5, np.float32)
FAKE = np.full((9, 64, 64, 1), -0.5, np.float32)


@pytest.fixture
def game():
    return ReadingGame(REAL, FAKE, "phantoms <against> samples", count=8)


def test_each_picture_comes_once_half_of_each_kind_in_an_order_of_the_seed(game):
    shown = []
    while game.left:
        shown.append(float(game.image()[0, 0]))
        game.answer("real")
    assert sorted(shown) == [-0.5] * 4 + [0.5] * 4
    assert shown not in ([-0.5] * 4 + [0.5] * 4, [0.5] * 4 + [-0.5] * 4)
    pictures = [(row["truth"], row["picture"]) for row in game.answers]
    assert len(set(pictures)) == 8
    assert [row["truth"] == "real" for row in game.answers] == [value > 0 for value in shown]
    again = ReadingGame(REAL, FAKE, "", count=8)
    play(again, lambda image: 1)
    assert again.answers == game.answers


def test_buttons_answer_and_the_next_picture_comes(game):
    before = bytes(game._picture.value)
    truths = []
    for _ in range(8):
        truths.append("real" if game.image()[0, 0] > 0 else "synthetic")
        game._clue.value = CLUES[2]
        game.buttons[truths[-1]].click()
    assert [row["answer"] for row in game.answers] == truths
    assert {row["clue"] for row in game.answers} == {CLUES[2]}
    assert game._clue.value == CLUES[0] and game._clue.disabled
    assert all(one.disabled for one in game.buttons.values())
    assert bytes(game._picture.value) and before
    assert "Better than guessing" in game._result.value and game.score().value == 1
    with pytest.raises(ValueError, match="while pictures are left"):
        game.answer("real")


def test_nothing_is_told_before_the_end(game):
    for _ in range(7):
        game.answer("synthetic")
        assert game._result.value == "" and "right" not in game._status.value
    game.answer("synthetic")
    assert "4 of 8" not in game._result.value and "Guessing is within" in game._result.value


def test_confusion_and_clues_count_what_was_said(game):
    play(game, lambda image: -1)
    table = game.confusion()
    assert table["real"]["called synthetic"] == 4 and table["synthetic"]["called synthetic"] == 4
    assert table["real"]["called real"] == 0
    clues = game.clues()
    assert clues[CLUES[0]]["called synthetic"] == 8 and clues[CLUES[0]]["of which right"] == 4
    assert sum(row["called synthetic"] for row in clues) == 8


@pytest.mark.parametrize(("right", "count"), [(0, 5), (5, 5), (7, 20), (20, 20), (499, 1000)])
def test_wilson_is_that_of_scipy(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    found = wilson(right, count)
    np.testing.assert_allclose(found, (right / count, expected.low, expected.high), atol=1e-6)


def test_what_a_score_allows_to_say():
    assert "Better" in reading(wilson(15, 20))
    assert "no proof" in reading(wilson(13, 20))
    assert "wrong way round" in reading(wilson(3, 20))


def test_results_are_kept_only_when_asked(game, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    play(game, lambda image: image.mean())
    assert not any(tmp_path.iterdir())
    saved = json.loads(game.save(tmp_path / "mine.json").read_text())
    assert saved["score"]["value"] == 1 and len(saved["answers"]) == 8


def test_refusals(game):
    with pytest.raises(ValueError, match="say one of"):
        game.answer("maybe")
    with pytest.raises(ValueError, match="no picture is answered"):
        game.score()
    with pytest.raises(ValueError, match=r"\(64, 64\), generated of \(32, 32\)"):
        ReadingGame(REAL, FAKE[:, :32, :32], "")
    with pytest.raises(ValueError, match="at least one picture"):
        ReadingGame(REAL, FAKE, "", count=1)
    with pytest.raises(ValueError, match="5 of 4"):
        wilson(5, 4)


def test_the_page_says_what_is_compared_and_escapes_it(game):
    assert "phantoms &lt;against&gt; samples" in game._panel.children[0].children[0].value


def test_a_reader_without_an_opinion_is_no_reader(game):
    with pytest.raises(ValueError, match="the reader says nan"):
        play(game, lambda image: np.nan)
    assert not game.answers


def test_pictures_that_are_not_square_keep_their_size():
    game = ReadingGame(REAL[:, :, :32], FAKE[:, :, :32], "", size=128)
    assert game._picture.layout.width == "64px"
