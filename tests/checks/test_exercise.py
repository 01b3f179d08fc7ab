"""The form of every check: pass, what is wrong and a hint, not answered yet, never a crash."""

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

    for answer in (None, ..., stub):
        assert positive(answer) is False
        assert "not answered yet" in capsys.readouterr().out


def test_an_error_in_the_students_code_is_reported(capsys):
    assert positive(lambda: 1 / 0) is False
    assert "your code stopped with ZeroDivisionError" in capsys.readouterr().out
