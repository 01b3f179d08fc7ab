"""Tissue properties, and the signal equations that turn tissue maps into MR, CT and PET.

Relaxation times are for 3 T, in milliseconds. Grey and white matter: Wansapura et al., JMRI
9:531-538 (1999). Fat and marrow: de Bazelaire et al., Radiology 230:652-659 (2004),
doi:10.1148/radiol.2303021331. CSF T1: Rooney et al., MRM 57:308-318 (2007), doi:10.1002/mrm.21122;
CSF T2: Spijkerman et al., MAGMA 31:415-424 (2018), doi:10.1007/s10334-017-0659-3. Blood and
muscle: Stanisz et al., MRM 54:507-512 (2005), doi:10.1002/mrm.20605. Proton densities: Kwan et al.
(BrainWeb), IEEE TMI 18:1085-1097 (1999), doi:10.1109/42.816072. Eye, mucosa, skin and tumour values
are typical ones chosen by us, not taken from one measurement. Tumours: T1 and T2 as Badve et al.
found in lower-grade gliomas, glioblastomas and around them (AJNR 38:492-499, 2017,
doi:10.3174/ajnr.A5035). T2 of grey matter is Stanisz', with which it is 14 % brighter than white
matter in FLAIR; in two patients of Lesjak et al. (Neuroinformatics 16:51-63, 2018,
doi:10.1007/s12021-017-9348-7) we measured 10 and 13 %.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .head_ct_pet import ct_image, pet_image
from .solids import grid_points, random_field


class Tissue(NamedTuple):
    """Properties of one tissue.

    Attributes:
        t1, t2: relaxation times at 3 T, ms (0 for matter without signal).
        pd: proton density relative to CSF, 0 to 1.
        hu: CT number, Hounsfield units.
        fdg: FDG uptake relative to grey matter, 0 to about 1.3. Grey matter has 3.6 times that of
            white, as scanners that resolve the cortex show; the first, blurred measurements had 2
            (Phelps et al., Annals of Neurology 6:371-388, 1979, doi:10.1002/ana.410060502).
            Low-grade gliomas are as cold as white matter, what lives of high-grade ones is hot (Di
            Chiro et al., Neurology 32:1323-1329, 1982, doi:10.1212/WNL.32.12.1323).
    """

    t1: float
    t2: float
    pd: float
    hu: float
    fdg: float


TISSUES: dict[str, Tissue] = {
    "air": Tissue(0, 0, 0.0, -1000, 0.0),
    "csf": Tissue(4300, 2000, 1.0, 8, 0.03),
    "grey": Tissue(1331, 99, 0.86, 38, 1.0),
    "white": Tissue(832, 80, 0.77, 28, 0.28),
    "blood": Tissue(1932, 275, 0.85, 50, 0.25),
    "dura": Tissue(1000, 40, 0.60, 55, 0.15),
    "bone": Tissue(300, 1, 0.05, 1100, 0.05),
    "marrow": Tissue(586, 49, 0.60, 350, 0.20),
    "fat": Tissue(382, 68, 0.58, -100, 0.05),
    "muscle": Tissue(1412, 50, 0.80, 55, 0.20),
    "skin": Tissue(900, 35, 0.70, 40, 0.15),
    "mucosa": Tissue(1500, 90, 0.85, 40, 0.30),
    "vitreous": Tissue(4000, 1000, 1.0, 8, 0.02),
    "lens": Tissue(1100, 30, 0.60, 75, 0.05),
    "tumour_core": Tissue(2300, 350, 0.92, 15, 0.08),
    "tumour_ring": Tissue(1500, 150, 0.88, 36, 1.25),
    "oedema": Tissue(1550, 170, 0.88, 19, 0.24),
    "tumour_solid": Tissue(1600, 190, 0.90, 22, 0.30),
}
"""Every tissue of the brain phantom, in the order of its label map (air is 0)."""

TISSUE_NAMES = list(TISSUES)

LESION_TISSUES = ("tumour_core", "tumour_ring", "oedema", "tumour_solid")
"""Those of a tumour, in the order of the codes 1 to 4 of a lesion mask."""

HEAD_TISSUES = {
    name: code
    for code, name in enumerate(
        ("air", *LESION_TISSUES, *(n for n in TISSUE_NAMES[1:] if n not in LESION_TISSUES))
    )
}
"""Name -> code of the label maps of `load_slices("brain-phantom", masks="tissues")`: a tumour's
tissues have the codes of a lesion mask, so that a rule made for those masks holds."""

MODALITIES = ("T1", "T2", "PD", "FLAIR", "CT", "PET", "T1CE")

ENHANCED_T1 = {"tumour_ring": 420, "blood": 330, "dura": 480, "mucosa": 650, "muscle": 1300}
"""T1 some minutes after gadolinium, ms, of the tissues that take it up: a tumour where its vessels
leak, and what has no blood-brain barrier. Typical values chosen by us."""

_FAST_ECHO_FAT_T2 = 200
"""Apparent T2 of fat in a train of refocused echoes, ms: they undo its J-coupling, so that fat is
bright in fast T2 and FLAIR (Henkelman et al., JMRI 2:533-540, 1992, doi:10.1002/jmri.1880020511).
The value is ours."""
_FAST_ECHO_FAT_PD = 0.85
"""Fat holds about as many protons as grey matter; the 0.58 of the table stands for its signal in
the gradient echoes of MPRAGE. Fat is then about three times as bright as white matter in FLAIR, and
the brain lies in the lower half of the grey scale, as in patients."""


def _column(name: str) -> np.ndarray:
    return np.array([getattr(tissue, name) for tissue in TISSUES.values()], dtype=np.float64)


def _fast_echoes(echo_ms: float) -> np.ndarray:
    """Signal of every tissue, fully relaxed, after an echo time in a train of refocused echoes."""
    pd, t2 = _column("pd"), np.maximum(_column("t2"), 1)
    fat, blood = TISSUE_NAMES.index("fat"), TISSUE_NAMES.index("blood")
    pd[fat], t2[fat] = _FAST_ECHO_FAT_PD, _FAST_ECHO_FAT_T2
    t2[blood] = 15  # it has flowed away before the echo: a void
    return pd * np.exp(-echo_ms / t2)


def spin_echo(repetition_ms: float, echo_ms: float) -> np.ndarray:
    """Signal of every tissue in a fast spin echo, `pd (1 - exp(-TR/T1)) exp(-TE/T2)`.

    Returns:
        (tissues,) float64, relative to fully relaxed CSF without T2 decay.
    """
    t1 = np.maximum(_column("t1"), 1)
    return (1 - np.exp(-repetition_ms / t1)) * _fast_echoes(echo_ms)


def inversion_recovery(repetition_ms: float, echo_ms: float, null: str = "csf") -> np.ndarray:
    """Signal of every tissue in a fast spin echo after an inversion whose TI nulls one (FLAIR).

    Returns:
        (tissues,) float64, signed: negative where the magnetisation is still inverted.
    """
    t1 = np.maximum(_column("t1"), 1)
    null_t1 = TISSUES[null].t1
    inversion_ms = null_t1 * (np.log(2) - np.log1p(np.exp(-repetition_ms / null_t1)))
    recovered = 1 - 2 * np.exp(-inversion_ms / t1) + np.exp(-repetition_ms / t1)
    return recovered * _fast_echoes(echo_ms)


def mprage(
    repetition_ms: float = 2300,
    inversion_ms: float = 1100,
    echo_spacing_ms: float = 7.0,
    pulses: int = 176,
    flip_degrees: float = 9,
    gadolinium: bool = False,
) -> np.ndarray:
    """Signal of every tissue at the centre of k-space of an MPRAGE sequence in its steady state.

    The magnetisation is followed through inversion, wait, `pulses` excitations and recovery, and
    set equal to itself after one repetition (Mugler and Brookeman, MRM 15:152-157, 1990,
    doi:10.1002/mrm.1910150117). T2* decay during the short echo time is left out.

    Args:
        repetition_ms: from one inversion to the next.
        inversion_ms: from the inversion to the centre of k-space.
        echo_spacing_ms: from one excitation to the next.
        pulses: excitations after an inversion.
        flip_degrees: of an excitation.
        gadolinium: after contrast: tissues of `ENHANCED_T1` have a short T1.

    Returns:
        (tissues,) float64, signed.
    """
    t1, flip = np.maximum(_column("t1"), 1), np.deg2rad(flip_degrees)
    for name, enhanced in ENHANCED_T1.items() if gadolinium else ():
        t1[TISSUE_NAMES.index(name)] = enhanced
    wait_ms = inversion_ms - pulses / 2 * echo_spacing_ms
    rest_ms = repetition_ms - wait_ms - pulses * echo_spacing_ms
    wait, spacing, rest = (np.exp(-t / t1) for t in (wait_ms, echo_spacing_ms, rest_ms))
    decay = np.cos(flip) * spacing
    driven = (1 - spacing) / (1 - decay)

    def cycle(start: np.ndarray | float) -> np.ndarray:
        after_wait = 1 - (1 + start) * wait
        after_train = driven + (after_wait - driven) * decay**pulses
        return 1 - (1 - after_train) * rest

    offset = cycle(0.0)
    start = offset / (1 - (cycle(1.0) - offset))  # the cycle is linear in its start
    centre = driven + (1 - (1 + start) * wait - driven) * decay ** (pulses / 2)
    signal = _column("pd") * np.sin(flip) * centre
    return np.where(_column("t2") > 5, signal, 0.0)  # cortical bone has decayed before the echo


def tissue_values(modality: str, echo: float = 1.0, repetition: float = 1.0) -> np.ndarray:
    """Noise-free value of every tissue of `TISSUES` in one modality.

    Args:
        modality: one of `MODALITIES`.
        echo: factor on the usual echo time of T2, PD and FLAIR (100, 20 and 120 ms).
        repetition: factor on their usual repetition time (5, 5 and 9 s).

    Returns:
        (tissues,) float64: MR signal scaled so that the brightest of grey and white matter is 1 (T1
        and FLAIR keep the sign), Hounsfield units for CT, uptake relative to grey matter for PET.

    Raises:
        ValueError: unknown modality.
    """
    if modality not in MODALITIES:
        raise ValueError(f"modality {modality!r} is unknown; choose from {', '.join(MODALITIES)}")
    if modality in ("CT", "PET"):
        return _column("hu" if modality == "CT" else "fdg")
    values = {
        "T1": lambda: mprage(),
        "T1CE": lambda: mprage(gadolinium=True),
        "T2": lambda: spin_echo(5000 * repetition, 100 * echo),
        "PD": lambda: spin_echo(5000 * repetition, 20 * echo),
        "FLAIR": lambda: inversion_recovery(9000 * repetition, 120 * echo),
    }[modality]()
    return values / max(values[TISSUE_NAMES.index(name)] for name in ("grey", "white"))


def image(
    fractions: np.ndarray,
    affine: np.ndarray,
    modality: str,
    seed: int,
    noise: float = 0.025,
    bias: float = 0.2,
) -> np.ndarray:
    """Image tissue maps.

    Hospitals set fast spin echoes differently: of T2, PD and FLAIR every head has an echo time of
    its own, 75 to 120 % of the usual one, and a repetition time of 90 to 120 %.

    Args:
        fractions: (tissues, X, Y, Z), in the order of `TISSUES`.
        affine: (4, 4) of cubic voxels, mm.
        modality: one of `MODALITIES`.
        seed: of the noise.
        noise: standard deviation of the noise in each of the two channels of the MR signal,
            relative to the brightest brain tissue; the magnitude is then Rician (Gudbjartsson and
            Patz, MRM 34:910-914, 1995, doi:10.1002/mrm.1910340618). CT and PET have quantum noise
            in proportion to it, see `head_ct_pet`.
        bias: strength of the smooth receive field; MR only. At 0.2 the signal of T1 varies by a
            factor of 1.6 to 1.8 across the head (1st to 99th percentile), of T2 by 1.3 to 1.4.

    Returns:
        (X, Y, Z) float32: MR and PET with white or grey matter near 600 before the receive field
        and the blur of PET, CT in HU.

    Raises:
        ValueError: unknown modality.
    """
    rng = np.random.default_rng([seed, 7, MODALITIES.index(modality)])
    echo, repetition = rng.uniform(0.75, 1.2), rng.uniform(0.9, 1.2)
    values = tissue_values(modality, echo, repetition).astype(np.float32)
    signal = np.tensordot(values, fractions, axes=1)
    if modality == "CT":
        return ct_image(signal, float(affine[0, 0]), rng, noise)
    if modality == "PET":
        return 600 * pet_image(signal, float(affine[0, 0]), rng, noise)
    signal *= _receive_field(rng, signal.shape, affine, bias, modality not in ("T1", "T1CE"))
    channels = noise * rng.standard_normal((2, *signal.shape), dtype=np.float32)
    return 600 * np.hypot(signal + channels[0], channels[1])


def _receive_field(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    affine: np.ndarray,
    bias: float,
    spin_echo: bool,
) -> np.ndarray:
    """Smooth sensitivity: a random part, the bright middle of a head at 3 T, the bright rim.

    The middle is bright because the transmit field is strong there, which gradient echoes of small
    flip angles show and trains of refocusing pulses hardly do. What is close to the coil is bright
    where the scanner does not correct for it.
    """
    spacing_mm, corner = float(affine[0, 0]), affine[:3, 3]
    axes = [start + spacing_mm * np.arange(n) for start, n in zip(corner, shape, strict=True)]
    centre = np.array([0, -12, -28], np.float32) + rng.normal(0, 6, 3).astype(np.float32)
    offset = grid_points(axes).astype(np.float32) - centre.reshape(3, 1, 1, 1)
    squared = offset[0] ** 2 + 0.5 * offset[1] ** 2 + offset[2] ** 2  # in IXI, too, long in front
    peak = rng.uniform(2.0, 4.0) * np.exp(-squared / (2 * rng.uniform(55, 75) ** 2))
    random_part = random_field(rng, shape, spacing_mm, 80)
    if not spin_echo:
        return np.exp(bias * (0.4 * random_part + peak - 1))
    rim = rng.uniform(0, 2) * np.minimum(squared / 90**2, 2)
    return np.exp(bias * (0.4 * random_part + 0.3 * peak - 0.3 + rim))
