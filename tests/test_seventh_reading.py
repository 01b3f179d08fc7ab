"""What readers of statistics, guides, commands and widgets found: each was once wrong."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_heads import write_cohort
from test_summary import NAN, REALS, of, row

from experiments import floor_of_people
from medgan_utils import data, evaluation, run_folder
from medgan_utils.__main__ import main
from medgan_utils.data import Slices
from medgan_utils.data.loading import warn_of_copies
from medgan_utils.display import LatentExplorer, PaintPad
from medgan_utils.evaluation.intervals import subject_codes
from medgan_utils.models import dcgan_discriminator, dcgan_generator, load_generator
from medgan_utils.models.layers import SpectralNormalization
from medgan_utils.models.rivals import small_unet, vae_encoder
from medgan_utils.table import Estimate, Table
from medgan_utils.training import (
    GAN,
    R1,
    VAE,
    Diffusion,
    Monitor,
    ResumableCheckpoint,
    SampleGrid,
    losses,
)
from medgan_utils.training.expected import Expected


def test_samples_nearer_than_other_subjects_are_not_said_to_overlap():
    lines = of(row("g", 0.5))
    assert "intervals that lie apart" in lines[0] and "overlap" not in lines[0]
    assert "Next: rule out copies first" in lines[4]


def test_a_faultless_generator_lies_below_the_floor_of_few_people():
    found = floor_of_people.compare("liver-map-128", seed=0, draws=8)
    assert found["faultless / floor"] < 0.8 < 0.85 < found["other people / floor"] < 1.2
    assert found["below its floor"] >= 0.75


def test_of_two_sets_of_samples_the_worse_speaks():
    lines = of(row("a", 2.1), row("b", 20.0))
    assert "the worse of 2 sets of samples): 20.0" in lines[0]


def test_variety_without_intervals_is_not_said_to_have_some():
    fake = row("g", 2.2, coverage=0.6) | {"recall": Estimate(0.6, NAN, NAN)}
    fake["coverage"] = Estimate(0.5, NAN, NAN)
    assert "without intervals" in of(fake)[1] and "overlap" not in of(fake)[1]


def test_what_intervals_do_not_show_is_not_said():
    fake = row("g", 2.2) | {"fine detail": Estimate(0.85, 0.55, 1.15)}
    assert "blurrier" not in of(fake)[2] and "as sharp" not in of(fake)[2]
    assert "not told from real images" in of(fake)[2]
    blind = row("g", 2.2) | {"fine detail": Estimate(0.85, NAN, NAN)}
    assert "blurrier than real images (without an interval)" in of(blind)[2]
    floor = REALS[0] | {"fine detail": Estimate(1.0, NAN, NAN)}
    assert "stays unknown" in evaluation.verdict([floor, *REALS[1:], blind])[2]
    floor = REALS[0] | {"recall": Estimate(0.1, 0, 0.4)}
    fake = row("g", 2.2) | {"recall": Estimate(0.04, 0, 0.3)}
    assert "many kinds" not in evaluation.verdict([floor, *REALS[1:], fake])[1]


def test_what_lies_apart_is_said_and_has_advice():
    narrow = {"coverage": Estimate(0.86, 0.84, 0.88)}
    floor = REALS[0] | {"coverage": Estimate(0.99, 0.97, 1.0)}
    lines = evaluation.verdict([floor, *REALS[1:], row("g", 2.2) | narrow])
    assert "some are missing" in lines[1] and "no number" not in lines[4]
    assert "nearly as much" in of(row("g", 2.2, coverage=0.72))[1]
    blind = row("g", 2.2) | {"recall": Estimate(0.85, NAN, NAN), "coverage": Estimate(0.35, 0, 0.9)}
    assert "many kinds" not in of(blind)[1]  # of coverage the intervals overlap


@pytest.mark.parametrize(
    "subjects, said",
    [
        ([("a", "1"), ("b", "1"), ("b", "2")], "one name an image"),
        (np.array([[1], [2], [3]]), "one name an image"),
        (["a", None, "b"], "subject of image 1 is None"),
        ([1.0, 2.0, np.nan], "subject of image 2 is nan"),
        (["a", np.nan, "b"], "subject of image 1 is nan"),
        (np.array(["a", "b", np.nan], object), "subject of image 2 is nan"),
    ],
)
def test_subjects_are_one_known_name_an_image(subjects, said):
    with pytest.raises(ValueError, match=said):
        subject_codes(subjects, 3)
    with pytest.raises(ValueError, match=said):
        evaluation.bootstrap_mean(np.arange(3.0), subjects)


def test_numbers_that_are_none_are_named():
    features = np.random.default_rng(0).normal(size=(20, 4))
    spoilt = features.copy()
    spoilt[3, 1] = np.nan
    for measure in (evaluation.fd, evaluation.kernel_distance, evaluation.precision_recall):
        with pytest.raises(ValueError, match="fake 3 of 20 is not finite"):
            measure(features, spoilt)
    with pytest.raises(ValueError, match="query 3 of 20 is not finite"):
        evaluation.nearest(spoilt, features)
    with pytest.raises(ValueError, match="cannot be compared"):
        evaluation.nearest(features[:0], features)
    with pytest.raises(ValueError, match="neither may be none"):
        evaluation.membership_by_logit([], [1.0])
    with pytest.raises(ValueError, match="square"):
        evaluation.radial_spectrum(np.zeros((2, 8, 6, 1)))
    assert evaluation.times_as_many(0.0, 1.0) == np.inf


def test_a_saturated_head_has_no_contrast():
    head = np.full((1, 64, 64, 1), -1.0)
    head[0, 8:-8, 8:-8] = 1
    head[0, 20:40, 20:40, 0] = np.random.default_rng(0).uniform(0, 1e-5, (20, 20))
    assert np.isnan(evaluation.grey_white_contrast(head)).all()


def test_balls_without_radius_hold_no_copy_as_the_docstring_says():
    real = np.random.default_rng(0).normal(size=(30, 4))
    real[:11] = real[0]
    assert evaluation.precision_recall(real, real.copy())["precision"] == pytest.approx(19 / 30)


def test_a_fingerprint_sees_the_pixels_whatever_a_label_is_called():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    labels = {"images": np.array([0, 1, 0])}
    one, other = (
        Slices(x, np.array(list("abc")), np.zeros(3, np.float32), labels=labels)
        for x in (images, -images)
    )
    assert run_folder.fingerprint(one) != run_folder.fingerprint(other)


def test_a_table_saves_what_json_does_not_hold(tmp_path):
    path = Table([{"file": tmp_path, "psnr": np.inf, "n": 3, "ok": True}]).save(tmp_path / "t.json")
    back = Table.from_plain_rows(evaluation_rows(path)).rows[0]
    assert back["file"] == str(tmp_path) and back["n"] == 3 and back["ok"] is True


def evaluation_rows(path):
    import json

    return json.loads(path.read_text("utf-8"))["rows"]


def small_gan():
    keras.utils.set_random_seed(0)
    gan = GAN(dcgan_generator(32, 1, 8, (8, 4, 4)), dcgan_discriminator(32, 1, (4, 4, 8)))
    gan.compile()
    return gan


def test_samples_are_asked_for_by_a_number_or_by_latents():
    gan = small_gan()
    for asked in (0, -1, 2.5):
        with pytest.raises(ValueError, match="whole number from 1"):
            gan.sample(asked)
    with pytest.raises(ValueError, match=r"latents have shape \(8,\); \(N, 8\) is needed"):
        gan.sample(np.zeros(8, np.float32))
    with pytest.raises(ValueError, match="batch_size=0"):
        gan.sample(2, batch_size=0)


def test_penalties_and_losses_of_another_kind_are_named():
    with pytest.raises(ValueError, match="every=inf"):
        R1(0.1, every=float("inf"))
    with pytest.raises(ValueError, match="is none of"):
        losses.get(["hinge"])
    with pytest.raises(TypeError, match="R1 stands alone"):
        small_gan().compile(penalties=R1(0.1))


def test_labels_of_a_dataset_that_are_text_are_refused_before_the_first_batch():
    images = np.zeros((4, 8, 8, 1), np.float32)
    data_of_text = tf.data.Dataset.from_tensor_slices((images, np.array([["a"]] * 4))).batch(2)
    with pytest.raises(ValueError, match="class numbers are"):
        Expected((8, 8, 1), (3,), (1,)).dataset(data_of_text)


def test_a_wrong_label_is_not_blamed_on_a_few_bright_images():
    bright = np.linspace(0.01, 0.99, 3 * 64, dtype=np.float32).reshape(3, 8, 8, 1)
    expected = Expected((8, 8, 1), (3,), (1,))
    wrong = tf.data.Dataset.from_tensors((bright, np.array([[0], [7], [1]])))
    with pytest.raises(Exception, match="labels reach from"):
        list(expected.dataset(wrong))
    assert "labels reach" in str(expected.refusal)


def test_an_explorer_sends_a_painter_of_maps_to_its_pad():
    with pytest.raises(ValueError, match="use PaintPad"):
        LatentExplorer(load_generator("liver-map-128"), np.eye(2, 8))


def test_erasing_at_the_spot_shows():
    start = np.ones((16, 16), int)
    start[6:9, 6:9] = 2
    pad = PaintPad(lambda m, _: m[..., None] - 1.0, start, {0: "air", 1: "liver", 2: "tumour"})
    assert (pad.label_map == 2).any()
    pad.mode.value = "Erase"
    pad.radius.value = 4.0
    pad.touch(7, 7)
    assert not (pad.label_map == 2).any()


@pytest.fixture(scope="module")
def two_contrasts(tmp_path_factory):
    """Return a folder of three heads, each in T1 and, the same voxels, in FLAIR."""
    folder = tmp_path_factory.mktemp("pairs")
    first = next(iter(sorted(write_cohort(folder / "from", 1).rglob("*.nii*"))))
    for number in (1, 2, 3):
        for contrast in ("T1w", "FLAIR"):
            path = folder / "my" / f"sub-{number:02d}" / f"sub-{number:02d}_{contrast}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(first.read_bytes())
    return folder / "my"


def test_a_scan_under_two_names_is_told_where_contrasts_are_translated(two_contrasts):
    from medgan_utils.translating import find_pairs, pair_slices

    pairs = find_pairs(two_contrasts, "T1", "FLAIR")
    with pytest.warns(UserWarning, match="hold the very same image"):
        pair_slices(pairs, data.AxialCut(32))


def test_one_contrast_under_two_names_is_told_too():
    random = np.random.default_rng(0)
    one, others = random.uniform(-1, 1, (16, 16)), random.uniform(-1, 1, (2, 16, 16))
    pair = np.stack([np.stack([one, other], axis=-1) for other in others])
    with pytest.warns(UserWarning, match="a and b hold the very same image"):
        for channel in np.moveaxis(pair, -1, 0):
            warn_of_copies(channel, np.array(["a", "b"]))


def test_a_dark_given_contrast_is_fitted_where_it_is_scored():
    x = np.full((2, 16, 16, 1), -0.88, np.float32)
    x[:, 4:8, 4:8] = 0.5
    y = np.where(x > 0, 0.1, 0.6).astype(np.float32)
    body = np.ones((2, 16, 16), bool)
    for fit in (evaluation.line_of_grey_values, evaluation.curve_of_grey_values):
        assert np.abs(fit(x, y, x, body=body) - y).max() < 0.01
        with pytest.raises(ValueError, match="no grey values to fit"):
            fit(np.full_like(x, -1), y, x)


def test_contrasts_on_two_grids_are_not_to_be_resampled_like_masks():
    from medgan_utils.data.volumes import check_shapes

    with pytest.raises(ValueError, match=r"continuous.*nearest' is for masks"):
        check_shapes("ct.nii", (4, 4, 4), "pet.nii", (2, 2, 4), of="contrast")
    with pytest.raises(ValueError, match="interpolation='nearest'"):
        check_shapes("ct.nii", (4, 4, 4), "mask.nii", (2, 2, 4))


def test_contrasts_are_named_in_any_case(two_contrasts, tmp_path, capsys):
    arguments = ["--from", "t1", "--to", "t2", "--out", str(tmp_path / "run")]
    assert main(["translate", str(two_contrasts), *arguments]) == 1
    assert "holds no T2; its files name: FLAIR, T1" in capsys.readouterr().err
    arguments = ["--modality", "flair", "--subjects", "2", "--out", str(tmp_path / "f")]
    assert main(["fetch", "brain-phantom", "--image-size", "32", *arguments]) == 1
    assert "2 subjects found" in capsys.readouterr().err  # so the contrast was known


def test_what_costs_nothing_is_a_curve_too():
    random = np.random.default_rng(0)
    x = random.uniform(-0.7, 1, (4, 16, 16, 1)).astype(np.float32)
    y = np.abs(x) * 1.6 - 0.8  # no line
    line, curve = (
        np.abs(fit(x, y, x) - y)[evaluation.bodies(x)].mean()
        for fit in (evaluation.line_of_grey_values, evaluation.curve_of_grey_values)
    )
    assert curve < 0.05 < 0.2 < line


def test_every_contrast_of_few_people_is_looked_at(tmp_path, capsys):
    source = next(iter(sorted(write_cohort(tmp_path / "from", 1).rglob("*.nii*"))))
    for number in (1, 2):
        for contrast in ("T1w", "T2w", "FLAIR", "PDw", "ce-GAD_T1w"):
            path = tmp_path / "my" / f"sub-{number:02d}" / f"sub-{number:02d}_{contrast}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
    assert main(["inspect", str(tmp_path / "my"), "--out", str(tmp_path / "sheet.png")]) == 0
    said = capsys.readouterr().out
    kinds = said.split("read of")[1].split(";")[0].split(": ")[1]
    assert len(kinds.split(", ")) == 5


def test_an_autoencoder_made_under_16_bits_steps_as_far():
    moved = []
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(0)
        encoder, decoder = vae_encoder(32, 4, (4, 4, 4)), dcgan_generator(32, 1, 4, (4, 4, 4))
        before = decoder.get_weights()
        keras.config.set_dtype_policy(policy)
        try:
            model = VAE(encoder, decoder)
            model.compile(keras.optimizers.SGD(1e-3), run_eagerly=True)
        finally:
            keras.config.set_dtype_policy("float32")
        images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1))  # float64
        tf.random.set_seed(0)
        model.train_step(tf.constant(images))
        pairs = zip(before, decoder.get_weights(), strict=True)
        moved.append(max(np.abs(a - b).max() for a, b in pairs))
    assert moved[1] == pytest.approx(moved[0], rel=0.05)


def test_what_is_not_compiled_says_so(tmp_path):
    made = small_gan()
    keeper = ResumableCheckpoint(tmp_path)
    keeper.set_model(made)
    keeper.act(0)
    bare = GAN(dcgan_generator(32, 1, 8, (8, 4, 4)), dcgan_discriminator(32, 1, (4, 4, 8)))
    with pytest.raises(ValueError, match=r"call compile\(\) first"):
        bare.fit(np.zeros((4, 32, 32, 1), np.float32))
    with pytest.raises(ValueError, match=r"call compile\(\) first"):
        ResumableCheckpoint(tmp_path).restore(bare)
    bare.compile("adam", "adam")
    assert bare.g_optimizer is not bare.d_optimizer


def test_clipping_is_refused_where_each_share_would_be_clipped_by_itself():
    from medgan_utils.training.optimizers import prepared

    network = dcgan_discriminator(32, 1, (4, 4, 8))
    clipping = keras.optimizers.SGD(1.0, global_clipnorm=0.1)
    with pytest.raises(ValueError, match="global_clipnorm with 2 replicas"):
        prepared(clipping, network, 2)
    assert prepared(clipping, network) is clipping


def test_a_grid_draws_a_second_gan_too(eagerly):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1)).astype(np.float32)
    grid = SampleGrid(np.zeros((1, 8), np.float32), every=5)
    for _ in range(2):
        small_gan().fit(images, batch_size=4, verbose=0, callbacks=[grid])
    assert [step for step, _ in grid.frames] == [1, 1]


def test_folders_and_suffixes_that_cannot_be_are_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="folder= needs draw="):
        SampleGrid(np.zeros((1, 8)), folder=tmp_path)
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5"):
        Monitor(lambda _: {"s": 1.0}, "s", log=tmp_path / "l.jsonl", best=tmp_path / "best.h5")
    with pytest.raises(ValueError, match="steps=0"):
        Diffusion(small_unet(32, (4, 4))).sample(1, steps=0)


def test_spectral_normalisation_knows_biases_and_other_kernels():
    for kind in (keras.layers.Conv1DTranspose, keras.layers.DepthwiseConv1D):
        sizes = (4, 3) if kind is keras.layers.Conv1DTranspose else (3,)
        with pytest.raises(ValueError, match="does not count its outputs"):
            SpectralNormalization(kind(*sizes))
    inner = keras.layers.EinsumDense("ab,bc->ac", output_shape=2, bias_axes="c")
    layer = SpectralNormalization(inner)
    layer.build((None, 2))
    inner.kernel.assign(4 * np.eye(2))
    inner.bias.assign([10.0, 10.0])
    for _ in range(5):
        layer(np.ones((1, 2), np.float32), training=True)
    assert np.asarray(layer(np.ones((1, 2), np.float32))) == pytest.approx(11.0, abs=1e-3)


def test_a_small_unet_is_loaded_after_save(tmp_path):
    small_unet(32, (4, 4)).save(tmp_path / "u.keras")
    assert keras.saving.load_model(tmp_path / "u.keras").output_shape == (None, 32, 32, 1)
