"""Everything around the brain: skull, scalp, eyes, sinuses, face and neck, as painted shells.

All positions are millimetres in MNI space (x to the right, y to the front, z up). The shapes are
simple solids placed by eye on T1 images; they are a stage for the brain, not an atlas of the face.
"""

from __future__ import annotations

import numpy as np

from .brain_template import Template
from .canvas import TissueCanvas
from .solids import random_field, smooth_union


def paint_head(
    canvas: TissueCanvas, template: Template, rng: np.random.Generator, shape: dict[str, float]
) -> None:
    """Paint scalp, face, neck, skull and the fluid inside it; the brain is painted afterwards.

    Args:
        canvas: what is painted on.
        template: gives the shape of the skull.
        rng: where the irregularities come from.
        shape: thicknesses of this subject in mm: `csf_mm`, `skull_mm`, `scalp_mm`, `face_mm`,
            `nose_mm`.
    """

    def field(knot_mm: float) -> np.ndarray:
        return random_field(rng, canvas.points.shape[1:], canvas.spacing_mm, knot_mm, True)

    csf = shape["csf_mm"] * np.clip(1 + 0.4 * field(35), 0.2, 2)
    inner = template.sample("depth", canvas.points) - csf
    _, y, z = canvas.points
    vault = np.clip((z + 20 + 0.25 * y) / 15, 0, 1)
    skull = shape["skull_mm"] * np.clip(1 + 0.15 * field(35), 0.6, 1.5) * (0.45 + 0.55 * vault)
    scalp = shape["scalp_mm"] * np.clip(1 + 0.12 * field(50), 0.6, 1.6)
    outer = template.sample("outline", canvas.points) - csf - skull - scalp
    outer = _head_outline(canvas, np.minimum(outer, inner - skull - 0.5 * scalp), shape)
    _paint_soft_tissue(canvas, outer, inner - skull, field)
    _paint_face(canvas, field)
    _paint_skull(canvas, inner, skull, field)
    canvas.fill("dura", inner - 1.0)
    canvas.fill("csf", inner)
    _paint_neck(canvas)


def _head_outline(canvas: TissueCanvas, cranium: np.ndarray, shape: dict[str, float]) -> np.ndarray:
    """Signed distance to the skin, mm."""
    x, y, z = canvas.points
    wide = shape["face_mm"]
    face = canvas.ellipsoid((0, 26, -68), (wide, 60, 72), both=False)
    nose_tip = (0, 84, -54 - shape["nose_mm"] / 4)
    nose = canvas.ellipsoid(nose_tip, (12, 12 + shape["nose_mm"], 18), both=False)
    neck = 62 * (np.hypot(x / 62, (y + 34) / 68) - 1)
    neck = np.where(z < -40, neck, np.hypot(np.maximum(neck, 0), z + 40))
    outline = smooth_union(cranium, smooth_union(face, neck, 25), 22)
    outline = smooth_union(outline, nose, 7)
    ears = canvas.ellipsoid((wide + 11, -22, -36), (4, 14, 24))
    return smooth_union(outline, ears, 3)


def _paint_soft_tissue(canvas: TissueCanvas, outer, skull_surface, field) -> None:
    """Skin, fat below it, and what is below the skull: muscle with streaks of fat."""
    _, y, z = canvas.points
    canvas.fill("skin", outer)
    fine = field(4)
    canvas.fill("fat", outer + 1.8, np.clip(0.75 + 0.18 * fine, 0, 1))
    texture = 0.6 * fine + 0.5 * field(8) + 0.6 * field(14)
    streaks = np.clip(0.45 + 0.8 * (texture - 0.4), 0, 1)
    muscle_depth = outer + 2 + np.clip(4 + 2.5 * field(25), 1.5, 9)
    below = np.clip((-20 - 0.25 * y - z) / 8, 0, 1)  # below the skull base
    canvas.fill("muscle", muscle_depth, below * (1 - streaks))
    voids = np.clip(1.2 * (field(7) + 0.5 * fine - 1.0), 0, 1)
    canvas.fill("bone", muscle_depth + 4, below * voids)  # flow voids and tendons are dark
    temporal = np.clip(1.2 - np.hypot((y - 18) / 40, (z + 14) / 38), 0, 1)  # temporalis
    canvas.fill("muscle", np.maximum(outer + 3.0, -skull_surface), np.clip(4 * temporal, 0, 1))


