"""The form of every check: pass, what is wrong and a hint, not answered yet, never a crash."""

import inspect

import pytest

from medgan_utils import checks
from medgan_utils.checks.exercise import exercise, require


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
