"""The paint pad in a real JupyterLab: mouse, keys and sliders change the slice, soon."""

from medgan_utils.display.paint_pad import IMAGE_TITLE, MAP_TITLE

PAD = """
import keras, numpy as np
from medgan_utils.display import PaintPad
from medgan_utils.models import unet_generator
from medgan_utils.training import map_channels
keras.utils.set_random_seed(0)
network = unet_generator(64, channels=4)
label_map = np.zeros((64, 64), int)
label_map[12:44, 8:40] = 1
def painter(label_map, seed):
    return network(map_channels(label_map[None], 3, seed), training=False)[0]
PaintPad(painter, label_map, {0: "air", 1: "liver", 2: "tumour"}, spacing_mm=6.25)
"""
MOVES = 9


def drag(page, surface, start, end, steps=4):
    """Drag over the map, from and to shares of its width and height."""
    box = surface.bounding_box()
    at = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=steps)
    page.mouse.up()


def test_mouse_keys_and_sliders_change_the_slice(lab, notebook_of, tmp_path):
    opened = lab(notebook_of(PAD))
    opened.run_all()
    surface, image = opened.image(MAP_TITLE), opened.image(IMAGE_TITLE)
    seen = [(opened.pixels(surface), opened.pixels(image))]

    def changed(act):
        sources = [(one, one.get_attribute("src")) for one in (surface, image)]
        act()
        for one, source in sources:
            opened.wait_for_new_source(one, source)
        opened.page.wait_for_timeout(300)  # the last of several pictures
        seen.append((opened.pixels(surface), opened.pixels(image)))

    changed(lambda: drag(opened.page, surface, (0.3, 0.3), (0.5, 0.5)))
    opened.page.evaluate(  # as Jupyter Notebook 7 does, which keeps the arrow keys for its cells
        """() => document.addEventListener("keydown",
            event => { if (event.key === "ArrowLeft") event.stopPropagation(); }, true)"""
    )
    changed(lambda: surface.press("ArrowLeft"))
    changed(lambda: surface.press("+"))
    opened.page.get_by_role("button", name="Draw", exact=True).click()
    changed(lambda: drag(opened.page, surface, (0.25, 0.6), (0.5, 0.6)))
    changed(lambda: opened.press("Column", "ArrowRight"))
    opened.page.screenshot(path=tmp_path / "pad.png")
    for kind in zip(*seen, strict=True):
        assert len(set(kind)) == len(seen), "a move left a picture as it was"
    boxes = [one.bounding_box() for one in (surface, image)]
    assert boxes[0]["width"] == boxes[1]["width"] == 288
    assert opened.errors == []


def test_every_click_redraws_the_slice(lab, notebook_of):
    opened = lab(notebook_of(PAD))
    opened.run_all()
    surface = opened.image(MAP_TITLE)
    opened.image(IMAGE_TITLE).evaluate(
        """img => {
            window.times = []; let touched = null;
            document.addEventListener('pointerdown', e => { touched = e.timeStamp; }, true);
            img.addEventListener('load', () => requestAnimationFrame(() => {
                if (touched !== null) window.times.push(performance.now() - touched);
                touched = null; }));
        }"""
    )
    for count in range(MOVES):
        at = 45 + 9 * count  # two pixels of the map
        surface.click(position={"x": at, "y": 100})
        opened.page.wait_for_function("count => window.times.length === count", arg=count + 1)
    times = opened.page.evaluate("window.times")  # milliseconds from the click to the new picture
    assert len(times) == MOVES and min(times) > 0