def _paint_face(canvas: TissueCanvas, field) -> None:
    """Bones, air and orbits of the face."""
    texture = field(6)
    x = canvas.points[0]
    # jaw and cheek bones
    canvas.solid("bone", (42, 50, -52), (12, 14, 9))
    canvas.solid("marrow", (42, 50, -52), (9, 11, 6), 0.7)
    canvas.solid("bone", (0, 62, -86), (27, 24, 12), both=False)
    canvas.solid(
        "marrow", (0, 60, -87), (22, 20, 9), np.clip(0.6 + 0.4 * texture, 0, 1), both=False
    )
    canvas.solid("bone", (50, 12, -78), (7, 15, 28))
    canvas.solid("marrow", (50, 12, -78), (4.5, 12, 25))
    canvas.solid("muscle", (60, 22, -72), (8, 18, 26))  # masseter
    canvas.solid("muscle", (36, 16, -66), (9, 16, 20))  # pterygoids
    canvas.solid("fat", (46, 42, -68), (9, 14, 14))
    canvas.solid("muscle", (0, 38, -98), (22, 32, 16), both=False)  # tongue
    # airways
    nasal = canvas.ellipsoid((0, 56, -52), (17, 36, 24), both=False)
    canvas.fill("mucosa", nasal)
    gaps = np.clip(0.5 + 1.6 * (texture - 0.1), 0, 1) * np.clip((np.abs(x) - 1) / 1.5, 0, 1)
    canvas.fill("air", nasal + 2, gaps)
    canvas.solid("bone", (29, 52, -57), (13, 18, 18))
    canvas.solid("mucosa", (29, 52, -57), (12, 17, 17))
    canvas.solid("air", (29, 52, -57), (11, 16, 16))
    canvas.solid("air", (0, 14, -72), (10, 9, 22), both=False)  # naso- and oropharynx
    canvas.solid("bone", (0, 24, -36), (17, 13, 12), both=False)
    canvas.solid("air", (9, 24, -36), (8, 11, 10), np.clip((np.abs(x) - 0.5) / 1.5, 0, 1))
    canvas.solid("bone", (7, 48, -30), (9, 24, 13))
    canvas.solid("air", (7, 48, -31), (8, 22, 12), np.clip(0.75 + 1.2 * texture, 0, 1))
    _paint_orbits(canvas)


def _paint_orbits(canvas: TissueCanvas) -> None:
    """Both orbits: fat, globe with lens and vitreous, optic nerve and rectus muscles."""
    canvas.solid("bone", (31, 50, -37), (20, 28, 19))
    canvas.solid("fat", (31, 50, -37), (18, 26, 17))
    x, y, z = canvas.points
    along = np.clip((62 - y) / 44, 0, 1)  # 0 at the back of the globe, 1 at the apex
    axis_x, axis_z = 32 - 14 * along, -37 + 3 * along
    behind = np.maximum(y - 60, 18 - y)
    radial = np.hypot(np.abs(x) - axis_x, z - axis_z)
    canvas.fill("white", np.maximum(radial - 2.2, behind))
    for side in (-1, 1):
        rectus = np.hypot(
            np.abs(x) - axis_x - side * 11 * (1 - along) - side * 2, (z - axis_z) / 2.5
        )
        canvas.fill("muscle", np.maximum(rectus - 2.0, behind - 4))
    canvas.solid("dura", (32, 66, -37), (12.6, 12.6, 12.6))
    canvas.solid("vitreous", (32, 66, -37), (11.4, 11.4, 11.4))
    canvas.solid("lens", (32, 74.5, -37), (5, 2.6, 5))


def _paint_skull(canvas: TissueCanvas, inner, thickness, field) -> None:
    """Outer table, diploe and inner table; frontal sinus, petrous bone and clivus."""
    x, y, z = canvas.points
    texture = field(5)
    canvas.fill("bone", inner - thickness)
    vault = np.clip((z + 25 + 0.2 * y) / 12, 0, 1)
    table = np.clip(0.28 * thickness, 1.2, 2.2)
    diploe = np.maximum(inner - thickness + table, table + 0.6 - inner)
    canvas.fill("marrow", diploe, np.clip(0.5 + 0.3 * texture, 0, 1) * (0.3 + 0.7 * vault))
    canvas.solid("bone", (44, -24, -42), (26, 14, 11))  # petrous bone
    canvas.solid("air", (56, -32, -48), (9, 12, 15), np.clip(0.6 + texture, 0, 1))  # mastoid cells
    canvas.solid("bone", (0, 3, -48), (14, 10, 20), both=False)  # clivus
    canvas.solid("marrow", (0, 4, -48), (10, 6, 16), np.clip(0.8 + 0.2 * texture, 0, 1), both=False)
    canvas.solid("air", (9, 76, -14), (11, 5, 11), np.clip((np.abs(x) - 0.5) / 1.5, 0, 1))


def _paint_neck(canvas: TissueCanvas) -> None:
    """Upper cervical spine: bone ring, fluid and cord below the template's end."""
    x, y, z = canvas.points
    below = np.clip((-66 - z) / 6, 0, 1)
    centre = -46 - 0.12 * (z + 66)
    ring = np.hypot(x / 1.15, y - centre)
    canvas.fill("bone", ring - 17, below)
    canvas.fill("marrow", np.abs(ring - 14) - 1.8, below * 0.8)
    canvas.fill("csf", ring - 10.5, below)
    canvas.fill("white", np.hypot(x / 1.3, y - centre) - 5, below)
