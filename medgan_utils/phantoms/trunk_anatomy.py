"""The trunk around the organs: skin, fat, muscles, ribs, spine, lungs, diaphragm; and the table.

Shapes are simple solids placed by eye on abdominal CT, in the frame of `abdomens`. They are a
stage for the liver, not an atlas.
"""

from __future__ import annotations

import numpy as np

from .canvas import HounsfieldCanvas
from .solids import ellipsoid, random_field, smooth_union, stretched

RIB_SPACING_MM, VERTEBRA_MM = 27.0, 34.0
SPINE_Y = -46.0


class Trunk:
    """Surfaces that the organs need to know, as signed distances (X, Y, Z) in mm.

    Attributes:
        canvas: what is painted on.
        shape: this subject's measures, see `draw_shape`.
        muscle: outside of the muscles, below the fat.
        cavity: inside of the ribs and muscles.
        abdomen: below the diaphragm.
        angle: around the trunk, 0 at the back, pi in front, radians.
        texture: random fields of unit variance, "fine" (4 mm), "middle" (9 mm), "coarse" (35 mm).
    """

    def __init__(self, canvas: HounsfieldCanvas, shape: dict[str, float], rng: np.random.Generator):
        self.canvas, self.shape = canvas, shape
        x, y, z = canvas.points
        self.texture = {
            name: random_field(rng, x.shape, canvas.spacing_mm, knot)
            for name, knot in (("fine", 4.0), ("middle", 9.0), ("coarse", 35.0))
        }
        self.angle = np.arctan2(np.abs(x), -y)
        thorax = np.clip((z + 110) / 80, 0, 1)
        wide, deep = shape["half_width_mm"], shape["half_depth_mm"]
        wide, deep = wide - 7 * thorax, deep + 4 * thorax
        level = (np.abs(x) / wide) ** 2.35 + (np.abs(y) / deep) ** 2.35
        level = np.maximum(level, 1e-6) ** (1 / 2.35)
        self.muscle = np.sqrt(x * x + y * y) * (1 - 1 / np.maximum(level, 0.05))
        # A groove over the spinous processes.
        self.muscle += 5 * np.exp(-((x / 14) ** 2)) * np.clip(-y / 60, 0, 1)
        wall = shape["wall_mm"] + 12 * np.exp(-((self.angle / 0.55) ** 2))
        self.cavity = self.muscle + wall
        self.abdomen = self._below_diaphragm()

    def _below_diaphragm(self) -> np.ndarray:
        """Two domes on a floor that is high in front and deep at the back."""
        points, rise = self.canvas.points, self.shape["left_dome_mm"]
        right = ellipsoid(points, (60, 6, -105), (84, 88, 105))
        left = ellipsoid(points, (-60, 4, -105), (80, 86, 105 + rise))
        domes = smooth_union(right, left, 18)
        return smooth_union(domes, points[2] + 92 - 0.5 * (points[1] + 80), 12)


