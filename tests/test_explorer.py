"""The widgets, without a browser; the same tests run on ipywidgets 7.7 and 8."""

import io
import os
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import pytest
from PIL import Image

from medgan_utils.display import LatentExplorer, SliceBrowser, explorer
from medgan_utils.display.explorer import slerp
from medgan_utils.models import dcgan_generator, load_generator

LATENT = 8


def tiny_generator(channels: int = 1, labels: int = 0) -> keras.Model:
    z = keras.Input((LATENT,))
    inputs, x = z, z
    if labels:
        chosen = keras.Input((labels,), dtype="int32")
        inputs = [z, chosen]
        embedded = keras.layers.Flatten()(keras.layers.Embedding(4, LATENT)(chosen))
        x = keras.layers.Concatenate()([z, embedded])
    x = keras.layers.Dense(16 * 16 * channels, activation="tanh")(x)
    return keras.Model(inputs, keras.layers.Reshape((16, 16, channels))(x))


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    return tiny_generator()


@pytest.fixture
def latent(generator):
    return LatentExplorer(generator, 3 * np.eye(LATENT)[:3], seed=1)


def picture(widget) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(bytes(widget.value))))


class TestLatentPoint:
    def test_a_slider_moves_z_by_standard_deviations_along_its_unit_direction(self, latent):
        before = latent.z
        latent.sliders[1].value = 2.0
        np.testing.assert_allclose(latent.z - before, 2 * np.eye(LATENT)[1], atol=1e-6)

    def test_a_direction_can_have_a_name(self, generator):
        rows = {"Height of the cut": np.eye(LATENT)[3], "Direction 1": np.eye(LATENT)[0]}
        named = LatentExplorer(generator, rows)
        assert [one.description for one in named.sliders] == list(rows)
        before = named.z
        named.sliders[0].value = 1.0
        np.testing.assert_allclose(named.z - before, np.eye(LATENT)[3], atol=1e-6)

    def test_truncation_scales_the_noise_of_the_seed(self, latent):
        whole = np.random.default_rng(1).standard_normal(LATENT)
        np.testing.assert_allclose(latent.z, 0.7 * whole, rtol=1e-6)
        latent.truncation.value = 0.0
        np.testing.assert_array_equal(latent.z, np.zeros(LATENT))

    def test_the_image_is_what_the_generator_makes_of_z(self, latent, generator):
        wanted = generator(latent.z[None], training=False)[0]
        np.testing.assert_allclose(latent.image(), wanted, atol=1e-6)
        assert latent.image().shape == (16, 16, 1)

    def test_a_generator_that_learns_on_is_followed(self, latent, generator):
        before = latent.image()
        kernel = generator.layers[1].kernel
        kernel.assign(-kernel)
        assert not np.allclose(before, latent.image())
        kernel.assign(-kernel)

    def test_seed_and_reset_change_the_picture(self, latent):
        first = bytes(latent._sample.value)
        latent.seed.value = 2
        assert bytes(latent._sample.value) != first
        latent.seed.value = 1
        latent.sliders[0].value = 1.5
        assert bytes(latent._sample.value) != first
        latent._reset()
        assert bytes(latent._sample.value) == first


