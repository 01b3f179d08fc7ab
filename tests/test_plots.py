"""Figures: crisp pixels, right sides, right lengths, one display, clear errors."""

import io
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from medgan_utils.display import SliceBrowser, anatomy, plots
from medgan_utils.display.canvas import STYLE
from medgan_utils.display.pictures import CLASS_COLOURS, to_uint8
from medgan_utils.display.planes import PLANES, resolve_window

rng = np.random.default_rng(0)


def pixels(figure) -> np.ndarray:
    """The figure as it appears on the screen, `(H, W, 3)` uint8."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    return np.asarray(Image.open(buffer).convert("RGB"))


def texts(figure) -> set[str]:
    found = {text.get_text() for axes in figure.axes for text in axes.texts}
    found |= {axes.get_title() for axes in figure.axes} | {text.get_text() for text in figure.texts}
    return found - {""}


@pytest.fixture
def marked_volume():
    """RAS, 20 × 24 × 16 voxels of 2 × 1 × 3 mm, one bright voxel right, in front and on top."""
    voxels = np.zeros((20, 24, 16), np.float32)
    voxels[17, 20, 13] = 100.0
    return SimpleNamespace(voxels=voxels, spacing_mm=(2.0, 1.0, 3.0))


class TestSampleGrid:
    def test_every_image_pixel_is_a_square_of_whole_screen_pixels(self):
        images = rng.uniform(-1, 1, (6, 8, 8, 1)).astype(np.float32)
        figure = plots.sample_grid(images, columns=3)
        page = pixels(figure)[..., 0]
        scale = round(figure.axes[0].get_position().width * page.shape[1] / 8)
        shown = page[: 8 * scale, : 8 * scale][scale // 2 :: scale, scale // 2 :: scale]
        assert scale > 1
        np.testing.assert_allclose(shown, to_uint8(images[0, ..., 0]), atol=1)

    @pytest.mark.parametrize("size", [64, 256])
    def test_no_image_pixel_is_lost(self, size):
        figure = plots.sample_grid(np.zeros((8, size, size)), columns=8)
        width = figure.axes[0].get_position().width * figure.get_size_inches()[0] * figure.dpi
        assert width >= size - 1e-6 and width % size == pytest.approx(0, abs=1e-6)

    @pytest.mark.parametrize("size", [32, 64, 120, 128, 256])
    @pytest.mark.parametrize("columns", [1, 2, 3, 4])
    def test_the_subject_of_a_figure_is_large(self, size, columns):
        figure = plots.sample_grid(np.zeros((columns, size, size)), columns)
        row = columns * figure.axes[0].bbox.width
        assert figure.axes[0].bbox.width >= 256 or row + size * columns > 1160
        assert row <= 1160

    def test_colour_titles_and_a_last_row_that_is_not_full(self):
        images = np.full((5, 8, 8, 3), -1.0)
        images[..., 0] = 1.0
        figure = plots.sample_grid(images, 4, titles=list("abcde"), title="Five reds")
        assert len(figure.axes) == 5
        assert {"a", "e", "Five reds"} <= texts(figure)
        assert ([255, 0, 0] == pixels(figure)).all(axis=-1).any()

    def test_values_outside_and_not_finite_are_clipped_without_a_warning(self, recwarn):
        image = np.array([[-9.0, 9.0], [np.nan, np.inf]])
        np.testing.assert_array_equal(to_uint8(image), [[0, 255], [0, 0]])
        assert not recwarn.list

    @pytest.mark.parametrize("shape", [(8, 8), (2, 8, 8, 4), (0, 8, 8, 1)])
    def test_other_shapes_are_refused_with_the_way_out(self, shape):
        with pytest.raises(ValueError, match=r"expected images .*image\[None\]"):
            plots.sample_grid(np.zeros(shape))

    def test_wrong_number_of_titles(self):
        with pytest.raises(ValueError, match="4 images need 4 titles, got 1"):
            plots.sample_grid(np.zeros((4, 8, 8)), titles=["only one"])


def test_grid_png_is_a_mosaic_of_the_images():
    images = rng.uniform(-1, 1, (5, 8, 6, 1))
    page = np.asarray(Image.open(io.BytesIO(plots.grid_png(images, columns=2))))
    assert page.shape == (3 * 10 - 2, 2 * 8 - 2)
    np.testing.assert_array_equal(page[20:28, :6], to_uint8(images[4, ..., 0]))
    assert (page[20:, 8:] == 255).all()


class TestAnatomy:
    @pytest.mark.parametrize(
        ("plane", "letters"), [("axial", "RLAP"), ("coronal", "RLSI"), ("sagittal", "APSI")]
    )
    def test_the_bright_voxel_lies_at_the_lettered_sides(self, marked_volume, plane, letters):
        cut = PLANES[plane].cut(marked_volume.voxels, (17, 20, 13)[PLANES[plane].axis])
        row, column = np.unravel_index(cut.argmax(), cut.shape)
        assert PLANES[plane].letters == letters
        assert column < cut.shape[1] / 2, "right or anterior is on the image's left"
        assert row < cut.shape[0] / 2, "anterior or superior is at the top"

    def test_planes_keep_the_true_proportions(self, marked_volume):
        figure = plots.volume_planes(marked_volume, centre=(17, 20, 13), title="Planes")
        size = figure.get_size_inches() * figure.dpi
        shown = [axes.get_position().bounds[2:] * size for axes in figure.axes]
        wanted = [(40, 24), (40, 48), (24, 48)]
        np.testing.assert_allclose([w / h for w, h in shown], [w / h for w, h in wanted], rtol=0.02)
        assert {"Axial, z = 13", "Coronal, y = 20", "Sagittal, x = 17"} <= texts(figure)
        assert {"R", "L", "A", "P", "S", "I"} <= texts(figure)

    def test_the_scale_bar_has_the_length_it_says(self):
        figure = plots.montage(np.zeros((2, 64, 64)), spacing_mm=3.0)
        (bar,) = figure.axes[0].lines
        start, end = bar.get_xdata()
        assert "50 mm" in texts(figure)
        assert (end - start) * 64 * 3.0 == pytest.approx(50)

    def test_a_montage_of_a_volume_goes_from_low_to_high(self, marked_volume):
        figure = plots.montage(marked_volume, columns=2, count=4)
        assert [axes.get_title() for axes in figure.axes] == ["z = 2", "z = 6", "z = 10", "z = 14"]
        assert "10 mm" in texts(figure)

    def test_a_montage_of_slices_takes_images_and_spacing_from_the_object(self):
        slices = SimpleNamespace(images=np.zeros((3, 32, 32, 1)), spacing_mm=2.0)
        assert "20 mm" in texts(plots.montage(slices))

    def test_masks_are_outlined_and_letters_can_be_left_out(self):
        masks = np.zeros((1, 32, 32), np.uint8)
        masks[0, 8:20, 8:20], masks[0, 12:15, 12:15] = 1, 2
        figure = plots.montage(np.full((1, 32, 32), -1.0), masks=masks, letters=False)
        assert len(figure.axes[0].collections) == 2
        assert not texts(figure)

    def test_a_class_has_one_colour_whatever_else_an_image_shows(self):
        masks = np.zeros((2, 32, 32), np.uint8)
        masks[0, 8:20, 8:20], masks[:, 12:15, 12:15] = 1, 2  # the second shows class 2 alone
        for names in (None, {1: "liver", 2: "tumour"}):
            figure = plots.montage(np.zeros((2, 32, 32)), masks=masks, classes=names)
            first, second = ([tuple(one.get_edgecolor()[0]) for one in axes.collections]
                             for axes in figure.axes)  # fmt: skip
            assert first[1] == second[0] != first[0]
        legend = {line.get_label(): line.get_color() for line in figure.legends[0].get_lines()}
        assert legend == {name: CLASS_COLOURS[name] for name in ("liver", "tumour")}
        other = plots.montage(np.zeros((2, 32, 32)), masks=masks, classes={2: "liver"})
        assert len(other.axes[0].collections) == 1
        assert tuple(other.axes[0].collections[0].get_edgecolor()[0]) == first[0]
        box = figure.legends[0].get_window_extent()
        assert box.y1 <= figure.axes[0].bbox.y0 and box.y0 >= 0  # below the images, on the figure

    @pytest.mark.parametrize(("size", "columns", "lettered"), [(64, 3, 3), (64, 8, 1)])
    def test_small_images_are_lettered_once(self, size, columns, lettered):
        figure = plots.montage(np.zeros((columns, size, size)), columns)
        assert sum("R" in {t.get_text() for t in axes.texts} for axes in figure.axes) == lettered

    def test_slices_of_unknown_spacing_have_no_bar(self):
        slices = SimpleNamespace(images=np.zeros((1, 32, 32, 1)), spacing_mm=float("nan"))
        assert texts(plots.montage(slices)) == {"R", "L", "A", "P"}

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: plots.volume_planes(np.zeros((4, 4, 4, 2))), "three axes"),
            (lambda: plots.volume_planes(np.full((4, 4, 4), np.nan)), "no finite voxel"),
            (lambda: plots.volume_planes(np.zeros((4, 4, 4)), centre=(0, 4, 0)), "outside"),
            (lambda: plots.volume_planes(np.zeros((4, 4, 4)), spacing_mm=0), "positive"),
            (lambda: plots.montage(np.zeros((2, 8, 8)), window="bones"), "soft tissue"),
            (lambda: plots.montage(np.zeros((2, 8, 8)), window=(3, 1)), "low < high"),
            (lambda: plots.montage(np.zeros((2, 8, 8)), masks=np.zeros((1, 8, 8))), "do not fit"),
            (lambda: plots.montage(np.zeros((2, 8, 8)), spacing_mm=-1), "positive"),
        ],
    )
    def test_bad_input_gets_a_clear_error(self, call, message):
        with pytest.raises(ValueError, match=message):
            call()

    def test_windows(self):
        assert resolve_window("soft tissue", np.zeros(1)) == (-160, 240)
        values = np.append(np.linspace(0, 1000, 1001), np.nan)
        assert resolve_window(None, values) == pytest.approx((5, 995))
        low, high = resolve_window(None, np.full(5, 7.0))
        assert low < 7 < high


class TestCurves:
    def test_lines_differ_in_colour_and_dashes(self):
        history = {f"run {k}": rng.normal(size=9) for k in range(7)}
        lines = plots.curves(history, "Seven runs").axes[0].lines
        assert len({line.get_color() for line in lines}) == 7
        assert len({str(line._dash_pattern) for line in lines}) == 7

    def test_x_positions_and_levels(self):
        history = {"FD-enc": ([0, 500, 1000, 1500], [9.0, 3.0, 3.0, 3.0])}
        axes = plots.curves(history, levels={"floor": 1.0}, ylabel="FD-enc").axes[0]
        line, floor = axes.lines
        assert list(line.get_xdata()) == [0, 500, 1000, 1500]
        assert list(line.get_ydata()) == [9.0, 3.0, 3.0, 3.0]
        assert floor.get_ydata()[0] == 1.0 and axes.texts[0].get_text() == "floor"

    def test_one_value_is_visible(self):
        assert plots.curves({"loss": [0.7]}).axes[0].lines[0].get_marker() == "o"

    def test_errors(self):
        with pytest.raises(ValueError, match="nothing was recorded"):
            plots.curves({})
        with pytest.raises(ValueError, match="'a' has 2 x positions but 3 values"):
            plots.curves({"a": ([0, 1], [1, 2, 3])})


def test_histograms_share_their_bins_and_have_area_one():
    figure = plots.histograms({"real": rng.normal(size=500), "fake": [0.0, 1.0, np.nan]}, bins=20)
    outlines = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    edges = [patch.get_data().edges for patch in outlines]
    np.testing.assert_array_equal(*edges)
    for patch in outlines:
        assert (patch.get_data().values * np.diff(patch.get_data().edges)).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="at least one finite value"):
        plots.histograms({"real": [np.nan]})


def test_dots_show_every_run_of_every_arm():
    rows = [
        {"arm": "plain", "SWD": 0.1, "AUC": (0.6, 0.5, 0.7)},
        {"arm": "plain", "SWD": 0.3, "AUC": (0.8, 0.7, 0.9)},
        {"arm": "pruned", "SWD": 0.2},
    ]
    figure = plots.dots(rows, "arm", {"SWD": "SWD", "AUC": "AUC (dotted: chance)"}, {"AUC": 0.5})
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["plain", "pruned"]
    assert left.yaxis_inverted()
    marks = {
        axes: [line for line in axes.lines if line.get_marker() == "o"] for axes in (left, right)
    }
    assert [float(line.get_xdata()[0]) for line in marks[left]] == [0.1, 0.3, 0.2]
    assert len(marks[right]) == 2  # no dot without a value
    means = [line for line in left.lines if line.get_marker() == "|"]
    assert [float(line.get_xdata()[0]) for line in means] == [pytest.approx(0.2)]
    bars = [tuple(line.get_xdata()) for line in right.lines if line.get_linewidth() == 3]
    assert bars == [(0.5, 0.7), (0.7, 0.9)]
    assert [line.get_linestyle() for line in right.lines if line.get_linewidth() == 1] == [":"]
    with pytest.raises(ValueError, match="no run"):
        plots.dots([], "arm", {"SWD": "SWD"})


def test_distances_mark_landmarks_and_the_floor():
    rows = [
        {"set": "floor", "FD": (2.0, 1.0, 3.0), "SWD": (0.1, 0.05, 0.2)},
        {"set": "fakes", "FD": (5.0, 4.0, 7.0), "SWD": (0.2, 0.1, 0.3)},
    ]
    figure = plots.distances(rows, ("FD", "SWD"), landmarks=("floor",))
    left, right = figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["fakes", "floor"]
    assert left.get_xscale() == "log" and "SWD" in right.get_xlabel()
    marks = {
        line.get_marker(): line.get_xydata()[0] for line in left.lines if len(line.get_xdata()) == 1
    }
    np.testing.assert_allclose(marks["s"], (2, 1))
    np.testing.assert_allclose(marks["o"], (5, 0))
    dotted = [line for line in left.lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in dotted] == [[2.0, 2.0]]


def test_a_distance_of_nothing_or_less_stays_to_be_seen():
    rows = [
        {"set": "floor", "KID": (-0.1, -0.2, 0.5)},
        {"set": "fakes", "KID": (5.0, 4.0, 7.0)},
    ]
    (axes,) = plots.distances(rows, ("KID",), landmarks=("floor",)).axes
    (arrow,) = (line for line in axes.lines if line.get_marker() == "<")
    np.testing.assert_allclose(arrow.get_xydata(), [(0.5, 1)])


def test_progress_shows_losses_and_samples_and_leaves_no_figure_open():
    before = plt.get_fignums()
    history = {"step": [10, 20], "d_loss": [1.3, 1.2], "g_loss": [0.7, 0.8]}
    picture = Image.open(io.BytesIO(plots.progress_png(history, np.zeros((4, 8, 8, 1)), "Losses")))
    assert picture.size == (1000, 320) and plt.get_fignums() == before


def test_a_figure_is_shown_once():
    """What pyplot still holds at the end of a cell, the notebook shows beside the cell's value."""
    plt.close("all")
    plots.sample_grid(np.zeros((2, 8, 8)))
    plots.montage(np.zeros((2, 8, 8)))
    plots.volume_planes(np.zeros((4, 4, 4)))
    plots.curves({"loss": [1, 2]})
    plots.histograms({"a": [1, 2]})
    assert plt.get_fignums() == []


