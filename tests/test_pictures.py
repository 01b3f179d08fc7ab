import numpy as np
import pytest
from PIL import Image

from medgan_utils.data import load_slices
from medgan_utils.data.pictures import fit_square, read_picture, read_picture_mask

GREY = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8) * 2  # smooth, 0 to 220
SIGNED = GREY.astype(np.float32) / 127.5 - 1


def save(path, pixels, mode=None, **options):
    Image.fromarray(pixels, mode).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "PNG", "Png", "jpg", "JPEG", "JPG"])
def test_png_and_jpeg_are_read_in_any_case(tmp_path, suffix):
    for number in range(3):
        save(tmp_path / f"P{number}.{suffix}", np.ascontiguousarray(np.roll(GREY, number, 0)))
    slices = load_slices("folder", 64, folder=tmp_path, cache=False)
    assert slices.images.shape == (3, 64, 64, 1)
    np.testing.assert_allclose(slices.images[0, 8:56, :, 0], SIGNED, atol=0.06)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_grey_of_every_mode_is_the_same(tmp_path, mode):
    path = tmp_path / "scan.png"
    Image.fromarray(GREY).convert(mode).save(path)
    np.testing.assert_allclose(read_picture(path), SIGNED, atol=0.01)


def test_one_bit_is_black_and_white(tmp_path):
    path = tmp_path / "scan.png"
    Image.fromarray(GREY > 100).save(path)
    assert set(np.unique(read_picture(path))) == {-1, 1}
    np.testing.assert_array_equal(read_picture_mask(path), GREY > 100)


def test_a_grey_jpeg_in_colours_is_grey_and_coloured_ones_are_not(tmp_path):
    noisy = np.random.default_rng(0).normal(0, 2, (*GREY.shape, 3)) + GREY[..., None]
    path = save(tmp_path / "grey.jpg", noisy.clip(0, 255).astype(np.uint8), quality=85)
    np.testing.assert_allclose(read_picture(path), SIGNED, atol=0.1)
    marked = np.repeat(GREY[..., None], 3, axis=2)
    marked[20:24, 20:24] = 255, 0, 0
    path = save(tmp_path / "marked.png", marked)
    with pytest.raises(ValueError, match=r"marked\.png is a colour image"):
        read_picture(path)
    assert read_picture(path, colours=True).shape == GREY.shape


def test_sixteen_bits_are_scaled_by_what_they_hold(tmp_path):
    twelve = save(tmp_path / "twelve.png", GREY.astype(np.uint16) * 16)
    full = save(tmp_path / "full.png", GREY.astype(np.uint16) * 257)
    np.testing.assert_allclose(read_picture(twelve), read_picture(full), atol=1e-5)
    assert read_picture(twelve).min() == -1 and read_picture(twelve).max() == 1
    black = save(tmp_path / "black.png", np.zeros((8, 8), np.uint16))
    np.testing.assert_array_equal(read_picture(black), -1)
    speck = np.zeros((48, 64), np.uint16)
    speck[5, 5] = 4000
    assert read_picture(save(tmp_path / "speck.png", speck))[5, 5] == 1


def test_what_is_transparent_is_black(tmp_path):
    clear = np.dstack([GREY, GREY, GREY, np.where(GREY > 50, 255, 0).astype(np.uint8)])
    path = save(tmp_path / "clear.png", clear)
    np.testing.assert_allclose(read_picture(path), np.where(GREY > 50, SIGNED, -1), atol=0.01)


def test_a_picture_that_is_to_be_turned_is_and_that_is_told(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "film.jpg", GREY, exif=exif, quality=95)
    with pytest.warns(UserWarning, match=r"film\.jpg: EXIF"):
        picture = read_picture(path)
    np.testing.assert_allclose(picture, np.rot90(SIGNED, -1), atol=0.06)


@pytest.mark.parametrize("kept", [0, 20, 100, 400])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_cut_short_is_one_line_with_its_name(tmp_path, suffix, kept):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    path = save(tmp_path / f"cut.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"cut\.{suffix} cannot be read as a picture") as error:
        read_picture(path)
    assert "\n" not in str(error.value)


def test_a_jpeg_that_is_called_png_is_read(tmp_path):
    save(tmp_path / "scan.png", GREY, format="JPEG", quality=95)
    np.testing.assert_allclose(read_picture(tmp_path / "scan.png"), SIGNED, atol=0.06)


def test_masks_keep_their_numbers(tmp_path):
    labels = (GREY // 80).astype(np.uint8)
    palette = Image.fromarray(labels, "P")
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_picture_mask(tmp_path / "palette.png"), labels)
    path = save(tmp_path / "deep.png", labels.astype(np.uint16) * 500)
    deep = read_picture_mask(path)
    assert deep.dtype == np.uint16 and set(np.unique(deep)) == {0, 500, 1000}
    path = save(tmp_path / "two.png", (labels > 0).astype(np.uint8) * 255)
    np.testing.assert_array_equal(read_picture_mask(path), (labels > 0) * 255)


def test_masks_that_hold_no_labels_are_named(tmp_path):
    path = save(tmp_path / "blurred.jpg", (GREY // 80).astype(np.uint8) * 100)
    with pytest.raises(ValueError, match=r"blurred\.jpg is a JPEG.*save the mask as PNG"):
        read_picture_mask(path)
    path = save(tmp_path / "red.png", np.full((8, 8, 3), (255, 0, 0), np.uint8))
    with pytest.raises(ValueError, match=r"red\.png shows colours"):
        read_picture_mask(path)


def test_the_margin_of_a_mask_is_no_label():
    padded = fit_square(np.full((4, 8), 3, np.uint8), 8)
    assert padded[0].max() == 0 and (padded[2:6] == 3).all()
