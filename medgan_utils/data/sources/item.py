"""One file of a source, and how it becomes slices."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..axial import AxialCut, axial_slices, body_mask
from ..files import slice_number
from ..pictures import fit_square, read_picture, read_picture_mask
from ..slices import Slices
from ..volumes import Volume, check_shapes, read_volume


@dataclass(frozen=True)
class Item:
    """One volume: a NIfTI file or a folder of DICOM files. Other kinds of file are sub-classes.

    Attributes:
        path: Of the file or folder.
        subject: Who it shows.
        modality: For example "T1" or "CT".
        mask: Label map on the same grid, or None.
        labels: What is known of the whole file: numbers, the same names in every item.
        group: Neighbouring items of one group lie on one grid, registered to each other; the
            first of them decides where all are cut.
        index: Which time point of a 4-D file, see `read_volume`.
        fill_nan: Value that replaces NaN, see `read_volume`.
    """

    path: Path
    subject: str
    modality: str
    mask: Path | None = None
    labels: dict[str, float | int] = field(default_factory=dict)
    group: str | None = None
    index: int | None = None
    fill_nan: float | None = None

    def read(self) -> tuple[Volume, Volume | None]:
        """Read the volume and its mask; see `read_volume`."""
        volume = read_volume(self.path, self.modality, self.subject, self.index, self.fill_nan)
        if self.mask is None:
            return volume, None
        return volume, read_volume(self.mask, "labels", self.subject, fill_nan=self.fill_nan)

    def slices(self, axial: AxialCut, body: dict) -> Slices:
        """Read the file and cut its slices.

        Args:
            axial: How to cut.
            body: Remembers the body mask of the group the last item belonged to; changed here.
        """
        volume, mask = self.read()
        if self.group is None or self.group not in body:
            body.clear()
            body[self.group] = body_mask(volume)
        cut = axial_slices(volume, axial, mask, body[self.group])
        return self._with_what_is_known(*cut, axial.fov_mm / axial.image_size)

    def _with_what_is_known(
        self,
        images: np.ndarray,
        positions: np.ndarray,
        masks: np.ndarray | None = None,
        spacing_mm: float = float("nan"),
    ) -> Slices:
        """Give every slice what is known of its file."""
        count = len(images)
        labels = {name: np.full(count, value) for name, value in self.labels.items()}
        subjects = np.full(count, self.subject)
        return Slices(images, subjects, positions, masks, labels, self.modality, spacing_mm)


class Picture(Item):
    """One PNG or JPEG: a slice as it is.

    Attributes:
        colours: Whether they are taken for grey, see `read_picture`.
    """

    colours = False

    def slices(self, axial: AxialCut, body: dict) -> Slices:
        """Return the one slice; its position is the slice number in the name, or NaN."""
        image, mask = read_picture(self.path, self.colours), None
        if self.mask is not None:
            mask = read_picture_mask(self.mask)
            check_shapes(self.path, image.shape, self.mask, mask.shape)
            mask = fit_square(mask, axial.image_size)[None]
        number = slice_number(self.path)
        position = np.array([np.nan if number is None else number], np.float32)
        images = fit_square(image, axial.image_size)[None, ..., None]
        return self._with_what_is_known(images, position, mask)