class TestKeptPoints:
    def test_interpolation_starts_at_a_and_ends_at_b(self, latent):
        assert latent.between.disabled
        latent.keep("A")
        a = latent.z
        latent.seed.value = 5
        latent.keep("B")
        b = latent.z
        assert not latent.between.disabled and latent.between.value == 1.0
        latent.between.value = 0.5
        np.testing.assert_allclose(latent.z, slerp(a, b, 0.5))
        latent.between.value = 1.0
        np.testing.assert_allclose(latent.z, b, atol=1e-6)
        frames = latent.interpolate(5)
        np.testing.assert_allclose(frames[0], latent.image(a), atol=1e-6)
        np.testing.assert_allclose(frames[-1], latent.image(b), atol=1e-6)

    def test_a_direction_slider_leaves_the_line_between_a_and_b(self, latent):
        latent.keep("A")
        latent.seed.value = 5
        latent.keep("B")
        latent.between.value = 0.3
        latent.sliders[0].value = 1.0
        noise = 0.7 * np.random.default_rng(5).standard_normal(LATENT)
        np.testing.assert_allclose(latent.z, noise + np.eye(LATENT)[0], atol=1e-6)

    @pytest.mark.parametrize(("name", "end"), [("A", 0.0), ("B", 1.0)])
    def test_keeping_a_point_between_a_and_b_leaves_it_shown(self, latent, name, end):
        latent.keep("A")
        latent.seed.value = 5
        latent.keep("B")
        latent.between.value = 0.3
        shown, picture = latent.z, bytes(latent._sample.value)
        latent.keep(name)
        assert latent.between.value == end
        np.testing.assert_allclose(latent.z, shown, atol=1e-6)
        assert bytes(latent._sample.value) == picture

    def test_nothing_kept(self, latent):
        with pytest.raises(ValueError, match=r'keep\("A"\), move the sliders'):
            latent.interpolate()
        with pytest.raises(ValueError, match='"A" or "B"'):
            latent.keep("C")


def test_slerp_keeps_the_length_that_a_straight_line_loses():
    a, b = np.eye(2, dtype=np.float32)
    np.testing.assert_allclose(slerp(a, b, 0.5), [np.sqrt(0.5)] * 2, rtol=1e-6)
    assert np.linalg.norm(slerp(2 * a, 4 * b, 0.5)) == pytest.approx(3)
    np.testing.assert_allclose(slerp(a, a, 0.4), a)
    np.testing.assert_allclose(slerp(a, -a, 0.25), 0.5 * a)
    np.testing.assert_allclose(slerp(0 * a, b, 0.5), 0.5 * b)


def test_frames_sweep_one_direction_whatever_its_slider_says(latent):
    latent.sliders[2].value = 3.0
    frames = latent.frames(5, direction=2)
    assert frames.shape == (5, 16, 16, 1) and frames.dtype == np.float32
    np.testing.assert_allclose(frames[-1], latent.image(), atol=1e-6)
    assert not np.allclose(frames[0], frames[-1])


def test_the_picture_is_a_png_of_the_wanted_size_beside_its_neighbour(generator):
    shown = LatentExplorer(generator, np.eye(LATENT)[:1], size=96, neighbour=np.fliplr)
    sample, near = picture(shown._sample), picture(shown._near)
    assert sample.shape == near.shape == (96, 96)
    np.testing.assert_allclose(np.fliplr(sample).astype(int), near, atol=1)


def test_a_slow_neighbour_turns_continuous_update_off(generator, monkeypatch):
    fast = LatentExplorer(generator, np.eye(LATENT)[:1])
    monkeypatch.setattr(explorer, "SLOW_SECONDS", 0.0)
    slow = LatentExplorer(generator, np.eye(LATENT)[:1])
    assert not slow.sliders[0].continuous_update and not slow.between.continuous_update
    assert fast.seconds < 0.15 and fast.sliders[0].continuous_update


class TestConditional:
    def test_dropdowns_choose_the_class(self):
        shown = LatentExplorer(
            tiny_generator(labels=2),
            np.eye(LATENT)[:1],
            class_names={"Lesion": ["absent", "present"], "Level": ["low", "mid", "high"]},
        )
        before = bytes(shown._sample.value)
        assert [box.description for box in shown.classes] == ["Lesion", "Level"]
        shown.classes[1].value = 2
        assert shown.labels == (0, 2)
        assert bytes(shown._sample.value) != before

    def test_one_label_without_names(self):
        shown = LatentExplorer(tiny_generator(labels=1), np.eye(LATENT)[:1], num_classes=4)
        assert shown.classes[0].options[-1] == ("3", 3)

    def test_what_does_not_fit_is_refused(self, generator):
        with pytest.raises(ValueError, match=r"has 2 input\(s\): pass num_classes"):
            LatentExplorer(tiny_generator(labels=1), np.eye(LATENT)[:1])
        with pytest.raises(ValueError, match=r"has 1 input\(s\)"):
            LatentExplorer(generator, np.eye(LATENT)[:1], num_classes=3)
        with pytest.raises(ValueError, match="but num_classes is 3"):
            LatentExplorer(
                tiny_generator(labels=1),
                np.eye(LATENT)[:1],
                num_classes=3,
                class_names=["no", "yes"],
            )


