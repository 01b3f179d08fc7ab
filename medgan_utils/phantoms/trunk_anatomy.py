"""The trunk around the organs: skin, fat, muscles, ribs, spine, hip bones; and the table.

Shapes are simple solids placed by eye on abdominal CT, in the frame of `abdomens`. They are a
stage for the liver, not an atlas.
"""

from __future__ import annotations

import numpy as np

from .canvas import HounsfieldCanvas
from .organs import ORGANS
from .solids import ellipsoid, random_field, smooth_cut, smooth_union, stretched
from .vessel_anatomy import cava_distance

RIB_SPACING_MM, VERTEBRA_MM = 27.0, 34.0
SPINE_Y = -46.0
LEVELS_MM = (-200.0, -150.0, -95.0, -55.0, 0.0, 40.0)
FLARE_MM, DEPTH_MM = (6.0, -12.0, -3.0, 3.0, -5.0, -18.0), (-9.0, -5.0, -2.0, 3.0, 5.0, 0.0)
"""What the trunk is wider and deeper at these levels than on average, on either side: at the hip,
the waist, the costal arch, the lower ribs, the liver's dome, and above it."""

HEART, HEART_RADII = (-22.0, 34.0), (60.0, 42.0, 40.0)
"""x and y of the heart's middle; its half axes."""


class Trunk:
    """Surfaces that the organs need to know, as signed distances (X, Y, Z) in mm.

    Attributes:
        canvas: what is painted on.
        shape: this subject's measures, see `draw_shape`.
        muscle: outside of the muscles, below the fat.
        cavity: inside of the ribs and muscles.
        heart: the heart in the pericardium.
        before: the heart and all that lies in front of it.
        cava: the vena cava.
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
        wide = shape["half_width_mm"] + shape["waist"] * np.interp(z, LEVELS_MM, FLARE_MM)
        deep = shape["half_depth_mm"] + np.interp(z, LEVELS_MM, DEPTH_MM)
        deep += shape["belly_mm"] * np.clip(-z / 120, 0, 1) * np.clip(y / 40, 0, 1)
        power = np.where(y > 0, 2.15, 2.15 + 0.7 * np.minimum(-y / 60, 1)).astype(np.float32)
        level = (np.abs(x) / wide.astype(np.float32)) ** power
        level += (np.abs(y) / deep.astype(np.float32)) ** power
        level = np.maximum(level, 1e-6) ** (1 / power)
        self.muscle = np.sqrt(x * x + y * y) * (1 - 1 / np.maximum(level, 0.05))
        # A groove over the spinous processes.
        self.muscle += 5 * np.exp(-((x / 14) ** 2)) * np.clip(-y / 60, 0, 1)
        side = np.exp(-(((self.angle - 1.5) / 0.5) ** 2)) * np.clip((-z - 80) / 60, 0, 1)
        wall = shape["wall_mm"] + 12 * np.exp(-((self.angle / 0.55) ** 2)) + 6 * side
        self.cavity = self.muscle + wall
        self.cava = cava_distance(canvas, shape)
        self.heart, self.before = _heart_distances(canvas, shape)
        self.abdomen = self._below_diaphragm()

    def _below_diaphragm(self) -> np.ndarray:
        """Two domes and the heart's bed between them, on a floor that is high in front.

        What lies in front of the heart belongs to the chest as well.
        """
        x, y, z = self.canvas.points
        rise = self.shape["left_dome_mm"]
        right = ellipsoid(self.canvas.points, (60, 6, -105), (84, 88, 105))
        left = ellipsoid(self.canvas.points, (-60, 4, -105), (80, 86, 105 + rise))
        low = self.shape["heart_z_mm"] - HEART_RADII[2] * self.shape["heart"]
        middle = ellipsoid(self.canvas.points, (-8, 24, -105), (50, 62, 111 + low))
        domes = smooth_union(smooth_union(right, left, 24), middle, 20)
        below = smooth_union(domes, z + 92 - 0.5 * (y + 80) + 0.0045 * x * x, 12)
        return smooth_cut(below, 3 - self.before, 6)


def heart_axes(points: np.ndarray, shape: dict[str, float]) -> list[np.ndarray]:
    """Offsets from the heart's middle: towards its apex, towards its front on the right, up; mm."""
    x, y, z = points[0] - HEART[0], points[1] - HEART[1], points[2] - shape["heart_z_mm"]
    turn = np.deg2rad(shape["heart_turn"])
    along = -np.cos(turn) * x + np.sin(turn) * y
    return [along - 0.25 * z, np.sin(turn) * x + np.cos(turn) * y, z]


