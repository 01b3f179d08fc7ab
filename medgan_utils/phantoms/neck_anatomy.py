"""The upper neck: vertebrae with discs, and the cord in its fluid below the template's end.

All positions are millimetres in MNI space, placed by eye on T1 images.
"""

from __future__ import annotations

import numpy as np

from .canvas import TissueCanvas

LEVEL_MM = 18.0
"""From one cervical vertebra to the next."""


def paint_neck(canvas: TissueCanvas, fine: np.ndarray) -> None:
    """Paint the cervical spine and the cord.

    Args:
        canvas: what is painted on.
        fine: (X, Y, Z) random field of a few mm, for the marrow.
    """
    box = canvas.box((-40, -100, -150), (40, 10, -56))
    if box is None:
        return
    x, y, z = canvas.points[:, *box]
    fine = fine[box]
    centre = -46 - 0.1 * (z + 66)  # of the canal
    level = np.abs((z + 78) % LEVEL_MM - LEVEL_MM / 2)  # 9 in a disc, 0 in the middle of a body
    body = np.hypot(x / 11, (y - centre - 17) / 8.5)
    body = np.maximum((body - 1) * 8.5, z + 60)  # the dens reaches up to the skull
    canvas.fill("bone", body - 0.4, box=box)
    canvas.fill("marrow", body + 0.8, np.clip(0.75 + 0.2 * fine, 0, 1), box)
    disc = np.maximum(body, LEVEL_MM / 2 - 2.2 - level)
    canvas.fill("mucosa", np.maximum(disc, z + 86), 0.8, box)
    arch = np.hypot(x / 1.3, y - centre) - 13
    arch = np.maximum(np.abs(arch) - 2.5, level - 5.5)
    spine = np.hypot(x / 3.5, (y - centre + 24) / 12)
    spine = np.maximum((spine - 1) * 3.5, level - 4.5)
    below = np.clip((-68 - z) / 5, 0, 1)
    for part in (arch, spine):
        canvas.fill("bone", part - 0.2, 0.8 * below, box)
        canvas.fill("marrow", part + 0.6, 0.8 * below, box)
    canal = (np.hypot(x / 10.5, (y - centre) / 8.5) - 1) * 8.5
    below = np.clip((-64 - z) / 5, 0, 1)
    canvas.fill("dura", canal - 1, below, box)
    canvas.fill("csf", canal, below, box)
    cord = (np.hypot(x / 6.2, (y - centre) / 4.6) - 1) * 4.6
    canvas.fill("white", cord, below, box)
    canvas.fill("grey", np.hypot(x / 2, y - centre) - 1.2, 0.6 * below, box)
