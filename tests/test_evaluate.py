import json
import subprocess
import sys

import numpy as np
import pytest

from medgan_utils import evaluation
from medgan_utils.table import Estimate, Table

SLICES = 12


def heads(subjects, seed):
    """Ellipses whose width varies by subject and height by slice: (N, 32, 32, 1) and subjects."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :32] - 15.5
    images = []
    for width, bright in random.uniform((7, 0.2), (13, 0.9), (subjects, 2)):
        for height in np.linspace(5, 14, SLICES) + random.normal(0, 0.3, SLICES):
            inside = (x / width) ** 2 + (y / height) ** 2
            images.append(np.where(inside < 0.6, bright, np.where(inside < 1, 0.0, -0.95)))
    images = np.array(images, np.float32)[..., None]
    images += random.normal(0, 0.02, images.shape).astype(np.float32)
    return np.clip(images, -1, 1), np.repeat(np.arange(subjects), SLICES)


class Pooled:
    """A stand-in for an encoder: means of 8 x 8 blocks."""

    def features(self, images):
        return images.reshape(len(images), 4, 8, 4, 8).mean(axis=(2, 4)).reshape(len(images), -1)


ENCODERS = {"pooled": Pooled()}
COUNT = 150


@pytest.fixture(scope="module")
def scored():
    training, training_subjects = heads(60, 0)
    holdout, subjects = heads(15, 1)
    others, others_subjects = heads(15, 2)
    honest = heads(40, 3)[0][:COUNT]
    reference = evaluation.reference_features(holdout, ENCODERS, subjects)
    known = evaluation.reference_features(training, ENCODERS, training_subjects)
    sets = evaluation.landmarks(others, others_subjects, COUNT, training, training_subjects)
    table = evaluation.evaluate(
        {"seed 1": honest, "seed 2": honest[::-1]}, reference, ENCODERS, sets, known, repeats=50
    )
    return table, reference


def test_every_table_has_floor_landmarks_and_every_seed(scored):
    table, _ = scored
    assert [row["set"] for row in table] == [
        "floor: other real subjects",
        "reals blurred",
        "reals noisy",
        "reals collapsed to ten",
        "training copies",
        "seed 1",
        "seed 2",
    ]
    assert {row["images"] for row in table} == {COUNT}


def test_values_lie_in_their_intervals_and_order_of_fakes_is_without_effect(scored):
    table, _ = scored
    for row in table:
        for value in row.values():
            if isinstance(value, Estimate):
                assert value.low <= value.value <= value.high
    assert table["seed 1"]["FD pooled"].value == pytest.approx(table["seed 2"]["FD pooled"].value)


def test_landmarks_fail_where_they_should(scored):
    table, _ = scored
    floor = table["floor: other real subjects"]
    assert table["reals noisy"]["SWD"].value > 2 * floor["SWD"].value
    assert table["reals blurred"]["SWD"].value > 1.5 * floor["SWD"].value
    assert table["reals collapsed to ten"]["recall"].value < 0.2 < floor["recall"].value
    assert table["reals collapsed to ten"]["FD pooled"].value > 2 * floor["FD pooled"].value


def test_training_copies_are_caught_by_memorisation_and_by_nothing_else(scored):
    table, _ = scored
    copies, floor = table["training copies"], table["floor: other real subjects"]
    for name in ("FD pooled", "KID pooled", "SWD"):
        assert copies[name].value < max(floor[name].high, 1.5 * floor[name].value)
    for name in ("precision", "recall", "density", "coverage"):
        assert copies[name].value > floor[name].value - 0.2
    assert copies["copying"].low > 0.99
    assert floor["copying"].value < 0.75
    assert table["seed 1"]["copying"].value < 0.75


def test_a_reader_without_the_data_scores_the_same(scored, tmp_path):
    table, reference = scored
    reference.landmarks = Table(table.rows[:5]).plain_rows()
    loaded = evaluation.ReferenceFeatures.load(reference.save(tmp_path / "reference.npz"))
    fakes = heads(40, 3)[0][:COUNT]
    again = evaluation.evaluate(fakes, loaded, ENCODERS, repeats=50)
    assert len(again.rows) == 6
    for name in ("FD pooled", "KID pooled", "SWD", "recall"):
        assert again["generated"][name] == pytest.approx(table["seed 1"][name], rel=1e-3)
    assert again["reals noisy"] == table["reals noisy"]
    with pytest.raises(ValueError, match="as many fakes"):
        evaluation.evaluate(fakes[:100], loaded, ENCODERS)
    with pytest.raises(ValueError, match=r"black is -1: pass 2 \* images - 1"):
        evaluation.evaluate((fakes + 1) / 2, loaded, ENCODERS)


def test_a_monitor_scores_without_intervals(scored):
    table, reference = scored
    described = evaluation.reference_features(heads(40, 3)[0][:COUNT], ENCODERS)
    row = evaluation.score(described, reference, repeats=0)
    assert row["FD pooled"].value == pytest.approx(table["seed 1"]["FD pooled"].value)
    assert np.isnan(row["FD pooled"].low)
    assert "nan" not in Table([row]).markdown()


def test_reference_features_hold_no_identity(tmp_path):
    images, codes = heads(3, 0)
    names = np.array(["IXI012", "IXI013", "IXI014"])[codes]
    path = evaluation.reference_features(images, ENCODERS, names).save(tmp_path / "x.npz")
    assert b"IXI" not in path.read_bytes()
    np.testing.assert_array_equal(evaluation.ReferenceFeatures.load(path).subjects, codes)


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz"):
        evaluation.ReferenceFeatures.load(tmp_path / "other.npz")


def test_a_damaged_file_of_features_is_named(tmp_path):
    path = tmp_path / "x.npz"
    images, codes = heads(3, 0)
    whole = evaluation.reference_features(images, ENCODERS, codes).save(path).read_bytes()
    middle = len(whole) // 2
    harmed = [
        whole[:middle],
        whole[:middle] + bytes(50) + whole[middle + 50 :],
        b"<html>log in</html>",
        b"",
    ]
    with np.load(path) as file:
        arrays = dict(file)
    for notes in ('{"seed": 0}', "[1]", '{"format": 2}', '{"format": 1}'):
        np.savez(path, **arrays | {"notes": np.array(notes)})
        harmed.append(path.read_bytes())
    np.save(tmp_path / "a.npy", np.zeros(3))
    harmed.append((tmp_path / "a.npy").read_bytes())
    for content in harmed:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.npz is no whole file of reference features.*"):
            evaluation.ReferenceFeatures.load(path)


def test_a_shipped_checkpoint_brings_the_features_of_its_judges():
    reference = evaluation.ReferenceFeatures.load("brain-mri-64")
    assert {"brain-encoder-64", "random"} == set(reference.features)
    assert len(reference) == reference.landmarks[0]["images"] == len(reference.subjects)
    assert "CC BY-SA" in reference.info["licence"]
    with pytest.raises(FileNotFoundError, match=r"no-such\.reference\.npz"):
        evaluation.ReferenceFeatures.load("no-such")


def test_without_a_floor_there_is_no_table(scored):
    images, subjects = heads(4, 0)
    reference = evaluation.reference_features(images, ENCODERS, subjects)
    with pytest.raises(ValueError, match="no floor"):
        evaluation.evaluate(images, reference, ENCODERS)
    with pytest.raises(ValueError, match="differ in random"):
        evaluation.evaluate(images, reference, ENCODERS | {"random": Pooled()})
    with pytest.raises(ValueError, match="ask for fewer"):
        evaluation.landmarks(images, subjects, 1000)
    with pytest.raises(ValueError, match="need their subjects"):
        evaluation.landmarks(images, subjects, 20, images)


def test_the_table_prints_and_saves(scored, tmp_path):
    table, _ = scored
    text = table.markdown()
    assert text.startswith("| set | images | FD pooled")
    assert "FID" in text and "not FID" in text
    assert len(text.splitlines()) == 2 + 7 + 2
    saved = json.loads(table.save(tmp_path / "table.json").read_text())
    assert Table.from_plain_rows(saved["rows"]).rows == table.rows


def test_rows_of_real_images_have_intervals_over_their_subjects():
    """15 subjects, not 150 slices: the floor's interval is as wide as the subjects make it."""
    (holdout, subjects), (others, whose) = heads(15, 1), heads(15, 2)
    reference = evaluation.reference_features(holdout, ENCODERS, subjects)
    sets = evaluation.landmarks(others, whose, COUNT)
    floor = sets["floor: other real subjects"]
    np.testing.assert_array_equal(floor.images[5], others[_position(others, floor.images[5])])
    assert whose[_position(others, floor.images[5])] == floor.subjects[5]
    described = [
        evaluation.reference_features(floor.images, ENCODERS, known)
        for known in (floor.subjects, None)
    ]
    rows = [evaluation.score(one, reference, repeats=60) for one in described]
    widths = [row["FD pooled"].high - row["FD pooled"].low for row in rows]
    assert widths[0] > 1.1 * widths[1]
    alone = evaluation.reference_features(others[:12], ENCODERS, whose[:12])
    assert np.isnan(evaluation.score(alone, reference, repeats=5)["FD pooled"].low)