def _heart_distances(
    canvas: HounsfieldCanvas, shape: dict[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Signed distances (X, Y, Z) to the heart, and to the heart and all in front of it, mm."""
    far = np.full(canvas.hu.shape, 60, np.float32)
    distances, radii = (far, far.copy()), np.multiply(HEART_RADII, shape["heart"])
    box = canvas.box((-110, -50, shape["heart_z_mm"] - 60), (75, 200, 200))
    if box is None:
        return distances
    points = canvas.points[:, *box].copy()
    distances[0][box] = stretched(heart_axes(points, shape), radii)
    points[1] = np.minimum(points[1], HEART[1])
    distances[1][box] = stretched(heart_axes(points, shape), radii)
    return distances


def paint_frame(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Paint muscles along the spine, and bones."""
    _paint_muscle_bellies(trunk, hu, rng)
    _paint_ribs(trunk, hu)
    _paint_spine(trunk, hu)
    _paint_hips(trunk, hu)


def paint_wall(trunk: Trunk, hu: dict[str, float]) -> None:
    """Skin, fat with septa, layered muscles, and the fat inside."""
    canvas, shape = trunk.canvas, trunk.shape
    x, y, z = canvas.points
    fine, middle, coarse = (trunk.texture[name] for name in ("fine", "middle", "coarse"))
    around = 1 - 0.3 * np.cos(2 * trunk.angle) * shape["fat_side"] + 0.2 * np.cos(trunk.angle)
    low = 1 + 0.35 * np.clip((-z - 60) / 100, -0.6, 1)
    fat_mm = np.maximum(shape["fat_mm"] * around * low * (1 + 0.05 * coarse), 3)
    skin = trunk.muscle - fat_mm
    canvas.fill(skin, 10.0 + 15 * fine, organ="fat")
    septa = 60 * np.clip(1 - np.abs(middle + 0.4 * fine) / 0.12, 0, 1)
    canvas.fill(skin + 1.8, hu["fat"] + 5 * fine + 0.5 * septa)
    streaks = np.clip(0.9 * (0.6 * fine + 0.7 * middle - 1.5 + 1.4 * shape["fatty_muscle"]), 0, 0.8)
    thorax = np.clip((z + 75) / 40, 0, 1) * np.clip((y + 60) / 30, 0, 1)
    between_ribs = thorax * np.clip(28 + 26 * middle, 0, 110)
    flesh = hu["muscle"] + 6 * fine + 4 * coarse - 140 * streaks - between_ribs
    lines = np.abs((trunk.muscle + 2.5) % 6.5 - 5.2) - 0.7
    flank = np.clip((-z - 70) / 40, 0, 1) * np.clip((np.abs(x) - 45) / 20, 0, 1)
    flesh = flesh - 45 * flank * np.clip(0.2 - lines, 0, 1) * (trunk.muscle > -14)
    canvas.fill(trunk.muscle, flesh, organ="muscle")
    inner = hu["fat"] + 9 * fine + 9 * middle + 0.8 * septa
    canvas.fill(trunk.cavity, inner, organ="fat")
    linea = np.maximum(np.abs(x) - 3, 20 - y)
    canvas.fill(np.maximum(linea, trunk.muscle + 3), hu["fat"] + 40)


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
    canvas.fill(belly, flesh, box, "muscle")
    psoas = np.clip((-z - 70) / 90, 0, 1)
    radius = 6 + 16 * psoas
    belly = stretched([side - 30 - 9 * psoas, y + 50], [radius, radius])
    canvas.fill(belly + 40 * (psoas == 0), flesh, box, "muscle")
    lumborum = stretched([side - 66, y + 68], [21, 9])
    canvas.fill(np.maximum(lumborum, z + 105), flesh, box, "muscle")
    right, left = rng.uniform(4, 7, 2)
    thick = np.where(x > 0, right, left)
    crus = stretched([side - 15 - 0.03 * (z + 30), y + 24], [1.2 * thick, 2.4 * thick])
    canvas.fill(np.maximum(crus, z + 5), hu["muscle"], box, "muscle")


def _paint_ribs(trunk: Trunk, hu: dict[str, float]) -> None:
    """Ribs that slant down to the front, one distance for all of them, and their cartilage."""
    canvas, shape = trunk.canvas, trunk.shape
    z, angle = canvas.points[2], trunk.angle
    drop = 48 * np.minimum(angle, 2.15)
    cartilage_rise = 75 * np.maximum(angle - 2.15, 0)
    along = z + drop - cartilage_rise - shape["rib_z_mm"]
    number = np.clip(np.round(-along / RIB_SPACING_MM), -2, 5)
    across = (along + number * RIB_SPACING_MM) * 0.92
    last = np.select([number >= 5, number >= 4], [0.95, 1.5], 2.75)
    end = 90 * np.maximum(angle - last, 0.11 - angle)
    depth = trunk.muscle + 0.55 * shape["wall_mm"]
    distance = 3.2 * (np.hypot(depth / 3.2, across / 5.0) - 1)
    distance = np.maximum(distance, end)
    gristle = np.clip((angle - 1.95 + 0.06 * number) / 0.12, 0, 1)
    fine = trunk.texture["fine"]
    calcified = 110 * np.clip(fine - 2.2 + shape["calcium"], 0, 1.5)
    cortex = 480 * shape["bone"] * (1 - gristle) + (90 + calcified) * gristle
    inside = (hu["marrow"] + 60 * fine) * (1 - gristle) + (75 + calcified) * gristle
    canvas.fill(distance, cortex, organ="bone")
    canvas.fill(distance + 1.3, inside)


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
    canvas.fill(disc, hu["disc"], box, "bone")
    canvas.fill(canal, hu["fat"] + 30, box, "muscle")
    canvas.fill(canal + 2.5, hu["canal"], box)
    canvas.fill(bone, 430 * shape["bone"], box, "bone")
    # End plates are thin: most slices of 5 mm show them as a haze.
    spongy = np.maximum(round_body + 1.3, np.abs(level) - 13.2)
    spongy = np.minimum(spongy, np.minimum.reduce([ring, pedicle, spinous, transverse]) + 1.3)
    canvas.fill(spongy, hu["marrow"] * shape["bone"] + 42 * fine, box)


def _paint_hips(trunk: Trunk, hu: dict[str, float]) -> None:
    """The wings of the hip bones in the lowest slices, between two layers of muscle."""
    canvas, shape = trunk.canvas, trunk.shape
    box = canvas.box((-160, -110, -400), (160, 30, shape["crest_z_mm"] + 3))
    if box is None:
        return
    x, y, z = canvas.points[:, *box]
    away, back = np.abs(x) - 84, y + 40
    along, across = 0.73 * away + 0.68 * back, 0.68 * away - 0.73 * back
    across = across + 0.004 * along**2 - 4
    top = z - shape["crest_z_mm"] + 0.012 * along**2
    wing = np.maximum.reduce([np.abs(across) - 4.5, np.abs(along) - 52, top])
    flesh = np.maximum.reduce([np.abs(across - 5) - 15, np.abs(along) - 58, top - 4])
    flesh = np.maximum(flesh, trunk.muscle[box] + 1)
    canvas.fill(flesh, hu["muscle"] + 6 * trunk.texture["fine"][box], box, "muscle")
    canvas.fill(wing, 500 * shape["bone"], box, "bone")
    canvas.fill(wing + 1.6, hu["marrow"] + 60 * trunk.texture["fine"][box], box)


def paint_table(
    canvas: HounsfieldCanvas, world: np.ndarray, back_mm: float, rng: np.random.Generator
) -> None:
    """Paint the table: a cradle that rises to its edges, often with a second shell below.

    A shell is thinner than a voxel and crosses the rows at a slant: the share of a voxel that it
    fills is measured along y, so that it stays one line.

    Args:
        canvas: painted.
        world: (3, X, Y, Z) positions before the patient's pose and shape, mm.
        back_mm: y of the patient's back.
        rng: draws the table.
    """
    x, y = world[0, :, :, 0], world[1, :, :, 0]
    pixel = float(world[0, 1, 0, 0] - world[0, 0, 0, 0])
    half, thick = rng.uniform(170, 235), rng.uniform(2.0, 4.0)
    curve, deep = rng.uniform(0.0002, 0.0012), rng.uniform(14, 34)
    top = back_mm - rng.uniform(3, 16) + curve * (x**2 - 60**2)
    inner = rng.uniform(0.35, 0.9) * half
    below = {
        "cradle": top - 400,
        "second shell": top - deep + 0.6 * curve * x**2,
        "keel": back_mm - 20 - deep + 0.9 * np.maximum(np.abs(x) - inner, 0),
    }[str(rng.choice(["cradle", "second shell", "keel"], p=(0.3, 0.4, 0.3)))]
    if rng.random() < 0.25:  # rims that the hands hold on to
        top = top + 0.25 * np.maximum(np.abs(x) - half + 22, 0) ** 1.4
    share = np.zeros_like(x)
    for line, width in ((top, thick), (np.minimum(below, top), 0.8 * thick)):
        high = np.minimum(line + width / 2, y + pixel / 2)
        share = np.maximum(share, high - np.maximum(line - width / 2, y - pixel / 2))
    share = np.clip(share / pixel, 0, 1) * (np.abs(x) < half)
    share = share[:, :, None] * (canvas.hu < -500)
    canvas.paint(share, float(rng.uniform(30, 500)))
    canvas.organs[(share > 0.3) & (canvas.organs == ORGANS["air"])] = ORGANS["table"]
