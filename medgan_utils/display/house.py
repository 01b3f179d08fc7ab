"""The map of a package as a house: rooms, a roof of what composes them, and a ground floor."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import DPI, plt

WIDTH, LINE = 1000, 17  # pixels: of the house, and of one module's name
PLAIN, CHOSEN, NEEDED, NEEDS_IT = "#F2F2F2", "#000000", "#E69F00", "#56B4E9"
ARROW = "#D55E00"
LEGEND = {"chosen": CHOSEN, "imported by it": NEEDED, "imports it": NEEDS_IT}


def house(
    needs: Mapping[str, set[str]],
    rooms: Sequence[str],
    ground: Sequence[str],
    title: str,
    chosen: str | None = None,
) -> Figure:
    """Draw every module as a name in its room, and the imports that cross a wall as arrows.

    Args:
        needs: Module -> the modules that it imports, for example `{"training.gan": {...}}`.
        rooms: Folders that become columns, from left to right; a module belongs to the longest
            that its name begins with.
        ground: Modules of no folder on which the rooms stand. The others of no folder compose rooms
            and stand above them.
        title: Text above all.
        chosen: A module: what it imports and what imports it gets a colour.

    Raises:
        ValueError: There is no module `chosen`.
    """
    if chosen is not None and chosen not in needs:
        raise ValueError(
            f"there is no module {chosen!r}; there is, for example, {next(iter(needs))}"
        )
    places, columns = _places(needs, rooms, ground)
    rows = max(map(len, columns.values()))
    height = LINE * (rows + 12) + 30
    figure = plt.figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    axes.text(WIDTH / 2, 8, title, ha="center", va="top", fontsize=11)
    width = WIDTH / len(rooms)
    for index, room in enumerate(rooms):
        text = f"{room}\n{len(columns[room])} modules"
        axes.text((index + 0.5) * width, 5.7 * LINE, text, ha="center", fontsize=9, weight="bold")
    for y, text in (
        (1.6 * LINE, "they compose rooms"),
        ((rows + 10.2) * LINE, "all may import these"),
    ):
        axes.text(8, y, text, fontsize=8, style="italic", color="0.3")
    for name, (x, y) in places.items():
        _name(axes, name, x, y, _colour(name, needs, chosen))
    _walls(axes, needs, rooms, places)
    if chosen is not None:
        for index, (text, colour) in enumerate(LEGEND.items()):
            x = WIDTH - 330 + 110 * index
            style = dict(facecolor=colour, edgecolor="none", boxstyle="square,pad=0.2")
            ink = "white" if colour == CHOSEN else "black"
            axes.text(x, height - 8, text, fontsize=8, color=ink, bbox=style)
    plt.close(figure)  # or the notebook would show it a second time
    return figure


def house_png(*arguments, **settings) -> bytes:
    """Return the drawing of `house` as PNG, for a widget."""
    file = io.BytesIO()
    house(*arguments, **settings).savefig(file, format="png")
    return file.getvalue()


def room_of(name: str, rooms: Sequence[str]) -> str | None:
    """Return the room of a module: the longest folder that its name begins with, or None."""
    inside = [room for room in rooms if name.startswith(f"{room}.")]
    return max(inside, key=len, default=None)


def crossings(needs: Mapping[str, set[str]], rooms: Sequence[str]) -> set[tuple[str, str]]:
    """Return the pairs of rooms of which one imports from the other."""
    return {
        (room_of(name, rooms), room_of(need, rooms))
        for name, some in needs.items()
        for need in some
        if None not in (room_of(name, rooms), room_of(need, rooms))
        and room_of(name, rooms) != room_of(need, rooms)
    }


def _places(needs, rooms, ground) -> tuple[dict[str, tuple[float, float]], dict[str, list[str]]]:
    """Return where each name's middle lies, in pixels, and the modules of each room."""
    columns = {room: sorted(n for n in needs if room_of(n, rooms) == room) for room in rooms}
    width, rows = WIDTH / len(rooms), max(map(len, columns.values()))
    places = {
        name: ((index + 0.5) * width, (7 + row) * LINE)
        for index, room in enumerate(rooms)
        for row, name in enumerate(columns[room])
    }
    loose = [name for name in needs if room_of(name, rooms) is None]
    roof = sorted(name for name in loose if name not in ground)
    for names, y, lines in ((roof, 2.5, 2), (sorted(ground), rows + 11.3, 1)):  # the roof is full
        step = WIDTH / max(1, len(names))
        places |= {n: ((k + 0.5) * step, (y + k % lines) * LINE) for k, n in enumerate(names)}
    return places, columns


def _colour(name: str, needs: Mapping[str, set[str]], chosen: str | None) -> str:
    if name == chosen:
        return CHOSEN
    if chosen is not None and name in needs[chosen]:
        return NEEDED
    return NEEDS_IT if chosen is not None and chosen in needs[name] else PLAIN


def _name(axes: Axes, name: str, x: float, y: float, colour: str) -> None:
    """Write a module's name into its place."""
    style = dict(facecolor=colour, edgecolor="0.8", linewidth=0.5, boxstyle="round,pad=0.15")
    ink = "white" if colour == CHOSEN else "black"
    text = name.rpartition(".")[2]
    axes.text(x, y, text, ha="center", va="center", fontsize=7.5, color=ink, bbox=style)


def _walls(axes: Axes, needs, rooms, places) -> None:
    """Draw a frame around each room, and an arrow for each pair of rooms that an import joins."""
    width = WIDTH / len(rooms)
    bottom = max(y for name, (_, y) in places.items() if room_of(name, rooms)) + 12
    top = 6.3 * LINE
    for index in range(len(rooms)):
        left, right = index * width + 3, (index + 1) * width - 3
        axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], "0.6", lw=1)
    middle = {room: (index + 0.5) * width for index, room in enumerate(rooms)}
    for one, other in sorted(crossings(needs, rooms)):
        bend = 0.35 if middle[one] < middle[other] else -0.35  # all below the rooms
        arrow = dict(arrowstyle="-|>", color=ARROW, lw=2, connectionstyle=f"arc3,rad={bend}")
        ends = dict(xytext=(middle[one], bottom), xy=(middle[other], bottom))
        axes.annotate("", **ends, arrowprops=arrow)
