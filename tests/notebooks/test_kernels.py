"""A kernel that dies before it answers is started once more."""

import pytest

from tools import kernels


def dying(times):
    """A start that fails so many times, and how often it was asked."""
    asked = []

    def start(**options):
        asked.append(options)
        if len(asked) <= times:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return "manager", "client"

    return start, asked


def test_it_is_started_again_as_it_was_asked_for(monkeypatch):
    start, asked = dying(2)
    monkeypatch.setattr(kernels, "_start", start)
    assert kernels.start_new_kernel(kernel_name="python3") == ("manager", "client")
    assert asked == [{"kernel_name": "python3"}] * 3


def test_one_that_never_answers_is_an_error(monkeypatch):
    monkeypatch.setattr(kernels, "_start", dying(3)[0])
    with pytest.raises(RuntimeError, match="Kernel died"):
        kernels.start_new_kernel()


def test_nbval_starts_kernels_by_it():
    from nbval import kernel

    assert kernel.start_new_kernel is kernels.start_new_kernel
