"""One GAN on several devices: how its step is shared.

Several GPUs of one machine need nothing from here: build and compile the GAN in the scope of a
`tf.distribute.MirroredStrategy`, and `fit` shares each batch, sums the gradients, and draws other
latents on every replica.

Several processes, on one machine or many, run under `tf.distribute.MultiWorkerMirroredStrategy`.
There Keras' `fit` fails, and `fit_workers` takes its place. Each process finds the others by the
environment variable `TF_CONFIG`; all run the same program. `launch` starts them on one machine.
"""

import hashlib
import time
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from .._files import one_line
from .finite import ADVICE, check_weights
from .resume import ResumableCheckpoint, state_of


def fit_workers(
    gan: keras.Model,
    dataset: tf.data.Dataset,
    steps: int,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    every: int = 500,
) -> None:
    """Train a GAN that was made in the scope of a `MultiWorkerMirroredStrategy`.

    Each worker takes its share of each batch, so all together see what one process would see. The
    latents are another matter: every replica draws its own, so that two workers train as well as
    one but not to the same weights. All workers hold the same weights after each step.

    Args:
        gan: Compiled.
        dataset: The same on all workers, without end: batches of all, as `Slices.to_dataset` makes.
        steps: How many to take; the same on all workers.
        callbacks: Called on the chief alone: nobody else is to write. They cannot stop the
            training, and must not run anything that all replicas take part in.
        every: Steps between two lines that the chief prints.

    Raises:
        ValueError: Batches of a fixed size do not part evenly, or images or labels do not fit.
        FloatingPointError: A loss is no longer finite; all workers stop at the same step.
        ConnectionError: Another worker is gone.
    """
    strategy = gan.distribute_strategy
    checked = gan._expected.data(dataset)[0]
    batches = iter(
        strategy.distribute_datasets_from_function(
            lambda context: _own_share(checked, strategy, context.input_pipeline_id)
        )
    )
    step, chief = _shared_step(gan), is_chief(strategy)
    seen = keras.callbacks.CallbackList(list(callbacks) if chief else [], model=gan)
    seen.on_train_begin()
    started, first = time.perf_counter(), int(gan.step.numpy())
    due = True
    for done in range(1, steps + 1):
        anew, due = due, (first + done) % every == 0 or done == steps
        try:
            if anew:  # only now, since callbacks read the running means
                gan.reset_metrics()  # which all take part in
            logs = {name: float(value) for name, value in step(next(batches)).items()}
        except tf.errors.OpError as error:
            raise gan._expected.refusal or ConnectionError(
                f"step {first + done} failed, perhaps since another worker is gone: "
                f"{one_line(error)[:200]}"
            ) from error
        if not np.isfinite(logs["loss"]):
            raise FloatingPointError(f"the training diverged at step {first + done}; {ADVICE}")
        seen.on_train_batch_end(done, logs)
        if due and chief:
            seconds = (time.perf_counter() - started) / done
            losses = ", ".join(f"{name} {logs[name]:.3f}" for name in ("d_loss", "g_loss"))
            print(f"step {first + done}: {losses}; {1000 * seconds:.0f} ms a step", flush=True)
    check_weights(gan)
    seen.on_train_end()


def restore_workers(gan: keras.Model, keeper: ResumableCheckpoint) -> int:
    """Load the newest checkpoint on the chief, and hand it to all: no other needs the folder.

    Returns:
        The step to go on from.

    Raises:
        ValueError: As `ResumableCheckpoint.restore` does, on the chief.
    """
    if is_chief(gan.distribute_strategy):
        keeper.restore(gan)
    variables = state_of(gan)
    values = _of_the_chief(gan.distribute_strategy, [one.numpy() for one in variables])
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return int(gan.step.numpy())


def check_equal(gan: keras.Model) -> None:
    """Wait until all workers are here, then compare all that the next step depends on.

    Raises:
        RuntimeError: This worker does not hold what the chief holds.
    """
    content = b"".join(variable.numpy().tobytes() for variable in state_of(gan))
    own = np.frombuffer(hashlib.sha256(content).digest(), np.int32)
    if (own != _of_the_chief(gan.distribute_strategy, [own])[0]).any():
        raise RuntimeError("this worker's weights are not those of the chief")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes."""
    resolver = strategy.cluster_resolver
    return resolver.task_type in (None, "chief") or (
        "chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0
    )


def _shared_step(gan: keras.Model) -> Callable:
    """Return a function of a worker's share of a batch: all take a step, and get the same logs."""
    strategy = gan.distribute_strategy

    @tf.function
    def step(batch):
        logs = strategy.run(gan.train_step, (batch,))
        return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

    return step


def _own_share(
    dataset: tf.data.Dataset, strategy: tf.distribute.Strategy, worker: int
) -> tf.data.Dataset:
    """Return the pieces of each batch that this worker's replicas take, one after the other."""
    replicas = strategy.num_replicas_in_sync
    own = len(strategy.extended.worker_devices)

    def pieces(*parts: tf.Tensor):
        cut = []
        for part in parts:
            parted = part.shape[0] // replicas if part.shape[0] else -1
            whole = tf.reshape(part, (replicas, parted, *part.shape[1:]))
            cut.append(whole[worker * own : (worker + 1) * own])
        return cut[0] if len(cut) == 1 else tuple(cut)

    first = tf.nest.flatten(dataset.element_spec)[0].shape[0]
    if first and first % replicas:
        raise ValueError(f"a batch of {first} images does not part evenly into {replicas} replicas")
    return dataset.map(pieces).unbatch()


def _of_the_chief(strategy: tf.distribute.Strategy, values: list[np.ndarray]) -> list[np.ndarray]:
    """Return the values that the first replica has, on all: a sum in which others give zeros."""

    @tf.function
    def total():
        def one():
            context = tf.distribute.get_replica_context()
            mine = tf.equal(context.replica_id_in_sync_group, 0)
            given = [tf.where(mine, value, tf.zeros_like(value)) for value in values]
            return [context.all_reduce("SUM", value) for value in given]  # of several types

        return [strategy.experimental_local_results(value)[0] for value in strategy.run(one)]

    return [value.numpy() for value in total()]