def test_one_style_for_all_figures_with_the_palette():
    style = matplotlib.rc_params_from_file(STYLE, use_default_template=False)
    assert [entry["color"] for entry in style["axes.prop_cycle"]] == list(plots.PALETTE)
    figure = plots.curves({"loss": [1, 2]})
    axes = figure.axes[0]
    assert axes.get_facecolor() and not axes.spines["top"].get_visible()
    assert axes.xaxis.label.get_size() == style["axes.labelsize"]


def test_no_two_of_many_lines_look_alike():
    curves = plots.curves({str(number): [number, number] for number in range(12)})
    lines = curves.axes[0].get_lines()
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}
    assert len(looks) == 12


def test_a_narrow_window_is_shown_as_it_was_given():
    voxels = np.linspace(0, 1000, 8**3, dtype=np.float32).reshape(8, 8, 8)
    browser = SliceBrowser(voxels, window=(0.0, 0.4))
    assert browser.window == pytest.approx((0.0, 0.4))


@pytest.mark.parametrize("shape", [(16, 12, 1), (16, 12, 3)])
def test_one_image_is_not_taken_for_many(shape):
    with pytest.raises(ValueError, match=r"image\[None\]"):
        plots.sample_grid(np.zeros(shape))
    assert plots.sample_grid(np.zeros(shape)[None]).axes


