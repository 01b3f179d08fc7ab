"""A reading game: real or synthetic? One picture at a time, a score with its interval, and why."""

import json
from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from .._files import written_whole
from ..table import Estimate, Table
from .controls import announce, button, caption, picture, show, side_by_side, status
from .pictures import as_images

ANSWERS = ("real", "synthetic")
CLUES = ("just a feeling", "blur or grain", "odd anatomy", "background", "grey values")
"""What may have given a picture away."""
_Z = 1.959964  # 97.5 % of a normal distribution lie below


class ReadingGame:
    """Shows pictures in random order, each once, and asks of each whether it is real.

    Make it the last line of a cell to play. Answers are given by two buttons, which the keyboard
    reaches with Tab and presses with Space. Nothing is told before all is answered, and nothing is
    kept on disk unless `save` is called.

    Args:
        real: Real images `(N, H, W, 1)` in [-1, 1].
        synthetic: Generated images of the same size.
        about: What stands for real and what for synthetic here, said above the picture.
        count: Pictures to show; half of them of each kind, at most as many as there are.
        seed: Which ones, and in which order.
        size: Screen pixels of a picture's longer side.

    Attributes:
        answers: A row for each picture answered: `picture` (its index in `real` or `synthetic`),
            `truth`, `answer` and `clue`.

    Raises:
        ValueError: The two sets differ in size, or one is empty.
    """

    def __init__(
        self,
        real: np.ndarray,
        synthetic: np.ndarray,
        about: str,
        count: int = 20,
        seed: int = 0,
        size: int = 288,
    ):
        sets = {"real": as_images(real), "synthetic": as_images(synthetic)}
        shapes = {name: images.shape[1:] for name, images in sets.items()}
        if shapes["real"] != shapes["synthetic"]:
            raise ValueError(f"real images of {shapes['real']}, generated of {shapes['synthetic']}")
        self._sets, self._size = sets, size
        random = np.random.default_rng(seed)
        half = min(count // 2, *map(len, sets.values()))
        drawn = [
            (truth, int(index))
            for truth, images in sets.items()
            for index in random.choice(len(images), half, replace=False)
        ]
        if not drawn:
            raise ValueError(f"count={count}: there must be at least one picture of each kind")
        self._order = [drawn[place] for place in random.permutation(len(drawn))]
        self.answers: list[dict] = []
        self._make_panel(about)
        self._show()

    @property
    def left(self) -> int:
        """How many pictures are not answered yet."""
        return len(self._order) - len(self.answers)

    def image(self) -> np.ndarray:
        """The picture that is shown, `(H, W)` in [-1, 1]; after the last one, that one."""
        truth, index = self._order[min(len(self.answers), len(self._order) - 1)]
        return self._sets[truth][index]

    def answer(self, said: str) -> None:
        """Say of the picture shown that it is "real" or "synthetic", as the buttons do.

        Raises:
            ValueError: It is neither, or all are answered.
        """
        if said not in ANSWERS or not self.left:
            raise ValueError(f"{said!r}: say one of {ANSWERS}, while pictures are left")
        truth, index = self._order[len(self.answers)]
        clue = self._clue.value
        self.answers.append({"picture": index, "truth": truth, "answer": said, "clue": clue})
        self._clue.value = CLUES[0]
        self._show()

    def score(self) -> Estimate:
        """Return the share of right answers so far with its 95 % interval (Wilson).

        Raises:
            ValueError: Nothing is answered yet.
        """
        if not self.answers:
            raise ValueError("no picture is answered yet")
        return wilson(sum(_right(row) for row in self.answers), len(self.answers))

    def confusion(self) -> Table:
        """Return how often each kind was taken for each; a row for what the pictures were."""
        rows = [
            {"was": truth}
            | {f"called {said}": self._count(truth=truth, answer=said) for said in ANSWERS}
            for truth in ANSWERS
        ]
        return Table(rows, caption="Answers by what the pictures were")

    def clues(self) -> Table:
        """Return how often "synthetic" was said for each clue, and how often that was right."""
        said = [row for row in self.answers if row["answer"] == "synthetic"]
        rows = [
            {"clue": clue, "called synthetic": len(of), "of which right": sum(map(_right, of))}
            for clue in CLUES
            for of in [[row for row in said if row["clue"] == clue]]
        ]
        return Table(rows, caption="What gave them away")

    def save(self, path: str | Path) -> Path:
        """Write the answers and the score as JSON: only this call keeps anything.

        Args:
            path: The file; whose answers they are is not written.
        """
        score = self.score()._asdict() if self.answers else None
        with written_whole(path := Path(path)) as unfinished:
            unfinished.write_text(json.dumps({"score": score, "answers": self.answers}, indent=1))
        return path

    def _count(self, **wanted: str) -> int:
        return sum(wanted.items() <= row.items() for row in self.answers)

    def _make_panel(self, about: str) -> None:
        self._picture = picture("A slice that is real or synthetic", self._size)
        self.buttons = {
            said: button(said.capitalize(), f"I think this picture is {said}") for said in ANSWERS
        }
        for said, one in self.buttons.items():
            one.on_click(lambda _, said=said: self.answer(said))
        self._clue = widgets.Dropdown(options=CLUES, description="Because of")
        self._status = status()
        self._result = widgets.HTML()
        right = widgets.VBox([widgets.HBox(list(self.buttons.values())), self._clue, self._status])
        play = side_by_side(self._picture, right)
        self._panel = widgets.VBox([caption(escape(about), play), self._result])

    def _show(self) -> None:
        show(self._picture, self.image(), self._size)
        if self.left:
            announce(self._status, f"Picture {len(self.answers) + 1} of {len(self._order)}.")
            return
        for one in (*self.buttons.values(), self._clue):
            one.disabled = True
        announce(self._status, f"{escape(str(self.score()))} of your answers were right.")
        tables = self.confusion()._repr_html_() + self.clues()._repr_html_()
        look = "jp-RenderedHTMLCommon"  # JupyterLab's class for tables of cells
        self._result.value = f"{escape(reading(self.score()))}<div class={look}>{tables}</div>"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._panel)