def paint_trunk(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Paint everything but the organs below the diaphragm."""
    _paint_fat_and_muscle(trunk, hu, rng)
    _paint_lungs(trunk, hu)
    _paint_muscle_bellies(trunk, hu, rng)
    _paint_ribs(trunk, hu)
    _paint_spine(trunk, hu)


def _paint_fat_and_muscle(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Skin, fat with septa, layered muscles, and the fat inside."""
    canvas, shape = trunk.canvas, trunk.shape
    x, y, z = canvas.points
    fine, middle, coarse = (trunk.texture[name] for name in ("fine", "middle", "coarse"))
    around = 1 - 0.3 * np.cos(2 * trunk.angle) * shape["fat_side"] + 0.2 * np.cos(trunk.angle)
    low = 1 + 0.35 * np.clip((-z - 60) / 100, -0.6, 1)
    fat_mm = np.maximum(shape["fat_mm"] * around * low * (1 + 0.08 * coarse), 3)
    skin = trunk.muscle - fat_mm
    canvas.fill(skin, 10.0 + 15 * fine)
    septa = 60 * np.clip(1 - np.abs(middle + 0.4 * fine) / 0.12, 0, 1)
    canvas.fill(skin + 1.8, hu["fat"] + 5 * fine + 0.5 * septa)
    streaks = np.clip(0.9 * (0.6 * fine + 0.7 * middle - 1.5 + 1.4 * shape["fatty_muscle"]), 0, 0.8)
    thorax = np.clip((z + 75) / 40, 0, 1) * np.clip((y + 60) / 30, 0, 1)
    between_ribs = thorax * np.clip(28 + 26 * middle, 0, 110)
    flesh = hu["muscle"] + 4 * coarse - 140 * streaks - between_ribs
    lines = np.abs((trunk.muscle + 2.5) % 6.5 - 5.2) - 0.7
    flank = np.clip((-z - 70) / 40, 0, 1) * np.clip((np.abs(x) - 45) / 20, 0, 1)
    flesh = flesh - 45 * flank * np.clip(0.2 - lines, 0, 1) * (trunk.muscle > -14)
    canvas.fill(trunk.muscle, flesh)
    inner = hu["fat"] + 9 * fine + 9 * middle + 0.8 * septa
    canvas.fill(trunk.cavity, inner)
    linea = np.maximum(np.abs(x) - 3, 20 - y)
    canvas.fill(np.maximum(linea, trunk.muscle + 3), hu["fat"] + 40)


def _paint_lungs(trunk: Trunk, hu: dict[str, float]) -> None:
    """Lungs with vessels above the diaphragm, mediastinal fat, and the diaphragm itself."""
    canvas = trunk.canvas
    x, y, _ = canvas.points
    fine, middle = trunk.texture["fine"], trunk.texture["middle"]
    above = np.maximum(trunk.cavity + 1.0, -trunk.abdomen)
    mediastinum = np.hypot(x / 1.2, (y + 22) / 1.6) - 20
    lung = np.maximum(above, -mediastinum)
    vessels = 500 * np.clip((middle + 0.6 * fine - 1.9), 0, 1.5)
    gradient = -0.5 * (y + 20)  # the lower parts of a lying patient's lungs are denser
    canvas.fill(np.maximum(trunk.cavity, -trunk.abdomen - 2.0), hu["muscle"] - 5)
    canvas.fill(lung, hu["lung"] + 25 * middle + gradient + vessels)


def _paint_muscle_bellies(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Erector spinae, psoas, quadratus lumborum and the crura of the diaphragm."""
    canvas = trunk.canvas
    box = canvas.box((-110, -140, -400), (110, 0, 200))
    x, y, z = canvas.points[:, *box]
    side = np.abs(x)
    fine, middle = trunk.texture["fine"][box], trunk.texture["middle"][box]
    streaks = np.clip(0.5 * fine + 0.6 * middle - 1.3 + 1.6 * trunk.shape["fatty_muscle"], 0, 1)
    flesh = hu["muscle"] - 100 * streaks
    grow = np.clip((-z + 20) / 170, 0, 1)
    belly = stretched([side - 31 - 4 * grow, y + 82], [27 + 9 * grow, 16 + 6 * grow])
    belly = np.maximum(belly, trunk.muscle[box] + 3)
    canvas.fill(belly - 1.5, hu["fat"] + 10, box)
    canvas.fill(belly, flesh, box)
    psoas = np.clip((-z - 70) / 90, 0, 1)
    radius = 6 + 16 * psoas
    belly = stretched([side - 30 - 9 * psoas, y + 50], [radius, radius])
    canvas.fill(belly + 40 * (psoas == 0), flesh, box)
    lumborum = stretched([side - 66, y + 68], [21, 9])
    canvas.fill(np.maximum(lumborum, z + 105), flesh, box)
    right, left = rng.uniform(4, 7, 2)
    thick = np.where(x > 0, right, left)
    crus = stretched([side - 15 - 0.03 * (z + 30), y + 24], [1.2 * thick, 2.4 * thick])
    canvas.fill(np.maximum(crus, z + 5), hu["muscle"], box)


def _paint_ribs(trunk: Trunk, hu: dict[str, float]) -> None:
    """Ribs that slant down to the front, one distance for all of them, and their cartilage."""
    canvas, shape = trunk.canvas, trunk.shape
    z, angle = canvas.points[2], trunk.angle
    drop = 105 * (1 - np.cos(np.minimum(angle, 2.15))) / 1.55
    cartilage_rise = 75 * np.maximum(angle - 2.15, 0)
    along = z + drop - cartilage_rise - shape["rib_z_mm"]
    number = np.clip(np.round(-along / RIB_SPACING_MM), -2, 5)
    across = (along + number * RIB_SPACING_MM) * 0.92
    last = np.select([number >= 5, number >= 4], [0.95, 1.5], 2.75)
    end = 90 * np.maximum(angle - last, 0.11 - angle)
    depth = trunk.muscle + 0.55 * shape["wall_mm"]
    distance = 3.9 * (np.hypot(depth / 3.9, across / 5.6) - 1)
    distance = np.maximum(distance, end)
    gristle = np.clip((angle - 2.0) / 0.15, 0, 1)
    fine = trunk.texture["fine"]
    calcified = 160 * np.clip(fine - 2.2 + shape["calcium"], 0, 1.5)
    cortex = 720 * shape["bone"] * (1 - gristle) + (95 + calcified) * gristle
    inside = (hu["marrow"] + 60 * fine) * (1 - gristle) + (80 + calcified) * gristle
    canvas.fill(distance, cortex)
    canvas.fill(distance + 1.5, inside)


def _paint_spine(trunk: Trunk, hu: dict[str, float]) -> None:
    """Vertebrae with cortex, spongy bone and processes; discs; the canal with its fluid."""
    canvas, shape = trunk.canvas, trunk.shape
    box = canvas.box((-62, -130, -400), (62, -18, 200))
    x, y, z = canvas.points[:, *box]
    fine = trunk.texture["fine"][box]
    side = np.abs(x)
    level = (z - shape["vertebra_z_mm"] + VERTEBRA_MM / 2) % VERTEBRA_MM - VERTEBRA_MM / 2
    waist = 1 - 0.06 * np.cos(level / 13 * np.pi / 2)
    round_body = 17 * (np.hypot(x / (22.5 * waist), (y - SPINE_Y) / (17 * waist)) - 1)
    disc = np.maximum(round_body - 0.5, 13 - np.abs(level))
    body = np.maximum(round_body, np.abs(level) - 13.5)
    canal_y = SPINE_Y - 25
    canal = 9 * (np.hypot(x / 11, (y - canal_y) / 9) - 1)
    ring = np.maximum(np.abs(canal - 3.5) - 3.0, level - 13)
    foramen = np.maximum(np.abs(level + 12) - 6, np.maximum(9 - side, y - canal_y - 20))
    ring = np.maximum(ring, -foramen)
    pedicle = np.maximum.reduce(
        [np.abs(side - 12.5) - 4, np.abs(y - SPINE_Y + 18) - 10, np.abs(level - 4) - 7]
    )
    spinous = np.maximum.reduce([side - 2.7, np.abs(y - canal_y + 22) - 11, np.abs(level + 6) - 8])
    slant = np.abs(y - canal_y + 2 + 0.22 * (side - 14)) - 4
    transverse = np.maximum.reduce([slant, np.abs(side - 26) - 17, np.abs(level - 3) - 6])
    bone = np.minimum.reduce([body, ring, pedicle, spinous, transverse])
    canvas.fill(disc, hu["disc"], box)
    canvas.fill(canal, hu["fat"] + 30, box)
    canvas.fill(canal + 2.5, hu["canal"], box)
    canvas.fill(bone, 560 * shape["bone"], box)
    spongy = hu["marrow"] * shape["bone"] + 42 * fine
    canvas.fill(bone + 1.3, spongy, box)


def paint_table(
    canvas: HounsfieldCanvas, world: np.ndarray, back_mm: float, rng: np.random.Generator
) -> None:
    """Paint the table: one or two thin bright shells, flat or curved, with edges.

    Args:
        canvas: painted.
        world: (3, X, Y, Z) positions before the patient's pose and shape, mm.
        back_mm: y of the patient's back.
        rng: draws the table.
    """
    x, y = world[0], world[1]
    curve = rng.choice([0.0, 0.0006, 0.0012])
    half = rng.uniform(150, 230)
    top = back_mm - rng.uniform(4, 14) + curve * x**2 - curve * 40**2
    thick = rng.uniform(10, 32)
    shells = [np.abs(y - top) - 0.5]
    if rng.random() < 0.6:
        shells.append(np.abs(y - (top - thick + 0.5 * curve * x**2)) - 0.5)
    shell = np.maximum(np.minimum.reduce(shells), np.abs(x) - half)
    if rng.random() < 0.35:
        edge = np.hypot(np.abs(x) - half, y - top + thick / 3) - rng.uniform(1, 4)
        shell = np.minimum(shell, edge)
    where = canvas.hu < -500
    canvas.paint(canvas.cover(shell) * where, float(rng.uniform(100, 900)))
