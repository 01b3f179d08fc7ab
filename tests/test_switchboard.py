"""Boxes and stops redraw their picture; the last tick stays."""

import ipywidgets as widgets
import pytest

from medgan_utils.display import plots, switchboard


def parts(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from parts(child)


def of(widget, kind):
    return [part for part in parts(widget) if isinstance(part, kind)]


def test_a_box_unticked_is_not_given_and_the_last_one_stays():
    asked = []

    def draw(ticked):
        asked.append(ticked)
        return bytes(ticked)

    board = switchboard.checkboxes(["T1", "T2"], draw, "two contrasts")
    boxes, (image,) = of(board, widgets.Checkbox), of(board, widgets.Image)
    assert asked == [[True, True]]
    boxes[0].value = False
    assert asked[-1] == [False, True] and image.value == bytes([0, 1])
    boxes[1].value = False
    assert boxes[1].value and asked[-1] == [False, True]
    assert "Given: T2" in of(board, widgets.HTML)[-1].value


def test_a_stop_shows_its_picture():
    frames = {"0.1": b"much", "0.01": b"little"}
    board = switchboard.stops("Dose", list(frames), frames.get, "a slice", 300)
    (slider,), (image,) = of(board, widgets.SelectionSlider), of(board, widgets.Image)
    assert image.value == b"much" and image.layout.width == "300px"
    slider.value = "0.01"
    assert image.value == b"little"


def test_a_trade_off_names_its_points_and_draws_the_floor():
    figure = plots.trade_off({"a": (1, 2), "b": (3, 1)}, "true", "real", 0.5, "Apart")
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["a", "b"]
    assert len(axes.lines) == 3 and axes.get_title() == "Apart"


def test_nothing_to_tick_is_refused():
    with pytest.raises(ValueError, match="a name for each box"):
        switchboard.checkboxes([], lambda ticked: b"", "nothing")
