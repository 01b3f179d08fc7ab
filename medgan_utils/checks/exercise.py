"""The form that every exercise's check takes: a clear pass, or what is wrong and a hint."""

import functools
from collections.abc import Callable


class Wrong(Exception):
    """An answer falls short; the message says how."""


def require(condition: bool, message: str) -> None:
    """Refuse the answer with `message` unless `condition` holds.

    Raises:
        Wrong: `condition` is false.
    """
    if not condition:
        raise Wrong(message)


def exercise(title: str, hint: str) -> Callable[[Callable], Callable[..., bool]]:
    """Turn a function that `require`s things of an answer into the check of an exercise.

    The check prints one or two lines and returns whether the answer passed. It never raises: an
    error inside the student's own code is reported as what is wrong.

    Args:
        title: Number and name of the exercise, for example `"9.1 Count the patients"`.
        hint: What to look at when the answer is wrong.
    """

    def decorate(function: Callable) -> Callable[..., bool]:
        @functools.wraps(function)
        def check(*answers: object, **settings: object) -> bool:
            problem = _problem(function, answers, settings)
            if problem is None:
                print(f"✓ {title}: passed.")
            else:
                print(f"✗ {title}: {problem}\n  Hint: {hint}")
            return problem is None

        return check

    return decorate


def _problem(function: Callable, answers: tuple, settings: dict) -> str | None:
    if any(answer is None or answer is ... for answer in answers):
        return "not answered yet."
    try:
        function(*answers, **settings)
    except Wrong as wrong:
        return str(wrong)
    except NotImplementedError:
        return "not answered yet."
    except Exception as error:  # the student's own code failed: that is the finding, not a crash
        return f"your code stopped with {type(error).__name__}: {error}"
    return None
