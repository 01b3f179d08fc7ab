"""The face: sinuses, nose, mouth, jaws and orbits, painted on the muscles and the fat.

All positions are millimetres in MNI space, placed by eye on T1 images.
"""

from __future__ import annotations

import numpy as np

from .canvas import TissueCanvas


def paint_face(canvas: TissueCanvas, skin, fine, coarse, shape: dict[str, float]) -> None:
    """Paint what lies in front of the spine and below the skull.

    Args:
        canvas: what is painted on.
        skin: (X, Y, Z) signed distance to the skin, mm; bones and air stay below it.
        fine: (X, Y, Z) random field of a few mm, for cells and streaks.
        coarse: (X, Y, Z) random field of about 1 cm.
        shape: `face_mm` of this subject.
    """
    deep = canvas.cover(skin + 5)
    _paint_jaws(canvas, deep, fine, shape["face_mm"] / 64)
    _paint_mouth(canvas, fine)
    _paint_airways(canvas, deep, fine, coarse)
    _paint_orbits(canvas)


def _paint_jaws(canvas: TissueCanvas, deep, fine, wide: float) -> None:
    """Muscles that chew, cheekbones, and a jaw with its marrow."""
    marrow = np.clip(0.6 + 0.4 * fine, 0, 1)
    mixed = np.clip(0.5 + 0.6 * fine, 0, 1)
    canvas.solid("fat", (57 * wide, -8, -74), (9, 13, 22), mixed)  # parotid gland
    canvas.solid("muscle", (56 * wide, 20, -82), (8, 17, 26), 0.9)  # masseter
    canvas.solid("muscle", (35, 14, -70), (9, 15, 20), 0.85)  # pterygoids
    canvas.solid("muscle", (40, 24, -44), (10, 14, 14), 0.9)  # end of the temporalis
    canvas.solid("fat", (46 * wide, 40, -72), (8, 12, 14), np.clip(0.8 + 0.3 * fine, 0, 1))
    canvas.solid("bone", (42 * wide, 46, -54), (10, 11, 7), deep)  # cheekbone
    canvas.solid("marrow", (42 * wide, 46, -54), (7, 8, 4), 0.7 * deep)
    canvas.solid("bone", (47 * wide, 4, -82), (5, 12, 27))  # ramus
    canvas.solid("marrow", (47 * wide, 4, -84), (2.5, 9, 23), 0.8)
    box = canvas.box((-50, 0, -128), (50, 92, -72))
    if box is None:
        return
    x, y, z = canvas.points[:, *box]
    arch = (np.hypot(x / 40, (y - 36) / 44) - 1) * 40
    arch = np.where(y > 8, arch, 99)
    body = np.hypot(arch / 6, (z + 110) / 11) - 1
    canvas.fill("bone", 6 * body, deep[box], box)
    canvas.fill("marrow", 6 * body + 2.2, (marrow * deep)[box], box)
    teeth = (np.hypot(x / 27, (y - 44) / 36) - 1) * 27
    teeth = np.where(y > 34, np.maximum(np.abs(teeth) - 3.5, np.abs(np.abs(z + 88) - 5.5) - 4), 99)
    canvas.fill("bone", teeth, deep[box], box)
    canvas.fill("bone", np.maximum(np.abs(teeth + 1) - 1, np.abs(z + 75) - 5), deep[box], box)


def _paint_mouth(canvas: TissueCanvas, fine: np.ndarray) -> None:
    """Tongue, palate, and the throat behind them."""
    streaks = np.clip(0.8 + 0.25 * fine, 0, 1)
    canvas.solid("muscle", (0, 34, -96), (23, 38, 20), streaks, both=False)  # tongue
    canvas.solid("fat", (0, 26, -108), (8, 22, 5), 0.6, both=False)
    canvas.solid("bone", (0, 46, -74), (22, 32, 2.5), both=False)  # hard palate
    canvas.solid("muscle", (0, 12, -80), (9, 6, 9), both=False)  # soft palate
    canvas.solid("air", (0, 46, -78), (15, 28, 1.6), both=False)
    canvas.solid("air", (0, 2, -62), (11, 9, 13), both=False)  # naso-, oro- and laryngopharynx
    canvas.solid("air", (0, 0, -90), (9, 6, 18), both=False)
    canvas.solid("air", (0, 4, -122), (7, 7, 20), both=False)


def _paint_airways(canvas: TissueCanvas, deep, fine, coarse) -> None:
    """Nose with septum and conchae, maxillary sinuses and ethmoid cells."""
    x = np.abs(canvas.points[0])
    septum = np.clip((x - 0.7) / 1.2, 0, 1)
    conchae = np.clip(0.7 + 1.2 * np.sin(x / 1.3 + 2 * coarse) + 0.5 * fine, 0, 1)
    canvas.solid("bone", (0, 54, -54), (18, 38, 22), deep, both=False)
    canvas.solid("mucosa", (0, 54, -54), (16, 37, 20), both=False)
    canvas.solid("air", (0, 54, -54), (15, 36, 19), conchae * septum * deep, both=False)
    canvas.solid("bone", (30, 47, -60), (15, 19, 18), deep)
    canvas.solid("air", (30, 47, -60), (14, 18, 17), deep * np.clip(2 + coarse, 0, 1))
    canvas.solid("bone", (8, 42, -34), (9, 27, 12))
    canvas.solid("air", (8, 42, -35), (8, 25, 11), np.clip(0.55 + fine, 0, 1) * septum)


def _paint_orbits(canvas: TissueCanvas) -> None:
    """Both orbits: fat, globe with lens and vitreous, optic nerve and rectus muscles."""
    canvas.solid("bone", (30, 44, -37), (18, 28, 18))
    canvas.solid("fat", (30, 44, -37), (16, 26, 16), 0.6)
    box = canvas.box((-56, 10, -62), (56, 80, -12))
    if box is None:
        return
    x, y, z = canvas.points[:, *box]
    along = np.clip((56 - y) / 42, 0, 1)  # 0 at the back of the globe, 1 at the apex
    axis_x, axis_z = 31 - 14 * along, -37 + 3 * along
    behind = np.maximum(y - 54, 14 - y)
    radial = np.hypot(np.abs(x) - axis_x, z - axis_z)
    canvas.fill("white", np.maximum(radial - 2.0, behind), box=box)
    for side in (-1, 1):
        rectus = np.abs(x) - axis_x - side * 10 * (1 - along) - side * 2
        rectus = np.hypot(rectus, (z - axis_z) / 2.5)
        canvas.fill("muscle", np.maximum(rectus - 1.8, behind - 4), box=box)
    canvas.solid("dura", (31, 61, -37), (12.6, 12.4, 12.6))
    canvas.solid("vitreous", (31, 61, -37), (11.4, 11.2, 11.4))
    canvas.solid("lens", (31, 69.5, -37), (4.5, 2.2, 4.5))
