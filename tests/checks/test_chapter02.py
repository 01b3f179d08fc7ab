import numpy as np
import tensorflow as tf

from medgan_utils.checks import chapter02


def orientation(affine):
    rows = np.abs(affine[:3, :3]).argmax(axis=0)
    return "".join(
        ("RAS" if affine[row, column] > 0 else "LPI")[row] for column, row in enumerate(rows)
    )


def test_orientation(capsys):
    assert chapter02.orientation(orientation)
    assert not chapter02.orientation(lambda affine: "RAS")
    reverse = str.maketrans("RLAPSI", "LRPAIS")
    assert not chapter02.orientation(lambda affine: orientation(affine).translate(reverse))
    assert "reversed" in capsys.readouterr().out
    assert not chapter02.orientation(lambda affine: orientation(affine).lower())
    assert "large" in capsys.readouterr().out
    by_rows = lambda affine: orientation(affine.T)  # noqa: E731
    assert not chapter02.orientation(by_rows)


def grey(stored, slope, intercept, centre, width):
    return np.clip((slope * stored + intercept - centre) / width + 0.5, 0, 1)


def test_ct_grey(capsys):
    assert chapter02.ct_grey(grey)
    assert not chapter02.ct_grey(lambda s, a, b, c, w: grey(s, 1.0, 0.0, c, w))
    assert "not used" in capsys.readouterr().out
    assert not chapter02.ct_grey(lambda s, a, b, c, w: (a * s + b - c) / w + 0.5)
    assert "clip" in capsys.readouterr().out
    assert not chapter02.ct_grey(lambda s, a, b, c, w: grey(s, a, b, c, 2 * w))
    assert not chapter02.ct_grey(lambda s, a, b, c, w: (s - s.min()) / np.ptp(s))
    assert "stretching" in capsys.readouterr().out


def test_ct_grey_takes_dicoms_linear_window_and_tensors():
    def linear(stored, slope, intercept, centre, width):
        hu = slope * stored.astype(float) + intercept
        return np.clip((hu - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)

    assert chapter02.ct_grey(linear)
    assert chapter02.ct_grey(lambda *given: tf.constant(grey(*given)))
    assert chapter02.ct_grey(lambda *given: grey(*given).astype(np.float32))


def test_ct_grey_refuses_what_is_nearly_right(capsys):
    assert not chapter02.ct_grey(lambda *given: np.round(255 * grey(*given)) / 255)
    assert "rounded" in capsys.readouterr().out


def test_name_artefacts():
    assert chapter02.name_artefacts({"A": "noise", "B": "motion", "C": "bias field"})
    assert not chapter02.name_artefacts({"A": "motion", "B": "bias field", "C": "noise"})
    assert not chapter02.name_artefacts({"A": ..., "B": ..., "C": ...})


def patient_split(subjects, share, seed):
    names = np.random.default_rng(seed).permutation(np.unique(subjects))
    return np.isin(subjects, names[: round(share * len(names))])


def test_patient_split(capsys):
    assert chapter02.patient_split(patient_split)

    def by_slice(subjects, share, seed):
        return np.random.default_rng(seed).random(len(subjects)) < share

    assert not chapter02.patient_split(by_slice)
    assert "both sides" in capsys.readouterr().out
    assert not chapter02.patient_split(lambda s, share, seed: patient_split(s, share, 0))
    assert "seed" in capsys.readouterr().out
    unseeded = lambda s, share, seed: patient_split(s, share, None)  # noqa: E731
    assert not chapter02.patient_split(unseeded)
    assert chapter02.patient_split(lambda *given: list(patient_split(*given)))
