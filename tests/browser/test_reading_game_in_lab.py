"""The reading game in a real JupyterLab: played by keyboard, told at the end only."""

GAME = """
import numpy as np
from medgan_utils.display import ReadingGame
random = np.random.default_rng(0)
real = random.uniform(0, 1, (6, 128, 128, 1)).astype("float32")
game = ReadingGame(real, -real, "bright against dark", count=4)
game
"""
TITLE = "A slice that is real or synthetic"


def brightness(picture) -> float:
    """Mean grey level of the picture as the browser draws it."""
    return picture.evaluate(
        """img => { const canvas = document.createElement('canvas');
                    canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
                    const context = canvas.getContext('2d'); context.drawImage(img, 0, 0);
                    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
                    let sum = 0; for (let i = 0; i < data.length; i += 4) sum += data[i];
                    return sum / (data.length / 4); }"""
    )


def test_the_game_is_played_by_keyboard_and_told_at_the_end(lab, notebook_of, tmp_path):
    opened = lab(notebook_of(GAME))
    opened.run_all()
    picture = opened.image(TITLE)
    assert picture.bounding_box()["width"] == 288
    told = opened.page.get_by_text("Better than guessing")
    for count in range(4):
        opened.page.get_by_text(f"Picture {count + 1} of 4.").first.wait_for()
        assert told.count() == 0
        name = "Real" if brightness(picture) > 127 else "Synthetic"
        source = picture.get_attribute("src")
        opened.page.get_by_role("button", name=name, exact=True).focus()
        opened.page.keyboard.press("Space")
        if count < 3:
            opened.wait_for_new_source(picture, source)
    opened.page.get_by_text("of your answers were right").first.wait_for()
    opened.page.screenshot(path=tmp_path / "game.png")
    table = opened.page.locator("table", has_text="called synthetic").first.inner_text()
    assert [cells[1:] for cells in map(str.split, table.splitlines()[-2:])] == [
        ["2", "0"],
        ["0", "2"],
    ]
    assert told.count() == 1
    assert opened.page.get_by_role("button", name="Real", exact=True).is_disabled()
    assert opened.errors == []
