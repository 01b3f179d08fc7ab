"""Networks for machines without Keras: LiteRT files, a SavedModel, ONNX.

What is written is read back by its own runtime and compared with Keras on the same latents. LiteRT
files run in the interpreter that TensorFlow brings; TensorFlow calls it deprecated in favour of the
package ai-edge-litert, whose `Interpreter` takes the same calls.
"""

import gzip
import io
import re
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from .._files import one_line, written_whole
from ..table import Table

Inputs = dict[str, np.ndarray]
Runner = Callable[[Inputs], np.ndarray]

FORMATS = ("litert", "litert-dynamic", "litert-float16", "savedmodel")
"""LiteRT in float32, with kernels of 8 bits (dynamic range), and in 16 bits; TensorFlow's own."""
ONNX = "onnx"
"""What needs two more packages, `pip install tf2onnx onnxruntime`: the extra `onnx`."""


def export_generator(
    generator: keras.Model,
    folder: str | Path,
    formats: Sequence[str] = FORMATS,
    count: int = 16,
    rounds: int = 20,
) -> Table:
    """Write a generator in other formats, and compare their pictures with Keras'.

    Each file takes one image at a time: what a small device is asked for.

    Args:
        generator: From z, or z and labels or a label map, to images in [-1, 1].
        folder: Where the files go, one for each format, named after it; made if it is missing.
        formats: Of `FORMATS`, or "onnx".
        count: Pictures to compare; of a conditional generator, of random labels (of class 0 where
            it notes no classes).
        rounds: Pictures for the clock. The formats are timed in turn, so that what else the machine
            does falls on all alike.

    Returns:
        A row for Keras and for each format: size and size after gzip (KB of 1000 bytes), median
        milliseconds an image, the largest difference from Keras' pixels (grey levels of 256) and
        the share of pixels that are another level when rounded.

    Raises:
        ValueError: A format has no such name, the generator does not begin with z, LiteRT has no
            such operation as the generator's, or a file gives pictures with NaN.
        ModuleNotFoundError: The packages for ONNX are missing.
    """
    if unknown := [name for name in formats if name not in _WAYS]:
        raise ValueError(f"format {unknown[0]!r} is none of {', '.join(_WAYS)}")
    if len(generator.inputs[0].shape) != 2:
        raise ValueError(f"{generator.name!r} makes images from images; only from z is exported")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    runners = {"keras": _keras_runner(generator)}
    paths = {"keras": folder / "keras.weights.h5"}
    generator.save_weights(paths["keras"])
    for name in formats:
        write, runner = _WAYS[name]
        paths[name] = write(generator, folder, name)
        runners[name] = runner(paths[name])
    inputs = _inputs(generator, count)
    pictures = {name: np.concatenate([run(one) for one in inputs]) for name, run in runners.items()}
    for name, images in pictures.items():
        if not np.isfinite(images).all():
            raise ValueError(f"{paths[name]} gives pictures that are not finite")
    seconds = _clocked(runners, inputs[0], rounds)
    rows = [
        {
            "format": name,
            "file": paths[name].name,
            "KB": _size(paths[name]) / 1000,
            "KB gzipped": _size(paths[name], gzip.compress) / 1000,
            "ms an image": 1000 * seconds[name],
            **_difference(pictures["keras"], pictures[name]),
        }
        for name in runners
    ]
    return Table(rows, caption=f"{generator.name} in {len(rows)} formats")


