"""The commands that protect files: what they write, and one line where they cannot."""

import nibabel
import numpy as np
import pydicom
import pytest
from small_heads import write_cohort
from small_series import write_series

from medgan_utils.__main__ import main
from medgan_utils.protection import command, encryption
from medgan_utils.protection import command as commands

VOXELS = np.zeros((4, 4, 2), np.float32)


def test_a_series_and_a_nifti_file_are_deidentified(tmp_path, capsys):
    write_series(tmp_path / "in", VOXELS, patient="HOSP-778812")
    (tmp_path / "secret").write_text("s\n")
    command = ["deidentify", str(tmp_path / "in"), str(tmp_path / "out"), "--code", "S001"]
    assert main([*command, "--secret-file", str(tmp_path / "secret")]) == 0
    assert "2 images of S001" in capsys.readouterr().out
    assert pydicom.dcmread(tmp_path / "out" / "0001.dcm").PatientID == "S001"
    assert main(command) == 1
    assert "is not empty" in capsys.readouterr().err
    image = nibabel.Nifti1Image(VOXELS, np.eye(4))
    image.header["descrip"] = b"Jane Doe"
    nibabel.save(image, tmp_path / "a.nii")
    assert main(["deidentify", str(tmp_path / "a.nii"), str(tmp_path / "b.nii")]) == 0
    assert b"Jane" not in (tmp_path / "b.nii").read_bytes()


def test_a_file_is_encrypted_and_comes_back(tmp_path, capsys, monkeypatch):
    said = iter(["a long sentence"] * 2 + ["a wrong sentence", "a long sentence"] + ["one", "two"])
    monkeypatch.setattr(encryption, "COST", 4)
    monkeypatch.setattr(commands, "getpass", lambda prompt: next(said))
    paths = [str(tmp_path / name) for name in ("plain", "sealed", "again")]
    (tmp_path / "plain").write_bytes(b"Jane Doe")
    assert main(["encrypt", *paths[:2]]) == 0
    assert main(["decrypt", *paths[1:]]) == 1
    assert "the passphrase is wrong" in capsys.readouterr().err
    assert main(["decrypt", *paths[1:]]) == 0
    assert (tmp_path / "again").read_bytes() == b"Jane Doe"
    assert main(["encrypt", paths[0], str(tmp_path / "other")]) == 1
    assert "differ" in capsys.readouterr().err and not (tmp_path / "other").exists()


def test_what_is_not_there_is_one_line(tmp_path, capsys):
    assert main(["deidentify", str(tmp_path / "none"), str(tmp_path / "out.nii")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_code_for_a_nifti_is_refused(tmp_path, capsys):
    write_cohort(tmp_path / "files", 1)
    scan = next((tmp_path / "files").rglob("*.nii.gz"))
    into = tmp_path / "out.nii.gz"
    assert main(["deidentify", str(scan), str(into), "--code", "P7"]) == 1
    assert "would change nothing" in capsys.readouterr().err and not into.exists()


def test_an_empty_secret_is_refused(tmp_path):
    write_series(tmp_path / "in", np.full((4, 4, 2), 40))
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ValueError, match="the secret is empty"):
        command.deidentify(tmp_path / "in", tmp_path / "out", None, tmp_path / "secret")
