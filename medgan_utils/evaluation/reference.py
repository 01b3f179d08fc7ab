"""Reference features: what of the real images is needed to score fakes, without the images."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from .._files import refuse_damaged, written_whole
from .._paths import checkpoints_folder
from .distribution import laplacian_descriptors
from .inputs import check_range
from .intervals import subject_codes

FORMAT = 1


class HasFeatures(Protocol):
    """Anything with a `features(images)` method, such as `Encoder`."""

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return features `(N, d)` of images `(N, H, W, C)`."""


@dataclass
class ReferenceFeatures:
    """Features of a set of real images.

    Attributes:
        features: Name of each encoder -> features `(N, d)` float32.
        descriptors: Projected Laplacian patches `(N, levels, patches, projections)` float16.
        subjects: Anonymous integers `(N,)`: 0, 1, … in place of identities.
        seed: Seed of the descriptors' positions and directions.
        landmarks: Rows of floor and landmarks scored against these features, for a reader who
            has no real images.
        info: Source, licence, attribution.
        mirrored: The first encoder's features of the images' mirror images, `(N, d)`, for
            `copying`; None where they were not asked for. They are not saved.
    """

    features: dict[str, np.ndarray]
    descriptors: np.ndarray
    subjects: np.ndarray
    seed: int = 0
    landmarks: list[dict] = field(default_factory=list)
    info: dict = field(default_factory=dict)
    mirrored: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.subjects)

    def save(self, path: str | Path) -> Path:
        """Write one `.npz` without pickle, whole or not at all.

        Args:
            path: Path that ends in `.npz`.

        Returns:
            The path written.
        """
        path = Path(path)
        notes = dict(format=FORMAT, seed=self.seed, landmarks=self.landmarks, info=self.info)
        arrays = {f"features/{name}": values for name, values in self.features.items()}
        with written_whole(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(
                file,
                descriptors=self.descriptors.astype(np.float16),
                subjects=self.subjects,
                notes=np.array(json.dumps(notes)),
                **arrays,
            )
        return path

    @classmethod
    def load(cls, path: str | Path) -> "ReferenceFeatures":
        """Read what `save` wrote.

        Args:
            path: The `.npz` file, or the name of a shipped checkpoint (`"brain-mri-64"`).

        Returns:
            The reference features.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If the file is damaged or holds something else.
        """
        shipped = checkpoints_folder() / f"{path}.reference.npz"
        if not Path(path).is_file():
            if not shipped.is_file():
                raise FileNotFoundError(f"neither a file {path} nor a checkpoint's {shipped.name}")
            path = shipped
        way_out = "delete it and make it again with reference_features(...).save, or fetch it again"
        with (
            refuse_damaged(path, "file of reference features", way_out),
            np.load(path, allow_pickle=False) as file,
        ):
            notes = json.loads(str(file["notes"]))
            if notes.get("format") != FORMAT:
                raise ValueError(f"its format is {notes.get('format')}, not {FORMAT}")
            return cls(
                features={k[9:]: file[k] for k in file.files if k.startswith("features/")},
                descriptors=file["descriptors"],
                subjects=file["subjects"],
                seed=notes["seed"],
                landmarks=notes["landmarks"],
                info=notes["info"],
            )


def reference_features(
    images: np.ndarray,
    encoders: Mapping[str, HasFeatures],
    subjects: Sequence | None = None,
    seed: int = 0,
    info: Mapping | None = None,
    mirrored: bool = False,
) -> ReferenceFeatures:
    """Compute the features of a set of images.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1].
        encoders: Name -> encoder; usually a trained one and its random twin.
        subjects: Subject of every image; identities are replaced by integers. None if each image
            is its own.
        seed: Seed of the descriptors.
        info: Source, licence, attribution.
        mirrored: Whether to describe the mirror images as well: where the generator was trained on
            mirrored images, `copying` looks for mirrored copies, too.

    Returns:
        The features, ready to be saved.

    Raises:
        ValueError: The images are scaled otherwise.
    """
    check_range(images)
    return ReferenceFeatures(
        features={name: encoder.features(images) for name, encoder in encoders.items()},
        descriptors=laplacian_descriptors(images, seed=seed).astype(np.float16),
        subjects=subject_codes(subjects, len(images)),
        seed=seed,
        info=dict(info or {}),
        mirrored=next(iter(encoders.values())).features(images[:, :, ::-1]) if mirrored else None,
    )