def _position(images, one):
    return int(np.flatnonzero((images == one).all(axis=(1, 2, 3)))[0])


def test_fine_detail_is_less_when_blurred_and_more_when_noisy(scored):
    table, _ = scored
    detail = {row["set"]: row["fine detail"] for row in table}
    assert detail["reals blurred"].high < 0.8 < detail["floor: other real subjects"].low
    assert detail["floor: other real subjects"].high < 1.25 < detail["reals noisy"].low


def test_the_column_is_never_called_fid(scored):
    assert not any("FID" in column for column in scored[0].columns)


def test_importing_evaluation_does_not_import_tensorflow():
    code = (
        "import sys; from medgan_utils import evaluation; evaluation.evaluate, evaluation.copying; "
        "evaluation.train_encoder; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_landmarks_without_a_floor_and_other_seeds_are_refused():
    images = np.random.default_rng(0).uniform(-1, 1, (12, 64, 64, 1)).astype(np.float32)
    encoder = {"random": evaluation.random_encoder(evaluation.load_encoder("brain-encoder-64"))}
    reference = evaluation.reference_features(images, encoder, np.arange(12) // 3)
    with pytest.raises(ValueError, match="landmark_sets has no 'floor"):
        evaluation.evaluate(images, reference, encoder, {"noise": (images, None)})
    other = evaluation.reference_features(images, encoder, seed=1)
    with pytest.raises(ValueError, match="described with seed 1"):
        evaluation.score(other, reference)
