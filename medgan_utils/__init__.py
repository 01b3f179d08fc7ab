"""Helpers behind the course "Medical GANs, a course you can run".

Rooms, in the order in which an image travels: `phantoms`, `data`, `models`, `training`,
`evaluation`, `display`. They do not import each other (only `data.sources` opens `phantoms`);
notebooks compose them. `profiles` holds the sizes of a run, `checks` the answers to the exercises,
`table` the one table in which all results are shown, and `protection` what files need before they
leave. `CONTRIBUTING.md` has a map.
"""

from ._lazy import exports

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "phantoms": "phantoms",
        "data": "data",
        "models": "models",
        "training": "training",
        "evaluation": "evaluation",
        "display": "display",
        "checks": "checks",
        "profiles": "profiles",
        "protection": "protection",
        "table": "table",
    },
)
