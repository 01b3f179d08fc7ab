"""The paint pad, without a browser; the same tests run on ipywidgets 7.7 and 8."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from medgan_utils.display import PaintPad, paint_pad, paint_surface

CLASSES = {0: "air", 1: "liver", 2: "tumour"}


def painter(label_map, seed):
    """Organs in greys, with grain of the seed."""
    noise = np.random.default_rng(seed).normal(0, 0.05, label_map.shape)
    return np.clip(np.choose(label_map, (-1, 0.3, -0.2)) + noise, -1, 1)[..., None]


@pytest.fixture
def label_map():
    label_map = np.zeros((32, 32), np.uint8)
    label_map[8:24, 4:20] = 1
    return label_map


@pytest.fixture
def pad(label_map):
    return PaintPad(painter, label_map, CLASSES, radius=3, size=96, spacing_mm=5)


def spot(pad):
    """Row and column of the middle of the tumour, and its pixels."""
    places = np.argwhere(pad.label_map == 2)
    return (*places.mean(axis=0), len(places))


def pictures(pad):
    shown = pad._map.source.split(",")[1] if pad.map_surface else None
    data = base64.b64decode(shown) if shown else bytes(pad._map.value)
    return [np.asarray(Image.open(io.BytesIO(one))) for one in (data, bytes(pad._image.value))]


def test_the_spot_starts_in_the_middle_of_the_liver_and_follows_the_sliders(pad):
    before = spot(pad)
    pad.row.value += 2
    pad.column.value -= 3
    after = spot(pad)
    assert np.allclose(np.subtract(after[:2], before[:2]), [2, -3]) and after[2] == before[2]
    pad.radius.value = 0
    assert not (pad.label_map == 2).any()


def test_a_tumour_never_leaves_the_liver(pad, label_map):
    pad.touch(8, 4)  # a corner of the liver
    assert 0 < spot(pad)[2] < 20
    assert np.array_equal(pad.label_map > 0, label_map > 0)
    pad.touch(-5, 400)  # dragged out of the picture
    assert (pad.row.value, pad.column.value) == (0, 31)
    assert not (pad.label_map == 2).any()


def test_a_spot_on_several_tissues_gives_each_back(label_map):
    label_map[8:16, 4:20] = 3
    classes = CLASSES | {3: "spleen"}
    pad = PaintPad(lambda m, s: painter(m % 3, s), label_map, classes, inside=("liver", "spleen"))
    assert (pad.label_map == 2).any() and set(np.unique(label_map[pad.label_map == 2])) == {1, 3}
    pad.keep()
    pad.radius.value = 0
    assert (pad.label_map == 2).any()
    pad.mode.value = paint_pad.ERASE
    for row, column in np.argwhere(pad.label_map == 2):
        pad.touch(row, column)
    assert np.array_equal(pad.label_map, label_map)
    with pytest.raises(ValueError, match="has no kidney and lung"):
        PaintPad(painter, label_map, classes | {4: "kidney", 5: "lung"}, inside=("kidney", "lung"))


def test_keys_move_resize_and_keep(pad):
    first = spot(pad)
    pad.press("ArrowDown")
    pad.press("ArrowRight")
    assert np.allclose(np.subtract(spot(pad)[:2], first[:2]), 1)
    pad.press("+")
    assert spot(pad)[2] > first[2]
    pad.press(" ")
    pad.touch(10, 6)
    assert spot(pad)[2] > first[2] + 5  # two now
    pad.reset()
    assert spot(pad) == first


def test_drawing_and_erasing(pad):
    pad.radius.value = 1.5
    pad.mode.value = paint_pad.DRAW
    before = (pad.label_map == 2).sum()
    for column in range(6, 12):
        pad.touch(10, column)
    drawn = (pad.label_map == 2).sum()
    assert drawn >= before + 18
    pad.mode.value = paint_pad.ERASE
    pad.touch(10, 8)
    assert (pad.label_map == 2).sum() < drawn


def test_both_pictures_follow_and_have_the_wanted_size(pad):
    before = pictures(pad)
    assert [one.shape[:2] for one in before] == [(96, 96)] * 2
    pad.press("ArrowLeft")
    after = pictures(pad)
    assert all((one != two).any() for one, two in zip(before, after, strict=True))
    np.testing.assert_array_equal(pad.image(), painter(pad.label_map, 0))
    pad.seed.value = 3
    assert (pictures(pad)[1] != after[1]).any() and (pictures(pad)[0] == after[0]).all()


@pytest.mark.skipif(not paint_surface.can_be_touched(), reason="no anywidget, or ipywidgets 7")
def test_what_the_browser_says_is_done(pad):
    pad.map_surface.event = ["touch", 1, 12, 9, 1]
    assert (pad.row.value, pad.column.value) == (12, 9)
    pad.map_surface.event = ["key", 2, "ArrowUp"]
    pad.map_surface.event = ["key", 3, "ArrowUp"]
    assert pad.row.value == 10


def test_without_anywidget_there_are_the_sliders(label_map, monkeypatch):
    monkeypatch.setattr(paint_surface, "anywidget", None)
    plain = PaintPad(painter, label_map, CLASSES, size=96)
    assert plain.map_surface is None
    before = pictures(plain)
    plain.row.value += 3
    assert all((one != two).any() for one, two in zip(before, pictures(plain), strict=True))


def test_ipywidgets_7_has_the_sliders(monkeypatch):
    monkeypatch.setattr(paint_surface.widgets, "__version__", "7.7.1")
    assert not paint_surface.can_be_touched()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (dict(label_map=np.zeros((1, 32, 32), int)), r"one map \(H, W\)"),
        (dict(label_map=np.full((32, 32), 7)), r"holds \[7\]"),
        (dict(label_map=np.zeros((32, 32), int)), "has no liver"),
        (dict(paint="cyst"), "'cyst'"),
    ],
)
def test_what_does_not_fit_is_refused(label_map, change, said):
    settings = dict(painter=painter, label_map=label_map, classes=CLASSES) | change
    with pytest.raises(ValueError, match=said):
        PaintPad(**settings)


def test_a_slow_painter_turns_continuous_update_off(label_map, monkeypatch):
    monkeypatch.setattr(paint_pad, "SLOW_SECONDS", 0.0)
    assert not PaintPad(painter, label_map, CLASSES).row.continuous_update


def test_it_shows_its_panel(pad, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    pad._ipython_display_()
    assert shown == [pad._panel]
    assert 'role="status"' in pad._status.value and "cm²" in pad._status.value


def test_erasing_at_the_spot_shows():
    start = np.ones((16, 16), int)
    start[6:9, 6:9] = 2
    pad = PaintPad(lambda m, _: m[..., None] - 1.0, start, {0: "air", 1: "liver", 2: "tumour"})
    assert (pad.label_map == 2).any()
    pad.mode.value = "Erase"
    pad.radius.value = 4.0
    pad.touch(7, 7)
    assert not (pad.label_map == 2).any()


def test_a_map_that_is_not_square_keeps_its_proportions(label_map):
    wide = np.concatenate([label_map, label_map], axis=1)
    shown = PaintPad(painter, wide, CLASSES, size=128)
    assert [one.shape[:2] for one in pictures(shown)] == [(64, 128), (64, 128)]
    width = shown.map_surface.size if shown.map_surface else int(shown._map.layout.width[:-2])
    assert width == 128
    tall = PaintPad(painter, wide.T, CLASSES, size=128)
    assert [one.shape[:2] for one in pictures(tall)] == [(128, 64), (128, 64)]


def test_spacing_that_is_not_known_and_radii(label_map):
    assert "cm²" not in PaintPad(painter, label_map, CLASSES, spacing_mm=np.nan)._status.value
    assert PaintPad(painter, label_map, CLASSES, radius=14.0).radius.value == 14.0
    for wrong in ({"radius": -1.0}, {"radius": np.nan}, {"spacing_mm": 0.0}):
        with pytest.raises(ValueError, match="neither may be below 0"):
            PaintPad(painter, label_map, CLASSES, **wrong)
