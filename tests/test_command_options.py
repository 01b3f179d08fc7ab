"""Options and folders of the command, and how its errors name them."""

from medgan_utils.__main__ import in_options, main


def test_parts_without_names_of_subjects_are_not_fetched(tmp_path, capsys):
    assert main(["fetch", "organamnist", "--out", str(tmp_path / "run")]) == 1
    assert "use it in Python" in capsys.readouterr().err


def test_an_option_the_source_lacks_is_named_without_those_the_command_lacks(tmp_path, capsys):
    out = ["--out", str(tmp_path / "run"), "--glob", "*"]
    assert main(["fetch", "brain-phantom", *out]) == 1
    said = capsys.readouterr().err
    assert "glob" in said and "lesion_fraction" not in said


def test_a_folder_named_like_an_option_keeps_its_name(tmp_path, capsys):
    run = tmp_path / "rate=0.001,seed=3"
    assert main(["train", str(run), "--steps", "1"]) == 1
    assert str(run / "slices.npz") in capsys.readouterr().err
    text = "seed=3/slices.npz is missing: pass seed=4"
    assert in_options(text, {"run": "seed=3", "seed": 0}) == (
        "seed=3/slices.npz is missing: pass --seed 4"
    )
