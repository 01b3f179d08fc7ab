"""Generators in other formats: the same pictures, smaller files, and what cannot be exported."""

import importlib

import keras
import numpy as np
import pytest

from medgan_utils.display import LatentExplorer
from medgan_utils.models import (
    dcgan_discriminator,
    dcgan_generator,
    export_generator,
    litert_answers,
    map_generator,
    unet_generator,
)
from medgan_utils.models.export import FORMATS, ONNX


def trained(**options):
    """Return a small generator whose weights all matter."""
    generator = dcgan_generator(32, 1, 8, (16, 8, 4), **options)
    random = np.random.default_rng(0)
    for weight in generator.weights:
        values = random.normal(0, 0.3, weight.shape)
        positive = "variance" in weight.name or "gamma" in weight.name
        weight.assign(0.5 + np.abs(values) if positive else values)
    return generator


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "new"
    generator = trained(num_classes=(3, 2))
    return export_generator(generator, folder, FORMATS, count=4, rounds=3), folder


def test_float32_gives_the_same_pictures(exported):
    table, _ = exported
    assert [row["format"] for row in table] == ["keras", *FORMATS]
    for name in ("keras", "litert", "savedmodel"):
        assert table[name]["largest difference"] < 127.5e-4  # 1e-4 in [-1, 1]
    assert 0 < table["litert-float16"]["largest difference"] < 2.5
    assert 0 < table["litert-dynamic"]["largest difference"] < 50
    assert all(row["ms an image"] > 0 for row in table)


def test_a_network_that_reads_images_answers_alike(tmp_path):
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).uniform(-1, 1, (6, 32, 32, 1)).astype(np.float32)
    network = dcgan_discriminator(32, widths=(4, 8, 8))
    answers = litert_answers(network, images, tmp_path / "new")
    assert list(answers) == ["keras", *FORMATS[:3]]
    spread = np.ptp(answers["keras"])
    for name, allowed in zip(FORMATS[:3], (1e-4, 0.2, 0.02), strict=True):
        assert answers[name].shape == (6, 1)
        assert np.abs(answers[name] - answers["keras"]).max() < allowed * spread
        assert (tmp_path / "new" / f"{name}.tflite").is_file()


def test_sizes_are_those_of_the_files_and_fewer_bits_make_smaller_ones(exported):
    table, folder = exported
    size = {row["format"]: row["KB"] for row in table}
    assert size["litert"] == (folder / "litert.tflite").stat().st_size / 1000
    assert size["litert"] > 1.3 * size["litert-float16"] and size["litert"] < size["savedmodel"]
    assert size["litert-dynamic"] < size["litert"]
    assert all(row["KB gzipped"] < row["KB"] for row in table)
    assert len(list(folder.iterdir())) == 5


def test_an_export_replaces_the_one_before(exported):
    _, folder = exported
    other = trained(upsampling="bilinear", last_stage="depth-to-space", output="clipped-tanh")
    table = export_generator(other, folder, ("savedmodel", "litert"), count=1, rounds=1)
    assert max(row["largest difference"] for row in table) < 127.5e-4


def test_a_generator_of_label_maps_leaves_too(tmp_path):
    generator = map_generator(32, 1, 8, (8, 8, 4))
    table = export_generator(generator, tmp_path, ("litert", "savedmodel"), count=2, rounds=1)
    assert max(row["largest difference"] for row in table) < 127.5e-4


def test_an_operation_that_litert_lacks_is_named(tmp_path):
    z = keras.Input((8,), name="z")
    x = keras.layers.Reshape((2, 2, 2))(keras.ops.erfinv(keras.ops.tanh(z)))
    with pytest.raises(ValueError, match=r"odd cannot become LiteRT.* Erfinv: .* 'savedmodel'"):
        export_generator(keras.Model(z, x, name="odd"), tmp_path, ("litert",))
    assert not list(tmp_path.glob("*litert*"))
    with pytest.raises(ValueError, match=r"'lite' is none of litert, .*, onnx"):
        export_generator(keras.Model(z, x), tmp_path, ("lite",))


def test_onnx_gives_the_same_pictures_or_says_what_it_needs(tmp_path):
    generator = trained(num_classes=(3, 2))
    missing = [name for name in ("tf2onnx", "onnxruntime") if not importlib.util.find_spec(name)]
    if missing:
        with pytest.raises(ModuleNotFoundError, match="pip install tf2onnx onnxruntime"):
            export_generator(generator, tmp_path, (ONNX,))
        return
    table = export_generator(generator, tmp_path, (ONNX,), count=4, rounds=2)
    assert table[ONNX]["largest difference"] < 127.5e-4
    assert table[ONNX]["file"] == "onnx.onnx"


def test_generators_of_maps_and_of_images_are_refused_where_z_is_needed(tmp_path):
    maps = map_generator(32, latent_dim=8, num_classes=3, widths=(4, 4, 4))
    with pytest.raises(ValueError, match="PaintPad"):
        LatentExplorer(maps, np.eye(8, dtype=np.float32)[:2], num_classes=3)
    with pytest.raises(ValueError, match="makes images from images"):
        export_generator(unet_generator(16, widths=(4,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
