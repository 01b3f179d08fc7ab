"""What the widgets share: labelled controls that work in ipywidgets 7.7 and 8."""

import ipywidgets as widgets
import numpy as np
import traitlets

from .pictures import enlarge, png

# ipywidgets 8 renamed the tooltip of everything that has a description.
_TOOLTIP = (
    "tooltip" if "tooltip" in widgets.FloatSlider.class_trait_names() else "description_tooltip"
)


def control(kind: type, description: str, tooltip: str, **settings) -> widgets.Widget:
    """Make a slider, box or dropdown with a label in full and a tooltip."""
    settings |= {_TOOLTIP: tooltip, "description": description}
    settings.setdefault("style", {"description_width": "8.5em"})
    settings.setdefault("layout", widgets.Layout(width="24em"))
    return kind(**settings)


def slider(
    description: str, tooltip: str, low: float, high: float, step: float, value: float = 0.0
) -> widgets.FloatSlider:
    """Make a slider for a number from `low` to `high`; small steps are read out in full."""
    ends = dict(min=low, max=high, step=step, value=value)
    readout = ".2f" if step >= 0.01 else ".3g"
    return control(widgets.FloatSlider, description, tooltip, **ends, readout_format=readout)


def button(description: str, tooltip: str) -> widgets.Button:
    """Make a button as wide as its text."""
    return widgets.Button(
        description=description, tooltip=tooltip, layout=widgets.Layout(width="auto")
    )


class Picture(widgets.Image):
    """An image with a title, which screen readers read out for want of an alternative text.

    The title is the tooltip that ipywidgets 8 has. Its browser half (8.1.9) looks for a description
    too, which Image lacks, and shows an error instead of the picture. In 7.7 there is no title.
    """

    description = traitlets.Unicode("").tag(sync=True)


def picture(alternative: str, size: int) -> Picture:
    """Make an image widget `size` pixels wide; `alternative` says what it shows."""
    image = Picture(format="png", layout=widgets.Layout(width=f"{size}px"))
    if image.has_trait("tooltip"):
        image.tooltip = alternative
    return image


def show(image: Picture, pixels: np.ndarray, size: int) -> None:
    """Put one image `(H, W[, 1 or 3])` in [-1, 1] into a widget, its longer side `size` wide."""
    enlarged = enlarge(pixels, size)
    image.layout.width = f"{enlarged.width}px"
    image.value = png(enlarged)


def status() -> widgets.HTML:
    """Make a line of text that screen readers announce when it changes."""
    return widgets.HTML()


def announce(line: widgets.HTML, text: str) -> None:
    """Write plain text into a status line."""
    line.value = f'<span role="status" aria-live="polite">{text}</span>'


def caption(text: str, *children: widgets.Widget) -> widgets.VBox:
    """Put a line of text above widgets."""
    return widgets.VBox([widgets.HTML(f"<strong>{text}</strong>"), *children])


def side_by_side(*children: widgets.Widget) -> widgets.HBox:
    """Put widgets beside each other, below each other where the page is narrow."""
    return widgets.HBox(
        list(children), layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start")
    )
