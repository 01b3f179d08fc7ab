"""The organs beside the liver: stomach, bowel, spleen, pancreas, adrenal glands, kidneys.

Positions are millimetres in the frame of `abdomens`, placed by eye on abdominal CT.
"""

from __future__ import annotations

import numpy as np

from .canvas import HounsfieldCanvas
from .solids import capsule, ellipsoid, smooth_union
from .trunk_anatomy import Trunk
from .vessel_anatomy import paint_mesentery, paint_vessels, wander

KIDNEYS = {"right": (58.0, -40.0, -128.0), "left": (-60.0, -40.0, -110.0)}


def paint_organs(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Paint everything below the diaphragm but the liver and what belongs to it."""
    canvas, shape = trunk.canvas, trunk.shape
    contents = _contents(trunk, rng)
    _paint_bowel(trunk, hu, contents, rng)
    paint_mesentery(canvas, trunk.cavity + 2, hu, rng)
    _paint_retroperitoneum(canvas, hu, shape, rng)
    paint_vessels(canvas, trunk.cava, hu, shape, rng)
    box = canvas.box((-110, -70, -150), (50, 110, 20))
    if box is not None:
        stomach = stomach_distance(canvas.points[:, *box], shape)
        stomach = np.maximum(stomach, trunk.abdomen[box] + 2)
        folds = 2.0 * trunk.texture["middle"][box]
        canvas.fill(stomach - 1.5, hu["fat"], box, "fat")
        canvas.fill(stomach, hu["bowel_wall"], box, "stomach")
        canvas.fill(stomach + 4.0 + folds, contents["stomach"][box], box)
    _paint_spleen(trunk, hu)
    for name in KIDNEYS:
        _paint_kidney(trunk, hu, name, rng)


def _contents(trunk: Trunk, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """HU (X, Y, Z) of what stomach, colon and small bowel hold: fluid, food, gas, oral contrast."""
    y, fine, middle = trunk.canvas.points[1], trunk.texture["fine"], trunk.texture["middle"]
    oral = trunk.shape["oral_hu"]
    fluid = 20 + 6 * fine + oral
    food = 42 + 14 * fine + 14 * middle + 0.6 * oral - 350 * np.clip(middle - 1.8, 0, 1)
    mixed = food if rng.random() < 0.5 else fluid
    level = trunk.shape["gas_level_mm"]
    stool = 35 + 25 * fine + 0.5 * oral - 500 * np.clip(0.9 * fine + 0.5 * middle - 0.3, 0, 1.4)
    colon = np.where(trunk.texture["coarse"] > rng.normal(0.2, 0.5), -900, stool)
    small = np.where(
        middle > 1.9, -850, np.where(trunk.texture["coarse"] > 0.2, fluid, 55 + 6 * fine)
    )
    return {
        "stomach": np.where(y > level, -950, mixed).astype(np.float32),
        "colon": colon.astype(np.float32),
        "small": small.astype(np.float32),
    }


def _paint_bowel(trunk: Trunk, hu: dict, contents: dict, rng: np.random.Generator) -> None:
    """Colon around the abdomen, loops of small bowel in its middle."""
    canvas, wall = trunk.canvas, hu["bowel_wall"]
    within = np.maximum(trunk.cavity, trunk.abdomen) + 1.5
    for start, end, count in ((12, 19, 6), (9, 14, 18)):
        for _ in range(count):
            centre = rng.uniform([-85, -5, -210], [80, 76, -90])
            line = centre + np.cumsum(rng.normal(0, 16, (7, 3)) * [1, 0.7, 0.7], 0)
            line = np.clip(line, [-100, -20, -230], [95, 76, -95])
            radius = rng.uniform(start, end) * 0.75
            canvas.tube(wander(line, rng, 0, 12), radius, contents["small"], wall, "bowel", within)
    right = [(98, -20, -230), (100, -5, -180), (92, 22, -140)]
    across = [(92, 22, -140), (55, 66, -125), (0, 74, -118), (-55, 66, -95), (-100, 12, -62)]
    down = [(-100, 12, -62), (-108, -25, -110), (-106, -30, -230)]
    for part, pieces in ((down, 14), (right, 10), (across, 24)):
        line = wander(part, rng, 6, pieces)
        haustra = 1 + 0.14 * np.cos(np.arange(pieces) * np.pi) + rng.normal(0, 0.05, pieces)
        radius = rng.uniform(13, 22) * (0.75 if part is down else 1)
        canvas.tube(line, radius * haustra, contents["colon"], wall, "bowel", within)


def _paint_retroperitoneum(
    canvas: HounsfieldCanvas, hu: dict, shape: dict, rng: np.random.Generator
) -> None:
    """Pancreas, duodenum, adrenal glands."""
    duodenum = [(30, 40, -104), (44, 18, -116), (42, 2, -145), (10, 0, -158), (-30, 8, -140)]
    canvas.tube(wander(duodenum, rng, 3, 12), 10, 25, hu["bowel_wall"], "bowel")
    pancreas = wander([(-74, -14, -66), (-34, 6, -80), (0, 20, -94), (26, 10, -116)], rng, 4, 18)
    lobes = rng.uniform(0.75, 1.15, 18) * np.linspace(8, 12, 18) * shape["pancreas"]
    canvas.tube(pancreas, lobes + 1.5, hu["fat"] + 15)
    canvas.tube(pancreas, lobes, hu["pancreas"], organ="pancreas")
    for x, y, z in ((-34, -22, -82), (30, -26, -74)):
        for end in ((6, -12, -14), (-6, -14, -12), (0, 10, 8)):
            limb = np.array([[x, y, z], np.add((x, y, z), end)])
            canvas.tube(limb, 2.2, hu["pancreas"] - 10, organ="muscle")


def stomach_distance(points: np.ndarray, shape: dict[str, float]) -> np.ndarray:
    """Signed distance of points (3, …) to the stomach, mm."""
    line = np.array(
        [(-54, -20, -22), (-62, 6, -44), (-56, 38, -80), (-26, 60, -108), (14, 52, -112)]
    )
    bend, turn = shape["stomach_bend"], shape["stomach_turn"]
    moved = [(0, 0, 0), (6, 8, 0), (12, 6, 8), (8, -6, 10), (0, 0, 0)]
    line = line + np.array(moved) * [bend, turn, turn]
    swollen = np.array([1, 1 + 0.2 * turn, 1 + 0.2 * bend, 1 - 0.2 * turn, 1])
    radii = np.array([27, 31, 26, 19, 12]) * shape["stomach"] * swollen
    pieces = zip(line[:-1], line[1:], radii[:-1], radii[1:], strict=True)
    distance = None
    for a, b, ra, rb in pieces:
        piece = capsule(points, a, b, ra, rb)
        distance = piece if distance is None else smooth_union(distance, piece, 8)
    return distance


def _paint_spleen(trunk: Trunk, hu: dict[str, float]) -> None:
    """A crescent below the left dome, hollow towards stomach and kidney."""
    points, size = trunk.canvas.points, trunk.shape["spleen"]
    spleen = ellipsoid(points, (-92, -34, -62), (46 * size, 56 * size, 54 * size))
    hollow = ellipsoid(points, (-50, 2, -64), (40, 46, 70))
    kidney = kidney_distance(points, "left") - 5
    outside = np.maximum(trunk.abdomen + 2.0, trunk.cavity + 1.5)
    spleen = np.maximum.reduce([spleen, -hollow, -kidney, outside])
    trunk.canvas.fill(spleen - 1.0, hu["fat"], organ="fat")
    patchy = (
        3 * trunk.texture["coarse"] + 0.12 * max(hu["aorta"] - 170, 0) * trunk.texture["middle"]
    )
    trunk.canvas.fill(spleen, hu["spleen"] + patchy, organ="spleen")


def kidney_distance(points: np.ndarray, side: str, radii=(27.0, 29.0, 54.0)) -> np.ndarray:
    """Signed distance of points (3, …) to a kidney that leans outwards and forwards, mm."""
    x, y, z = KIDNEYS[side]
    sign, along = np.sign(x), points[2] - z
    leaning = np.stack([points[0] + 0.22 * sign * along, points[1] - 0.12 * along, points[2]])
    return ellipsoid(leaning, (x, y, z), radii)


def _paint_kidney(trunk: Trunk, hu: dict, side: str, rng: np.random.Generator) -> None:
    """Cortex, pyramids, fat and pelvis in the middle, sometimes a cyst."""
    canvas = trunk.canvas
    x, y, z = KIDNEYS[side]
    box = canvas.box((x - 50, y - 50, z - 70), (x + 50, y + 50, z + 70))
    if box is None:
        return
    points = canvas.points[:, *box]
    fine, middle = trunk.texture["fine"][box], trunk.texture["middle"][box]
    kidney = kidney_distance(points, side)
    canvas.fill(kidney - 3, hu["fat"] + 2, box, "fat")
    canvas.fill(kidney, hu["cortex"] + 4 * fine, box, "kidney")
    # Pyramids stand around the sinus like the seeds of an orange; columns of cortex part them.
    around = np.arctan2(points[1] - y, np.sign(x) * (points[0] - x) + 12)
    pyramids = 3.5 * (0.35 - np.cos(5 * around + 0.14 * (points[2] - z) + middle * 0.5))
    inner = (x - np.sign(x) * 17, y + 7, z)
    sinus = ellipsoid(points, inner, (20, 12, 34)) + 3 * middle
    pyramids = np.maximum.reduce([kidney + 6 + middle, pyramids, 1 - sinus])
    canvas.fill(pyramids, hu["medulla"], box)
    canvas.fill(np.maximum(sinus, -kidney - 60), hu["fat"] + 10, box)
    canvas.fill(sinus + 6.5, hu["pelvis"], box)
    if rng.random() < 0.35:
        place = rng.normal((x, y, z), (14, 14, 26))
        canvas.solid(place, np.full(3, rng.uniform(4, 16)), 8)
