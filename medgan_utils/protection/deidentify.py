"""A DICOM series without the names, ids and dates of its patient, for those who may not know them.

What no tool does: it takes no text out of the pixels (it warns where a header speaks of any), and
it leaves the body. A head can be known by its face (see `deface`), anybody by rare findings, and a
generator trained on the images may give back what it has seen.
"""

import hashlib
import re
import secrets
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import one_line, refuse_existing, written_whole
from ..data.dicom import look, read_header, series_files
from ..data.names import person_of
from ..data.planes import number_in
from ..table import Table
from .dicom_profile import Pseudonym, clean, identifiers

if TYPE_CHECKING:
    import pydicom

METHOD = "PS3.15 2026c basic profile; dates shifted (medgan_utils)"
_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
)
_HEAD = re.compile(r"head|brain|skull|face|neuro|crani|cereb", re.IGNORECASE)
_WRITTEN_ON = re.compile(r"SECONDARY|SCREEN|SAVE|REPORT", re.IGNORECASE)
_LEFT_OUT = "left out"


def deidentify_series(
    folder: str | Path, into: str | Path, code: str | None = None, secret: str | None = None
) -> Table:
    """Write de-identified copies of the images of one patient in a folder; the originals stay.

    After the basic profile of DICOM PS3.15, annex E: elements of its table are removed, emptied or
    replaced, also in nested sequences; private and unknown elements go; UIDs are mapped alike in
    all files and references; all dates and times move by one interval; and whatever is left is
    emptied where it holds one of the original names, ids or dates. Files are numbered anew, and
    what is no image (reports, text files) is left out. Pixels are not touched.

    Args:
        folder: Files of one patient, one or more series; sub-folders are not read.
        into: The new folder, which is not there yet or is empty. Written whole or not at all.
        code: The patient's new name and id; by default a hash.
        secret: With the same secret, series of one patient get the same code, shift and UIDs also
            in another call. Whoever has it can find out who is who: keep it as you keep the names.
            None: nobody can, not even you.

    Returns:
        Rows of `element`, `done` (removed, emptied, replaced, mapped, shifted, left out, warned)
        and `files`; no original value is in it.

    Raises:
        FileNotFoundError: There is no such folder, or no image in it.
        FileExistsError: `into` holds something.
        ValueError: A file is damaged, two patients are in the folder, or a secret is given without
            a code and no header names anybody.
    """
    folder, into = Path(folder), Path(into)
    refuse_existing(into, folder=True)
    if secret is not None and not secret.strip():
        raise ValueError("the secret is empty; write one into its file, or leave it out")
    headers, done = _read_headers(folder)
    _warn(folder, headers, done)
    words = set()
    for path, header in headers.items():
        with _named(path):
            words |= identifiers(header)
    key = hashlib.sha256(secret.encode()).digest() if secret else secrets.token_bytes(32)
    patient = _patient(folder, headers)
    if secret is not None and code is None:
        _check_named(folder, patient, headers, done)
    who = Pseudonym(key, patient, code)
    order = sorted(headers, key=lambda p: (number_in(headers[p].get("InstanceNumber")), p.name))
    with written_whole(into, folder=True) as unfinished:
        for number, path in enumerate(order, 1):
            dataset = read_header(path, pixels=True)
            with _named(path):
                _check_whole(dataset)
                for element, what in _deidentified(dataset, who, words):
                    done[element, what].add(path)
                dataset.save_as(unfinished / f"{number:04d}.dcm", enforce_file_format=True)
    rows = [{"element": e, "done": d, "files": len(f)} for (e, d), f in sorted(done.items())]
    return Table(rows, caption=f"{len(order)} images of {who.code}", notes=f"Method: {METHOD}.")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name the file whose header fails in the block (ValueError); a full disk stays an OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # pydicom raises whatever damaged bytes lead to
        raise ValueError(
            f"{path} cannot be de-identified: {one_line(error)}; copy or export it again"
        ) from error