@pytest.mark.parametrize(
    ("directions", "message"),
    [(np.eye(5), r"\(n, 8\)"), (np.ones(LATENT), r"\(n, 8\)"), (np.zeros((1, LATENT)), "length 0")],
)
def test_directions_of_another_generator_are_refused(generator, directions, message):
    with pytest.raises(ValueError, match=message):
        LatentExplorer(generator, directions)


def test_controls_have_labels_and_tooltips(latent):
    controls = [*latent.sliders, latent.truncation, latent.seed, latent.between]
    for control in controls:
        tooltip = control.tooltip if control.has_trait("tooltip") else control.description_tooltip
        assert control.description and tooltip
    assert 'role="status"' in latent._status.value


@pytest.fixture
def ct():
    """HU, 12 × 20 × 16 voxels of 2 × 1 × 3 mm, with bone on the patient's right, in front, high."""
    voxels = np.full((12, 20, 16), -1000.0, np.float32)
    voxels[2:, 2:, 2:] = 40.0
    voxels[9:11, 16:18, 12:14] = 900.0
    return SimpleNamespace(voxels=voxels, spacing_mm=np.array([2.0, 1.0, 3.0]), modality="CT")


class TestSliceBrowser:
    def test_sliders_move_the_three_planes(self, ct):
        browser = SliceBrowser(ct, window="bone")
        assert browser.position == (6, 10, 8)
        before = {name: bytes(view.value) for name, view in browser._pictures.items()}
        browser.sliders["axial"].value = 13
        assert browser.position == (6, 10, 13)
        assert all(bytes(view.value) != before[name] for name, view in browser._pictures.items())
        assert "Voxel (6, 10, 13): 40 HU" in browser._status.value

    def test_right_is_left_front_is_up_and_proportions_are_true(self, ct):
        browser = SliceBrowser(ct, window="bone", size=96)
        browser.sliders["axial"].value = 12
        row, column = np.unravel_index(browser.image("axial").argmax(), (20, 12))
        assert (row, column) == (2, 1)
        shapes = {name: picture(view).shape for name, view in browser._pictures.items()}
        assert shapes == {"axial": (40, 48, 3), "coronal": (96, 48, 3), "sagittal": (96, 40, 3)}

    def test_a_preset_sets_window_and_level_until_they_are_moved(self, ct):
        browser = SliceBrowser(ct, window="soft tissue")
        assert browser.window == (-160, 240) and browser.preset.value == "soft tissue"
        before = bytes(browser._pictures["axial"].value)
        browser.preset.value = "lung"
        assert browser.window == (-1350, 150)
        assert bytes(browser._pictures["axial"].value) != before
        browser.level.value = -500
        assert browser.preset.value == "" and browser.window == (-1250, 250)

    def test_a_plain_array_of_mr_has_no_preset(self):
        browser = SliceBrowser(np.random.default_rng(0).random((8, 8, 8)), window=(0, 1))
        assert browser.preset is None and browser.window == (0, 1)
        browser.width.value = 0.5
        assert browser.window == (0.25, 0.75)

    def test_controls_have_labels_and_tooltips(self, ct):
        browser = SliceBrowser(ct)
        for control in [*browser.sliders.values(), browser.level, browser.width, browser.preset]:
            new = control.has_trait("tooltip")
            assert control.description
            assert control.tooltip if new else control.description_tooltip

    def test_bad_volumes(self):
        with pytest.raises(ValueError, match="three axes"):
            SliceBrowser(np.zeros((4, 4, 4, 2)))
        with pytest.raises(ValueError, match="unknown window 'hips'"):
            SliceBrowser(np.zeros((4, 4, 4)), window="hips")


