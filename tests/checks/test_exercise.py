"""The form of every check: pass, what is wrong and a hint, not answered yet, never a crash."""

import inspect

import pytest

from medgan_utils import checks
from medgan_utils.checks.exercise import exercise, one_number, require


@exercise("0.0 Name a positive number", hint="Numbers above zero are positive.")
def positive(answer):
    value = answer() if callable(answer) else answer
    require(value > 0, f"{value} is not positive.")


def test_a_right_answer_passes(capsys):
    assert positive(3) is True
    assert capsys.readouterr().out == "✓ 0.0 Name a positive number: passed.\n"


def test_a_wrong_answer_is_told_what_is_wrong_and_gets_a_hint(capsys):
    assert positive(-3) is False
    out = capsys.readouterr().out
    assert out.startswith("✗ 0.0 Name a positive number: -3 is not positive.")
    assert "Hint: Numbers above zero" in out


def test_stubs_are_not_answered_yet(capsys):
    def stub():
        raise NotImplementedError

    open_answers = (None, ..., stub, lambda: None, lambda: ..., lambda: (None, None))
    for answer in (*open_answers, {"a": 1, "b": ...}, lambda: {"a": None}):
        assert positive(answer) is False
        assert capsys.readouterr().out == "○ 0.0 Name a positive number: not answered yet.\n"


@pytest.mark.parametrize("module", checks.__all__)
def test_every_exercise_says_of_a_stub_that_it_is_open(module, capsys):
    """No stub gets an error, and none a hint: whoever has not begun has done nothing wrong."""
    functions = vars(getattr(checks, module)).values()
    found = [function for function in functions if hasattr(function, "__wrapped__")]
    for check in found:
        *others, answer = inspect.signature(check).parameters.values()
        stub = (lambda *_, **__: None) if "Callable" in str(answer.annotation) else ...
        assert check(*["A" for _ in others], stub) is False
        out = capsys.readouterr().out
        assert out.endswith("not answered yet.\n") and out.count("\n") == 1, out
    assert found


def test_an_error_in_the_students_code_is_reported(capsys):
    assert positive(lambda: 1 / 0) is False
    assert "your code stopped with ZeroDivisionError" in capsys.readouterr().out


@exercise("0.1 Double it", hint="Twice.")
def doubled(answer):
    for number in (1, 2):
        assert one_number(answer(number)) == 2 * number


def test_none_for_some_input_is_no_stub(capsys):
    assert not doubled(lambda number: 2 if number == 1 else None)
    assert "is a `return` missing" in capsys.readouterr().out
    assert not doubled(lambda number: None)
    assert "not answered yet" in capsys.readouterr().out


def test_a_forgotten_return_is_no_stub(capsys):
    def forgotten(number):
        twice = 2 * number  # noqa: F841

    def documented(number):
        """Return twice the number."""

    assert not doubled(forgotten)
    assert "✗ 0.1 Double it: your function returns None" in capsys.readouterr().out
    assert not doubled(documented)
    assert "not answered yet" in capsys.readouterr().out


def test_numpy_inside_fit_is_named(capsys):
    def symbolic(number):
        raise NotImplementedError("Cannot convert a symbolic tf.Tensor (x:0) to a numpy array.")

    assert not doubled(symbolic)
    assert "stay with TensorFlow or keras.ops" in capsys.readouterr().out


def test_a_complex_number_is_no_answer(capsys):
    assert not doubled(lambda number: 2 * number + 0j)
    assert "a real number is needed" in capsys.readouterr().out
