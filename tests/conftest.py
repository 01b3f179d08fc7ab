"""Shared by all tests: quiet TensorFlow, small networks, a temporary cache."""

import os

import pytest

os.environ.setdefault("MEDGAN_PROFILE", "smoke")

from medgan_utils import profiles

profiles.quiet_tensorflow()


LONGEST = """workers chapter11_results template image_translation workflow translating resume gan
segmentation diagnosis_tables visits""".split()


def pytest_collection_modifyitems(items):
    """Start the longest files first: at the end no core waits for one of them."""
    items.sort(key=lambda item: item.path.stem.removeprefix("test_") not in LONGEST)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """No test reads or writes the reader's cache."""
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def eagerly():
    """Run step by step: for trainings of a few steps, tracing takes longer than they do."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