def wilson(right: int, count: int) -> Estimate:
    """Return a share with its 95 % interval.

    Unlike share ± 1.96 standard errors it stays in [0, 1], and has a width also at 0 and 1.

    Source: Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Args:
        right: Successes, 0 to `count`.
        count: Trials, at least 1.

    Raises:
        ValueError: The numbers are out of range.
    """
    if not 0 <= right <= count or count < 1:
        raise ValueError(f"{right} of {count}: give 0 to {max(count, 1)} of at least 1")
    share, square = right / count, _Z**2 / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * np.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return Estimate(share, float(max(0.0, middle - half)), float(min(1.0, middle + half)))


def reading(score: Estimate) -> str:
    """Say in a sentence what a score and its interval allow to conclude."""
    if score.low > 0.5:
        return "Better than guessing: you see a difference."
    if score.high < 0.5:
        return "Worse than guessing: you see a difference, and name it the wrong way round."
    return "Guessing is within the interval: this is no proof that you cannot tell them apart."


def _right(row: dict) -> bool:
    return row["answer"] == row["truth"]


def play(game: ReadingGame, reader: Callable[[np.ndarray], float]) -> Estimate:
    """Let a program play: it is shown each picture and answers; return the score.

    Args:
        game: A game with pictures left.
        reader: Takes an image `(H, W)` and returns a number that is higher for real ones; from 0 on
            it says "real".

    Raises:
        ValueError: The reader returns what is not a finite number; earlier answers stay.
    """
    for _ in range(game.left):
        said = float(reader(game.image()))
        if not np.isfinite(said):
            raise ValueError(f"the reader says {said} of a picture, which is neither real nor not")
        game.answer("real" if said >= 0 else "synthetic")
    return game.score()