def litert_answers(
    network: keras.Model, images: np.ndarray, folder: str | Path
) -> dict[str, np.ndarray]:
    """Write a network that reads images as LiteRT files, and let each answer.

    Args:
        network: From images (B, H, W, C) to anything of one output, for example logits (B, 1).
        images: Images (N, H, W, C) float32; each is asked about alone, as on a small device.
        folder: Where the files go, named after their format; made if it is missing.

    Returns:
        Answers (N, …) float32 by "keras" and each of the first three of `FORMATS`.

    Raises:
        ValueError: LiteRT has no such operation as the network's.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    answers = {"keras": np.asarray(network.predict(images, verbose=0))}
    for name in FORMATS[:3]:
        run = _litert_runner(_write_litert(network, folder, name))
        given = network.inputs[0].name
        answers[name] = np.concatenate([run({given: image[None]}) for image in images])
    return answers


def _difference(pictures: np.ndarray, others: np.ndarray) -> dict[str, float]:
    levels, same = (127.5 * (images.astype(np.float64) + 1) for images in (pictures, others))
    return {
        "largest difference": float(np.abs(levels - same).max()),
        "other levels": float((levels.round() != same.round()).mean()),
    }


def _inputs(generator: keras.Model, count: int) -> list[Inputs]:
    """Return what each picture is made of: z (1, n), and labels (1, n) or a map (1, H, W).

    Labels are of all classes where the generator notes them (`architecture`), else of class 0.
    """
    random = np.random.default_rng(0)
    architecture = getattr(generator, "architecture", None)
    classes = architecture.arguments.get("num_classes") if architecture else None
    classes = np.atleast_1d(1 if classes is None else classes)
    z, *labels = generator.inputs
    drawn = []
    for _ in range(count):
        drawn.append({z.name: random.standard_normal((1, z.shape[-1]), np.float32)})
        for one in labels:
            values = random.integers(0, classes, (1, *one.shape[1:]))
            drawn[-1][one.name] = values.astype(one.dtype)
    return drawn


def _for_one_image(generator: keras.Model) -> keras.Model:
    """Return the generator with inputs of fixed shapes, which a device need not find out."""
    inputs = [
        keras.Input(batch_shape=(1, *x.shape[1:]), dtype=x.dtype, name=x.name)
        for x in generator.inputs
    ]
    outputs = generator(inputs if len(inputs) > 1 else inputs[0])
    return keras.Model(inputs, outputs, name=generator.name)


def _of_one(generator: keras.Model) -> "tf.types.experimental.ConcreteFunction":
    """Return the generator as a function of a single z, and label."""
    specs = [tf.TensorSpec((1, *x.shape[1:]), x.dtype, name=x.name) for x in generator.inputs]

    @tf.function(input_signature=specs)
    def one(*inputs):
        return generator(inputs[0] if len(inputs) == 1 else list(inputs), training=False)

    return one.get_concrete_function()


def _write_litert(generator: keras.Model, folder: Path, name: str) -> Path:
    # Of a concrete function, with Keras 3, the weights would stay out of the file.
    converter = tf.lite.TFLiteConverter.from_keras_model(_for_one_image(generator))
    if name != "litert":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if name == "litert-float16":
        converter.target_spec.supported_types = [tf.float16]
    try:
        with redirect_stdout(io.StringIO()):
            content = converter.convert()
    except Exception as error:  # ConverterError, which TensorFlow keeps in a private module
        said = one_line(error)
        found = re.search(r"(?:Flex|Custom) ops: (\w+(?:, \w+)*)", said)
        raise ValueError(
            f"{generator.name} cannot become LiteRT, which has no operation for "
            f"{found[1] if found else said[:200]}: build it of others, or export it as 'savedmodel'"
        ) from error
    path = folder / f"{name}.tflite"
    with written_whole(path) as temporary:
        temporary.write_bytes(content)
    return path


def _write_savedmodel(generator: keras.Model, folder: Path, name: str) -> Path:
    path, holder = folder / name, tf.Module()
    holder.generator, one = generator, _of_one(generator)  # or its weights would not be saved
    if path.is_dir():
        shutil.rmtree(path)  # `written_whole` keeps a folder that is there
    with written_whole(path, folder=True) as temporary:
        tf.saved_model.save(holder, temporary, signatures=one)
    return path


def _keras_runner(generator: keras.Model) -> Runner:
    one = _of_one(generator)
    return lambda inputs: one(*map(tf.constant, inputs.values())).numpy()


def _savedmodel_runner(path: Path) -> Runner:
    loaded = tf.saved_model.load(path)

    def run(inputs: Inputs) -> np.ndarray:
        given = {name: tf.constant(value) for name, value in inputs.items()}
        return next(iter(loaded.signatures["serving_default"](**given).values())).numpy()

    return run


def _litert_runner(path: Path) -> Runner:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its deprecation, see above
        signature = tf.lite.Interpreter(str(path)).get_signature_runner()
    return lambda inputs: next(iter(signature(**inputs).values()))


def _write_onnx(generator: keras.Model, folder: Path, name: str) -> Path:
    _onnx_packages()
    generator([value[:1] for value in _inputs(generator, 1)[0].values()])  # Keras asks for a call
    path = folder / f"{name}.onnx"
    with written_whole(path) as temporary:
        generator.export(temporary, format="onnx", verbose=False)
    return path


def _onnx_runner(path: Path) -> Runner:
    session = _onnx_packages().InferenceSession(path)
    return lambda inputs: session.run(None, inputs)[0]


def _onnx_packages():
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX needs {error.name}: pip install tf2onnx onnxruntime"
        ) from error
    return onnxruntime


_WAYS = {name: (_write_litert, _litert_runner) for name in FORMATS[:3]}
_WAYS |= {"savedmodel": (_write_savedmodel, _savedmodel_runner), ONNX: (_write_onnx, _onnx_runner)}


def _clocked(runners: dict[str, Runner], inputs: Inputs, rounds: int) -> dict[str, float]:
    """Return the median seconds a call."""
    times = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            start = time.perf_counter()
            run(inputs)
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values)) for name, values in times.items()}


def _size(path: Path, pack: Callable[[bytes], bytes] = bytes) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(len(pack(one.read_bytes())) for one in files)
