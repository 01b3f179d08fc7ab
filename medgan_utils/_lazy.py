"""Sub-modules and names that load on first use, so that `import medgan_utils` stays fast."""

import importlib
from collections.abc import Callable


def exports(
    package: str, names: dict[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """Build the `__getattr__`, `__dir__` and `__all__` of a package whose names load on demand.

    Args:
        package: The package's `__name__`.
        names: Public name -> sub-module that defines it. A name equal to its sub-module exports
            the module itself.

    Returns:
        The three objects, to be assigned at module level (PEP 562).
    """

    def load(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{names[name]}")
        return module if name == names[name] else getattr(module, name)

    return load, lambda: sorted(names), sorted(names)
