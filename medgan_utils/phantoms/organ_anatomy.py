"""The organs beside the liver: vessels, stomach, bowel, spleen, kidneys, and the heart above.

Positions are millimetres in the frame of `abdomens`, placed by eye on abdominal CT.
"""

from __future__ import annotations

import numpy as np

from .canvas import HounsfieldCanvas
from .solids import capsule, ellipsoid, smooth_union
from .trunk_anatomy import Trunk

AORTA = np.array(
    [[-14, -22, 60], [-11, -17, -20], [-8, -14, -80], [-4, -14, -150], [-2, -15, -260]]
)
CAVA = np.array([[24, -4, 40], [22, -8, -10], [21, -12, -80], [19, -13, -150], [18, -14, -260]])
PORTAL = np.array([[10, 14, -108], [20, 14, -92], [30, 12, -76]])
KIDNEYS = {"right": (58.0, -40.0, -128.0), "left": (-60.0, -40.0, -110.0)}


def paint_organs(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Paint everything in the abdomen but the liver and what belongs to it."""
    canvas, shape = trunk.canvas, trunk.shape
    contents = _contents(trunk, rng)
    _paint_bowel(canvas, hu, contents, rng)
    _paint_mesentery(canvas, hu, rng)
    _paint_heart(trunk, hu)
    _paint_retroperitoneum(canvas, hu, shape, rng)
    stomach = stomach_distance(canvas.points, shape)
    folds = 2.0 * trunk.texture["middle"]
    canvas.fill(stomach - 1.5, hu["fat"])
    canvas.fill(stomach, hu["bowel_wall"])
    canvas.fill(stomach + 4.0 + folds, contents["stomach"])
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


def _wander(line: list, rng: np.random.Generator, sd_mm: float, pieces: int) -> np.ndarray:
    """A smooth line through displaced points, (pieces, 3)."""
    line = np.asarray(line, float) + rng.normal(0, sd_mm, (len(line), 3))
    from scipy.interpolate import CubicSpline

    places = np.linspace(0, len(line) - 1, pieces)
    return CubicSpline(np.arange(len(line)), line)(places).astype(np.float32)


def _paint_bowel(
    canvas: HounsfieldCanvas, hu: dict, contents: dict, rng: np.random.Generator
) -> None:
    """Colon around the abdomen, loops of small bowel in its middle."""
    wall = hu["bowel_wall"]
    for start, end, count in ((14, 22, 6), (9, 14, 16)):
        for _ in range(count):
            centre = rng.uniform([-85, -5, -210], [80, 76, -90])
            line = centre + np.cumsum(rng.normal(0, 16, (5, 3)) * [1, 0.7, 0.7], 0)
            line = np.clip(line, [-100, -20, -230], [95, 76, -95])
            radius = rng.uniform(start, end) * 0.75
            canvas.tube(_wander(line, rng, 0, 9), radius, contents["small"], wall)
    right = [(98, -20, -230), (100, -5, -180), (92, 22, -140)]
    across = [(92, 22, -140), (55, 66, -125), (0, 74, -118), (-55, 66, -95), (-100, 12, -62)]
    down = [(-100, 12, -62), (-108, -25, -110), (-106, -30, -230)]
    for part, pieces in ((down, 14), (right, 10), (across, 24)):
        line = _wander(part, rng, 6, pieces)
        haustra = 1 + 0.14 * np.cos(np.arange(pieces) * np.pi) + rng.normal(0, 0.05, pieces)
        radius = rng.uniform(13, 22) * (0.75 if part is down else 1)
        canvas.tube(line, radius * haustra, contents["colon"], wall)


def _paint_mesentery(canvas: HounsfieldCanvas, hu: dict, rng: np.random.Generator) -> None:
    """Small vessels in the fat."""
    for _ in range(80):
        start = rng.uniform([-70, -15, -200], [60, 60, -50])
        line = _wander(start + np.cumsum(rng.normal(0, 11, (3, 3)), 0), rng, 0, 5)
        canvas.tube(line, rng.uniform(0.8, 2.4), hu[str(rng.choice(["portal", "aorta"]))] - 15)


def _paint_heart(trunk: Trunk, hu: dict[str, float]) -> None:
    """The lower end of the heart in its fat, only above the diaphragm."""
    canvas = trunk.canvas
    heart = ellipsoid(canvas.points, (-20, 42, trunk.shape["heart_z_mm"]), (62, 44, 42))
    above = np.maximum(-trunk.abdomen - 3, trunk.cavity + 2)
    canvas.fill(np.maximum(heart - 7, above), hu["fat"])
    canvas.fill(np.maximum(heart, above), 0.6 * hu["heart"] + 30)
    canvas.fill(np.maximum(heart + 11 + 3 * trunk.texture["middle"], above), hu["heart"])
    canvas.tube([[-12, -38, 60], [-10, -10, -20], [-12, 0, -32]], 7, 40, 45)  # oesophagus


def _paint_retroperitoneum(
    canvas: HounsfieldCanvas, hu: dict, shape: dict, rng: np.random.Generator
) -> None:
    """Great vessels and their branches, pancreas, duodenum, adrenal glands."""
    duodenum = [(30, 40, -104), (44, 18, -116), (42, 2, -145), (10, 0, -158), (-30, 8, -140)]
    canvas.tube(_wander(duodenum, rng, 3, 12), 10, 25, hu["bowel_wall"])
    pancreas = _wander([(-74, -14, -66), (-34, 6, -80), (0, 20, -94), (26, 10, -116)], rng, 4, 18)
    lobes = rng.uniform(0.75, 1.15, 18) * np.linspace(8, 12, 18) * shape["pancreas"]
    canvas.tube(pancreas, lobes + 1.5, hu["fat"] + 15)
    canvas.tube(pancreas, lobes, hu["pancreas"])
    for x, y, z in ((-34, -22, -82), (30, -26, -74)):
        for end in ((6, -12, -14), (-6, -14, -12), (0, 10, 8)):
            canvas.tube(np.array([[x, y, z], np.add((x, y, z), end)]), 2.2, hu["pancreas"] - 10)
    splenic = _wander([(-88, -28, -68), (-50, -8, -72), (-18, 4, -84), (10, 12, -104)], rng, 3, 12)
    vein, artery = hu["portal"], hu["aorta"]
    canvas.tube(splenic, 4.2, vein)
    canvas.tube(_wander([(8, 15, -106), (10, 18, -150), (8, 24, -230)], rng, 2, 6), 5.5, vein)
    canvas.tube(
        _wander([(-10, -6, -84), (-7, 8, -92), (-6, 14, -150), (-4, 20, -230)], rng, 1, 8),
        3.6,
        artery,
    )
    canvas.tube(_wander([(-9, -8, -62), (-4, 10, -62), (20, 14, -70)], rng, 1, 6), 3.0, artery)
    canvas.tube(_wander([(-4, 10, -62), (-40, 0, -62), (-84, -24, -60)], rng, 5, 12), 2.6, artery)
    canvas.tube(_wander([(-44, -34, -112), (-6, 0, -110), (18, -10, -108)], rng, 1, 8), 4.0, vein)
    canvas.tube([[-8, -16, -112], [-46, -36, -112]], 2.8, artery)
    canvas.tube([[-8, -18, -118], [46, -36, -126]], 2.8, artery)
    canvas.tube([[20, -14, -118], [46, -34, -126]], 4.5, vein)
    canvas.tube(CAVA, shape["cava_mm"], hu["vena_cava"])
    aorta = _wander(list(AORTA), rng, 1.5, 16)
    canvas.tube(aorta, shape["aorta_mm"], artery)
    for _ in range(int(12 * shape["calcium"])):
        place = aorta[rng.integers(len(aorta))]
        turn, size = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 2.2)
        edge = place + shape["aorta_mm"] * np.array([np.cos(turn), np.sin(turn), 0])
        canvas.solid(edge, (size, size, 3 * size), 650)
    canvas.tube(_wander(list(PORTAL), rng, 1, 6), 6.5, vein)


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
    outside = np.maximum(trunk.abdomen + 3.5, trunk.cavity + 3)
    spleen = np.maximum.reduce([spleen, -hollow, -kidney, outside])
    trunk.canvas.fill(spleen - 1.5, hu["fat"])
    patchy = (
        3 * trunk.texture["coarse"] + 0.12 * max(hu["aorta"] - 170, 0) * trunk.texture["middle"]
    )
    trunk.canvas.fill(spleen, hu["spleen"] + patchy)


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
    canvas.fill(kidney - 3, hu["fat"] + 2, box)
    canvas.fill(kidney, hu["cortex"] + 4 * fine, box)
    pyramids = np.maximum(kidney + 8, -0.7 * middle * 6)
    canvas.fill(pyramids, hu["medulla"], box)
    inner = (x - np.sign(x) * 15, y + 9, z)
    sinus = ellipsoid(points, inner, (17, 11, 25)) + 3.5 * middle
    canvas.fill(sinus, hu["fat"] + 10, box)
    canvas.fill(sinus + 6, 0.5 * hu["medulla"] + 10, box)
    if rng.random() < 0.35:
        place = rng.normal((x, y, z), (14, 14, 26))
        canvas.solid(place, np.full(3, rng.uniform(4, 16)), 8)