def _deidentified(dataset: "pydicom.Dataset", who: Pseudonym, words: set[str]):
    """Clean a file's data set, its file meta and preamble; say in it what was done."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    old = dataset.file_meta
    name = ("PatientName", "PatientID")
    yield from (done for done in clean(dataset, who, words) if done[0] not in name)
    dataset.preamble, dataset.file_meta = None, FileMetaDataset()  # `save_as` makes them anew
    if syntax := old.get("TransferSyntaxUID"):
        dataset.file_meta.TransferSyntaxUID = syntax
    elif dataset.original_encoding == (False, True):  # the one that `save_as` does not take for it
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in old.dir("ApplicationEntity", "PrivateInformation"):
        yield keyword, "removed"
    dataset.PatientName = dataset.PatientID = who.code
    yield from ((keyword, "replaced") for keyword in name)
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", METHOD
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    dataset.DeidentificationMethodCodeSequence = [Dataset() for _ in _CODES]
    for item, (value, meaning) in zip(
        dataset.DeidentificationMethodCodeSequence, _CODES, strict=True
    ):
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning


def _check_whole(dataset: "pydicom.Dataset") -> None:
    """Refuse an original that is cut short (ValueError): its copy would look whole."""
    from pydicom.pixels.utils import get_expected_length

    kinds = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    stored = next((len(dataset[one].value or b"") for one in kinds if one in dataset), 0)
    packed = dataset.file_meta.get("TransferSyntaxUID")
    packed = packed is not None and packed.is_transfer_syntax and packed.is_encapsulated
    expected = 1 if packed else get_expected_length(dataset)
    if stored < expected:
        raise ValueError(f"it is cut short, {stored} of {expected} bytes of pixels are there")


def _read_headers(folder: Path) -> tuple[dict[Path, "pydicom.Dataset"], defaultdict]:
    """Return the headers of the images in a folder, and what is left out."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; give the folder with the series' files")
    headers, done = {}, defaultdict(set)
    for path in series_files(folder):
        header, reason = look(path)
        if reason is None:
            headers[path] = header
        else:
            done[f"file {reason}", _LEFT_OUT].add(path)
    if not headers:
        if not done and (inside := sorted(one.name for one in folder.iterdir() if one.is_dir())):
            raise FileNotFoundError(
                f"{folder} holds folders alone ({', '.join(inside[:3])}); give one of them"
            )
        seen = ", ".join(f"{len(files)} × {what}" for (what, _), files in done.items())
        raise FileNotFoundError(
            f"{folder} holds no DICOM image ({seen or 'it is empty'}); give the folder of a series"
        )
    return headers, done


def _patient(folder: Path, headers: dict[Path, "pydicom.Dataset"]) -> str:
    """Return the one PatientID of all files; without one, the name and the day of birth."""
    who = ("PatientName", "PatientBirthDate")
    patients = {
        person_of(str(header.get("PatientID") or ""))
        or " ".join(str(header.get(one) or "") for one in who)
        for header in headers.values()
    }
    if len(patients) > 1:
        raise ValueError(
            f"{folder} holds images of {len(patients)} patients (by PatientID, or name where there "
            "is none); put each patient's "
            "into a folder of their own"
        )
    return patients.pop()


def _check_named(
    folder: Path, patient: str, headers: dict[Path, "pydicom.Dataset"], done: defaultdict
) -> None:
    """Warn where a code that shall be found again rests on a name; refuse it without even that."""
    if not patient.strip():
        raise ValueError(
            f"{folder} has no PatientID, name or day of birth, so that with one secret all such "
            f"patients would get one code: give this patient a code= of their own"
        )
    for path, header in headers.items():
        if not person_of(str(header.get("PatientID") or "")):
            done["PatientID is missing: code from name and day of birth", "warned"].add(path)


def _warn(folder: Path, headers: dict[Path, "pydicom.Dataset"], done: defaultdict) -> None:
    """Warn of what stays in the pixels: text that is burned in, and a face."""
    for path, header in headers.items():
        said = str(header.get("BurnedInAnnotation") or "").upper()
        kinds = header.get("ImageType"), header.get("ConversionType")
        if said == "YES" or (not said and _WRITTEN_ON.search(str(kinds))):
            done["text burned into the pixels", "warned"].add(path)
        elif not said:
            done["BurnedInAnnotation is missing: look at the pixels", "warned"].add(path)
        about = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
        if _HEAD.search(" ".join(str(header.get(keyword)) for keyword in about)):
            done["a head: its face can be drawn from it", "warned"].add(path)
        groups = range(0x6000, 0x6020, 2)
        if any((g, 0x0102) in header and (g, 0x3000) not in header for g in groups):
            done["text burned into the pixels", "warned"].add(path)  # an overlay in spare bits
    burned = done.get(("text burned into the pixels", "warned"))
    if burned:
        warnings.warn(
            f"{folder}: {len(burned)} images may have text burned into their pixels, such as a "
            "name; nothing was taken out of the pixels: look at them, and black it out",
            stacklevel=3,
        )
