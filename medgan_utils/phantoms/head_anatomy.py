"""Everything around the brain: scalp, muscles, skull, and the fluid inside it, as painted shells.

All positions are millimetres in MNI space (x to the right, y to the front, z up). The shapes are
simple solids placed by eye on T1 images; they are a stage for the brain, not an atlas of the head.
"""

from __future__ import annotations

import numpy as np

from .brain_template import Template
from .canvas import TissueCanvas
from .face_anatomy import paint_face
from .neck_anatomy import paint_neck
from .solids import capsule, random_field, smooth_union, stretched


def paint_head(
    canvas: TissueCanvas, template: Template, rng: np.random.Generator, shape: dict[str, float]
) -> None:
    """Paint scalp, face, neck, skull and the fluid inside it; the brain is painted afterwards.

    Args:
        canvas: what is painted on.
        template: gives the shape of the skull.
        rng: where the irregularities come from.
        shape: thicknesses of this subject in mm: `csf_mm`, `skull_mm`, `scalp_mm`, `face_mm`,
            `nose_mm`; `sinus`, the size of the frontal sinus.
    """

    def field(knot_mm: float) -> np.ndarray:
        return random_field(rng, canvas.points.shape[1:], canvas.spacing_mm, knot_mm)

    thickness = field(35)
    csf = shape["csf_mm"] * np.clip(1 + 0.4 * field(35), 0.2, 2)
    inner = template.sample("depth", canvas.points) - csf
    _, y, z = canvas.points
    vault = np.clip((z + 20 + 0.25 * y) / 15, 0, 1)
    skull = shape["skull_mm"] * np.clip(1 + 0.2 * thickness, 0.6, 1.6) * (0.45 + 0.55 * vault)
    scalp = shape["scalp_mm"] * np.clip(1 + 0.12 * field(50), 0.6, 1.6)
    outer = template.sample("outline", canvas.points) - csf - skull - scalp
    outer = _outline(canvas, np.minimum(outer, inner - skull - 0.5 * scalp), shape)
    fine = field(5)
    _paint_soft_tissue(canvas, outer, inner - skull, fine, field)
    paint_neck(canvas, fine)
    paint_face(canvas, outer, fine, field(9), shape)
    _paint_skull(canvas, inner, skull, fine, shape["sinus"] * canvas.cover(outer + 6))
    canvas.fill("dura", inner - 0.8, 0.4)
    canvas.fill("csf", inner)
    _paint_sinus(canvas, inner)


def _outline(canvas: TissueCanvas, cranium: np.ndarray, shape: dict[str, float]) -> np.ndarray:
    """Signed distance to the skin, mm."""
    x, y, z = canvas.points
    sides, wide = np.stack([np.abs(x), y, z]), shape["face_mm"]

    def solid(centre, radii) -> np.ndarray:
        return stretched([p - np.float32(c) for p, c in zip(sides, centre, strict=True)], radii)

    face = smooth_union(solid((0, 26, -60), (wide, 61, 58)), solid((0, 40, -106), (45, 44, 36)), 22)
    face = smooth_union(face, solid((0, 78, -92), (26, 17, 15)), 8)  # lips
    tip = np.array([0, 87 + shape["nose_mm"], -60 - shape["nose_mm"] / 4])
    nose = capsule(sides, np.array([0, 79, -34]), tip, 5, 9)
    nose = smooth_union(nose, solid((9, 88, -62), (9, 12, 7)), 5)
    centre = -40 + 0.06 * (z + 70)
    neck = 60 * (np.hypot(x / 60, (y - centre) / 60) - 1)
    neck = np.where(z < -50, neck, np.hypot(np.maximum(neck, 0), z + 50))
    outline = smooth_union(cranium, smooth_union(face, neck, 22), 18)
    outline = smooth_union(outline, solid((32, 58, -37), (15, 14, 14)), 6)  # eyelids
    outline = smooth_union(outline, nose, 7)
    return smooth_union(outline, solid((68, -24, -42), (4, 10, 22)), 5)  # ears


