"""One picture and what changes it: boxes to tick, or a slider with few stops."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from .controls import announce, control, picture, side_by_side, status


def checkboxes(
    names: Sequence[str], draw: Callable[[list[bool]], bytes], alternative: str, size: int = 512
) -> widgets.HBox:
    """Show a box for each name beside a picture that follows them; the last tick stays.

    Args:
        names: A text beside each box; all are ticked at first.
        draw: From one bool a box to the bytes of a PNG.
        alternative: What the picture shows, for screen readers.
        size: Width of the picture in screen pixels.

    Raises:
        ValueError: There are no names.
    """
    if not names:
        raise ValueError("there is nothing to tick: give a name for each box")
    boxes = [
        widgets.Checkbox(value=True, description=name, indent=False,
                         layout=widgets.Layout(width="9em"))
        for name in names
    ]  # fmt: skip
    image, line = picture(alternative, size), status()

    def update(change=None):
        ticked = [box.value for box in boxes]
        if not any(ticked):  # nothing comes of nothing
            change["owner"].value = True
            return
        image.value = draw(ticked)
        announce(line, f"Given: {', '.join(n for n, t in zip(names, ticked, strict=True) if t)}")

    for box in boxes:
        box.observe(update, "value")
    update()
    return side_by_side(widgets.VBox([*boxes, line]), image)


def stops(
    label: str, values: Sequence[str], draw: Callable[[str], bytes], alternative: str, size: int
) -> widgets.VBox:
    """Show a slider with a stop for each value above a picture that follows it.

    Args:
        label: What the slider sets.
        values: Its stops, from left to right.
        draw: From a value to the bytes of a PNG.
        alternative: What the picture shows, for screen readers.
        size: Width of the picture in screen pixels.
    """
    slider = control(widgets.SelectionSlider, label, alternative, options=list(values))
    image, line = picture(alternative, size), status()

    def update(_=None):
        image.value = draw(slider.value)
        announce(line, f"{label}: {slider.value}")

    slider.observe(update, "value")
    update()
    return widgets.VBox([slider, image, line])
