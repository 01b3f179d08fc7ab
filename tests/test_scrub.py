"""Scrubbed NIfTI files: geometry and voxels to the bit, no word beside them."""

import gzip

import nibabel
import numpy as np
import pytest

from medgan_utils.protection import scrub_nifti

SECRETS = (b"Doe", b"DOE", b"Jane", b"20240131")


def written(
    folder, kind=nibabel.Nifti1Image, name="DOE_JANE.nii.gz", dtype=np.int16, shape=(3, 4, 5)
):
    """A file that says who was scanned wherever it can."""
    voxels = np.random.default_rng(0).integers(-900, 900, shape).astype(dtype)
    image = kind(voxels, np.diag([1.0, 2.0, 3.0, 1.0]))
    header = image.header
    header["descrip"], header["aux_file"], header["intent_name"] = b"Jane 20240131", b"Doe", b"Jane"
    if "db_name" in header.keys():
        header["db_name"], header["data_type"] = b"Doe", b"Jane"
    header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"scan of Jane Doe"))
    header.set_slope_inter(2.0, -5.0)
    header.set_xyzt_units("mm", "sec")
    image.set_qform(image.affine, 1)
    folder.mkdir(exist_ok=True)
    nibabel.save(image, folder / name)
    if name.endswith(".gz"):  # as the program gzip writes it
        plain = gzip.decompress((folder / name).read_bytes())
        with open(folder / name, "wb") as raw, gzip.GzipFile("DOE_JANE.nii", "wb", 9, raw) as file:
            file.write(plain)
    return folder / name


def unpacked(path):
    content = path.read_bytes()
    return content + (gzip.decompress(content) if path.name.endswith(".gz") else b"")


@pytest.mark.parametrize("into", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": nibabel.Nifti2Image},
        {"kind": nibabel.Nifti1Pair, "name": "DOE_JANE.img"},
        {"dtype": ">f4", "name": "DOE_JANE.nii", "shape": (3, 4, 5, 2)},
    ],
    ids=["gz", "nifti2", "pair", "big-endian 4-D"],
)
def test_words_go_and_voxels_stay(tmp_path, options, into):
    path = written(tmp_path / "in", **options)
    assert any(secret in b"".join(map(unpacked, path.parent.iterdir())) for secret in SECRETS)
    table = scrub_nifti(path, tmp_path / "out" / into)
    old, new = nibabel.load(path), nibabel.load(tmp_path / "out" / into)
    content = unpacked(tmp_path / "out" / into)
    assert not [secret for secret in SECRETS if secret in content]
    assert np.array_equal(old.dataobj.get_unscaled(), new.dataobj.get_unscaled())
    assert np.array_equal(old.dataobj, new.dataobj) and np.array_equal(old.affine, new.affine)
    assert np.array_equal(old.header.get_qform(), new.header.get_qform())
    assert old.header.get_xyzt_units() == new.header.get_xyzt_units()
    assert new.get_data_dtype() == old.get_data_dtype() and not new.header.extensions
    assert table["descrip"]["done"] == "emptied" and table["1 extensions"]["done"] == "removed"
    if path.name.endswith(".gz"):
        assert table["name, comment or time in the gzip frame"]["done"] == "removed"


def test_sidecar_is_named_and_not_copied(tmp_path):
    path = written(tmp_path / "in")
    path.with_name("DOE_JANE.json").write_text("{}")
    table = scrub_nifti(path, tmp_path / "out.nii")
    assert "warned" in [row["done"] for row in table if ".json" in row["element"]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "out.nii"]


def test_refusals_leave_nothing(tmp_path):
    path = written(tmp_path / "in")
    with pytest.raises(ValueError, match="must end in"):
        scrub_nifti(path, tmp_path / "out.mgz")
    with pytest.raises(FileExistsError, match="there already"):
        scrub_nifti(path, path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="cannot be read as NIfTI"):
        scrub_nifti(path, tmp_path / "out.nii")
    cut = written(tmp_path / "in", name="cut.nii")
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"cut\.nii cannot be read as NIfTI"):
        scrub_nifti(cut, tmp_path / "out.nii")
    image = nibabel.MGHImage(np.zeros((2, 2, 2), np.float32), np.eye(4))
    nibabel.save(image, tmp_path / "in" / "a.mgz")
    with pytest.raises(ValueError, match="is a MGHImage, no NIfTI file"):
        scrub_nifti(tmp_path / "in" / "a.mgz", tmp_path / "out.nii")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