def _paint_soft_tissue(canvas: TissueCanvas, outer, skull_surface, fine, field) -> None:
    """Skin, fat below it, and what is below the skull: muscles with sheets of fat between them."""
    _, y, z = canvas.points
    canvas.fill("skin", outer)
    canvas.fill("dura", outer, 0.7)  # collagen of skin and galea
    canvas.fill("fat", outer + 2.0, np.clip(0.3 + 0.2 * fine + 0.2 * field(25), 0, 1))
    below = np.clip((-24 - 0.3 * y - z) / 8, 0, 1)  # below the skull base
    sheets = np.clip(1.2 - 5.0 * np.abs(field(14)), 0, 1) * np.clip(0.7 + 0.5 * fine, 0, 1)
    depth = outer + 2 + np.clip(3.5 + 2 * field(25), 1.5, 8)
    canvas.fill("muscle", depth, below * (1 - 0.8 * sheets))
    vessels = np.clip(2 * (fine - 1.3), 0, 1)  # inflow makes some of them bright, flow others dark
    canvas.fill("fat", depth + 3, below * vessels)
    canvas.fill("blood", depth + 3, below * np.clip(2 * (-1.2 - fine), 0, 1))
    temporal = np.clip(1.2 - np.hypot((y - 18) / 40, (z + 14) / 38), 0, 1)  # temporalis
    canvas.fill("muscle", np.maximum(outer + 3.5, -skull_surface), np.clip(4 * temporal, 0, 1))


def _paint_skull(canvas: TissueCanvas, inner, thickness, fine, sinus) -> None:
    """Outer table, diploe and inner table; frontal sinus, petrous bone and clivus."""
    _, y, z = canvas.points
    canvas.fill("bone", inner - thickness)
    vault = np.clip((z + 25 + 0.2 * y) / 12, 0, 1)
    table = np.clip(0.3 * thickness, 1.3, 2.2)
    diploe = np.maximum(inner - thickness + table, table + 0.6 - inner)
    canvas.fill("marrow", diploe, np.clip(0.35 + 0.3 * fine, 0, 1) * (0.3 + 0.7 * vault))
    canvas.solid("bone", (38, -20, -42), (27, 10, 9), np.clip(0.9 + 0.5 * fine, 0, 1))  # petrous
    cells = np.clip(0.7 + fine, 0, 1)
    canvas.solid("air", (56, -32, -50), (9, 13, 16), cells)  # mastoid cells
    canvas.solid("air", (50, -14, -42), (7, 6, 6))  # middle ear
    canvas.solid("bone", (0, 0, -44), (15, 12, 13), both=False)  # sphenoid and clivus
    box = canvas.box((-16, -34, -70), (16, 22, -22))
    if box is not None:
        low, high = np.array([0, -24, -60]), np.array([0, 0, -42])
        clivus = capsule(canvas.points[:, *box], low, high, 4, 7)
        canvas.fill("bone", clivus - 1.5, box=box)
        canvas.fill("marrow", clivus, np.clip(0.75 + 0.2 * fine[box], 0, 1), box)
    canvas.solid("air", (8, 20, -38), (8, 10, 9))  # sphenoid sinus
    canvas.solid("air", (10, 75, -18), (13, 5, 13), np.clip(sinus * (1.2 + fine), 0, 1))


def _paint_sinus(canvas: TissueCanvas, inner: np.ndarray) -> None:
    """Blood of the superior sagittal sinus, in the midline below the skull."""
    box = canvas.box((-12, -130, -10), (12, 90, 110))
    if box is not None:
        x, y, _ = canvas.points[:, *box]
        tube = np.hypot(1.2 * x, inner[box] + 2) - np.clip(3.5 - y / 60, 2, 5)
        canvas.fill("blood", np.maximum(tube, inner[box]), box=box)