def test_no_two_classes_of_a_figure_have_one_colour():
    masks = np.zeros((1, 32, 32), int)
    masks[0, :27, 0] = np.arange(1, 28)
    named = {1: "kidney", 2: "tumour", 3: "core", 4: "lesion", 5: "liver", 6: "spleen"}
    for classes, count in ((named, 6), (None, 20)):
        shown = np.where(masks > count, 0, masks)
        colours = anatomy._class_colours(shown, classes)
        assert len(set(colours.values())) == len(colours) == count
    assert anatomy._class_colours(masks, named)[2] == CLASS_COLOURS["tumour"]
    assert anatomy._class_colours(masks, {2: "tumour"}) == {2: CLASS_COLOURS["tumour"]}


def test_slices_that_are_scaled_have_no_window_in_hu():
    scaled = np.linspace(-1, 1, 2 * 8 * 8).reshape(2, 8, 8)
    with pytest.raises(ValueError, match="scaled already; leave window out"):
        plots.montage(scaled, window="soft tissue")
    with pytest.raises(ValueError, match="scaled already; leave window out"):
        plots.volume_planes(scaled, window="liver")
    assert plots.montage(200 * scaled, window="liver").axes


def test_no_two_of_many_methods_look_alike():
    figure = plots.trade_off({str(k): (k, k) for k in range(49)}, "x", "y")
    marks = {(one.get_color(), one.get_marker()) for one in figure.axes[0].get_lines()}
    assert len(marks) == 49


def test_a_floor_that_cannot_be_drawn_is_said():
    rows = [{"set": "floor", "KID": (-0.01, -0.1, 0.1)}, {"set": "fake", "KID": (0.3, 0.1, 0.5)}]
    figure = plots.distances(rows, ["KID"], ["floor"])
    assert figure.axes[0].get_xlabel() == "KID (lower is better, floor 0 or less)"


def test_a_run_without_a_number_is_a_cross_and_leaves_its_arm_without_a_mean():
    rows = [{"arm": "a", "FD": 1.0}, {"arm": "a", "FD": np.nan}, {"arm": "b", "FD": 2.0}]
    figure = plots.dots(rows, "arm", {"FD": "FD"}, levels={"FD": (0.1, 0.2, 0.3)})
    marks = [one.get_marker() for one in figure.axes[0].get_lines()]
    assert marks.count("x") == 1 and marks.count("o") == 2 and "|" not in marks
    styles = [one.get_linestyle() for one in figure.axes[0].get_lines()[-3:]]
    assert styles == [":", "--", "-."]
    with pytest.raises(ValueError, match="4 levels"):
        plots.dots(rows, "arm", {"FD": "FD"}, levels={"FD": (1, 2, 3, 4)})