def test_display_shows_the_panel(latent, ct, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    browser = SliceBrowser(ct)
    latent._ipython_display_()
    browser._ipython_display_()
    assert shown == [latent._panel, browser._panel]


def test_a_window_in_hu_is_for_ct():
    volume = SimpleNamespace(voxels=np.zeros((8, 8, 8)), spacing_mm=(1, 1, 1), modality="T1")
    with pytest.raises(ValueError, match="'soft tissue' is a window in HU, of CT; for T1 give"):
        SliceBrowser(volume, window="soft tissue")
    assert SliceBrowser(volume, window=(0, 100)).window == (0, 100)


def test_an_explorer_refuses_what_its_generator_does_not_know():
    generator, row = dcgan_generator(32, num_classes=3), np.eye(64)[:1]
    with pytest.raises(ValueError, match=r"knows 3 classes of its labels, not \[4\]"):
        LatentExplorer(generator, row, num_classes=4)
    with pytest.raises(ValueError, match="truncation=2 must lie between 0 and"):
        LatentExplorer(generator, row, num_classes=3, truncation=2)


def test_an_explorer_sends_a_painter_of_maps_to_its_pad():
    with pytest.raises(ValueError, match="use PaintPad"):
        LatentExplorer(load_generator("liver-map-128"), np.eye(2, 8))


@pytest.mark.parametrize("shape", [(16, 8), (8, 16)])
def test_pictures_that_are_not_square_keep_their_proportions_and_their_size(shape):
    z = keras.Input((LATENT,))
    x = keras.layers.Dense(shape[0] * shape[1])(z)
    drawn = keras.Model(z, keras.layers.Reshape((*shape, 1))(x))
    shown = LatentExplorer(drawn, np.eye(LATENT)[:1], neighbour=lambda image: image, size=96)
    for one in (shown._sample, shown._near):
        height, width = picture(one).shape[:2]
        assert (height, width) == (6 * shape[0], 6 * shape[1])
        assert one.layout.width == f"{width}px"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"directions": {"": np.ones(LATENT)}}, "needs a name"),
        ({"directions": np.full((1, LATENT), np.nan)}, "with NaN"),
        ({"class_names": []}, "holds no name"),
        ({"seed": 2**31}, "between 0 and 2147483647"),
    ],
)
def test_an_explorer_refuses_with_a_way_out(generator, settings, message):
    with pytest.raises(ValueError, match=message):
        LatentExplorer(generator, **{"directions": np.eye(LATENT)[:1]} | settings)


def test_an_explorer_refuses_other_generators_with_a_way_out():
    class Own(keras.Model):
        def call(self, z):
            return z

    with pytest.raises(ValueError, match="one or three channels can be shown"):
        LatentExplorer(tiny_generator(channels=2), np.eye(LATENT)[:1])
    with pytest.raises(ValueError, match=r"keras\.Model\(z, generator\(z\)\)"):
        LatentExplorer(Own(), np.eye(LATENT)[:1])
    functional = tiny_generator(channels=2)
    one = keras.Model(functional.inputs, functional.output[..., :1])
    assert LatentExplorer(one, np.eye(LATENT)[:1]).image().shape == (16, 16, 1)


def test_small_values_can_be_read_off_the_sliders():
    adc = np.linspace(0, 3e-3, 512, dtype=np.float32).reshape(8, 8, 8)
    assert SliceBrowser(adc).level.readout_format == ".3g"
    assert SliceBrowser(1000 * adc).level.readout_format == ".2f"


def test_scaled_values_have_no_window_in_hu():
    scaled = np.linspace(-1, 1, 512, dtype=np.float32).reshape(8, 8, 8)
    with pytest.raises(ValueError, match="scaled already; leave window out"):
        SliceBrowser(scaled, window="liver")
    with pytest.raises(ValueError, match="one or three positive numbers"):
        SliceBrowser(scaled, spacing_mm=(1.0, 2.0))
