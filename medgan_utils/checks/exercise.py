"""What every exercise's check does: a clear pass, what is wrong and a hint, or not answered yet."""

import dis
import functools
import inspect
from collections.abc import Callable, Mapping

import numpy as np

# The instructions of a function without a body, in Python 3.10 to 3.14.
_NOTHING = {
    "LOAD_COMMON_CONSTANT",
    "LOAD_CONST",
    "NOP",
    "POP_TOP",
    "RESUME",
    "RETURN_CONST",
    "RETURN_VALUE",
}


class Wrong(Exception):
    """An answer falls short; the message says how."""


def require(condition: bool, message: str) -> None:
    """Refuse the answer with `message` unless `condition` holds.

    Raises:
        Wrong: `condition` is false.
    """
    if not condition:
        raise Wrong(message)


def one_number(value: object) -> float:
    """Return an answer as a number, however it is wrapped: array, tensor or plain.

    Raises:
        Wrong: It is a text, or not one number.
    """
    require(not isinstance(value, str), f"a number is needed, not the text {value!r}.")
    require(not np.iscomplexobj(value), f"a real number is needed, not {value}.")
    array = np.asarray(value, dtype="float64")
    require(array.size == 1, f"the answer should be one number, not an array of {array.shape}.")
    return float(array.reshape(()))


def exercise(title: str, hint: str) -> Callable[[Callable], Callable[..., bool]]:
    """Turn a function that `require`s things of an answer into the check of an exercise.

    The check prints one or two lines and returns whether the answer passed. It never raises: an
    error inside the student's own code is reported as what is wrong. An answer is still open where
    it is `None` or `...`, holds one of them, returns one, or raises `NotImplementedError`.
    A function that does something and returns `None` is wrong, not open.

    Args:
        title: Number and name of the exercise, for example `"9.1 Count the patients"`.
        hint: What to look at when the answer is wrong.
    """

    def decorate(function: Callable) -> Callable[..., bool]:
        @functools.wraps(function)
        def check(*answers: object, **settings: object) -> bool:
            try:
                function(*map(_answered, answers), **settings)
            except NotImplementedError as error:
                if "symbolic" not in str(error):
                    print(f"○ {title}: not answered yet.")
                    return False
                problem = "NumPy cannot compute inside `fit`: stay with TensorFlow or keras.ops."
            except Wrong as wrong:
                problem = str(wrong)
            except Exception as error:  # the student's code failed: that is the finding, no crash
                problem = f"your code stopped with {type(error).__name__}: {error}"
            else:
                print(f"✓ {title}: passed.")
                return True
            print(f"✗ {title}: {problem}\n  Hint: {hint}")
            return False

        return check

    return decorate


def _is_stub(function: Callable) -> bool:
    """Return whether a function does nothing, for example `def f(x): ...  # your answer`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is None or not {step.opname for step in dis.get_instructions(code)} - _NOTHING


def _answered(value: object) -> object:
    """Return a value that is an answer; a function that watches what it returns. Classes stay.

    Raises:
        NotImplementedError: It is a stub.
    """
    parts = value.values() if isinstance(value, Mapping) else value
    for part in parts if isinstance(value, Mapping | tuple | list) else [value]:
        if part is None or part is ... or part is NotImplemented:
            raise NotImplementedError
    if not callable(value) or isinstance(value, type):
        return value
    answered = []

    @functools.wraps(value)
    def watched(*arguments: object, **options: object) -> object:
        result = value(*arguments, **options)
        try:
            answered.append(result := _answered(result))
        except NotImplementedError:
            some = "for some input " if answered else ""
            forgotten = answered or (result is None and not _is_stub(value))
            require(not forgotten, f"{some}your function returns None: is a `return` missing?")
            raise
        return result

    return watched
