"""Write the tables of the READMEs of `benchmarks`, `recipes` and `experiments` from the results.

    python tools/tables.py

A result that is not there yet is said to be missing; `make bench` makes those of times and memory.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.timing import said

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [ROOT / name for name in ("benchmarks", "recipes", "experiments")]
BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(list(head)), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def step_times(what: str, base: str, results: dict) -> str:
    """Return the table of `benchmarks.timing.summary`.

    Args:
        what: Head of the first column.
        base: What the last column is relative to.
        results: Of a benchmark.
    """
    head = (what, "ms a step", "images/s", f"time relative to {base} (95 % interval)")
    rows = [
        (row["run"], row["ms_per_step"], row["images_per_second"], said(row["time_over_base"]))
        for row in results["rows"]
    ]
    return table(head, rows)


def rounds(results: dict) -> str:
    """Return how often and how long each was timed."""
    return f"{results['rounds']} rounds of {results['steps_per_round']} steps"


def training_loop(results: dict) -> str:
    """Return the loops against `GAN.fit`."""
    return (
        f"{step_times('loop', '`GAN.fit`', results)}\n\n"
        f"`GAN.fit` takes {said(results['fit_over_bare'])} times the bare "
        f"loop's time a step; a call of `fit` adds {results['fit_start_up_ms']} ms once. "
        f"{rounds(results)}."
    )


def training_extras(results: dict) -> str:
    """Return the cost of each extra."""
    return f"{step_times('bare loop with', 'no extras', results)}\n\n{rounds(results)}."


def onednn(results: dict) -> str:
    """Return the time of a step with oneDNN and without."""
    processor = {True: "with", False: "without", None: "perhaps with"}[results["neural"]]
    rows = step_times("`GAN.fit`", "oneDNN's", results)
    return (
        f"{rows}\n\n{rounds(results)} in fresh interpreters, on a processor {processor} "
        "instructions for neural networks."
    )


def matrix_rate(results: dict) -> str:
    """Return the parts of a step and their share of the matrix-product rate."""
    head = ("part, alone", "ms", "million operations", "share of the matrix rate")
    whole = {"part": "**whole bare step, no extras**", **results["step_without_extras"]}
    rows = [
        (
            row["part"],
            row["ms"],
            row["million_operations"] or "not counted",
            f"{row['share_of_peak']:.0%}" if row["million_operations"] else "",
        )
        for row in [*results["rows"], whole]
    ]
    side = results["matrix_side"]
    return (
        f"{table(head, rows)}\n\nA {side} × {side} float32 matrix product reached "
        f"{results['matrix_gigaflops']} GFLOP/s."
    )


def loading(results: dict) -> str:
    """Return volumes a second and peak memory."""
    head = ("volumes", "read by", "slices", "seconds", "volumes/s", "peak memory, MB")
    rows = [
        (
            row["volumes"],
            f"`{row['way'].split(',')[0]}`,{row['way'].split(',', 1)[1]}",
            row["slices"],
            round(row["seconds"], 1),
            row["volumes_per_second"],
            row["peak_mb"],
        )
        for row in results["rows"]
    ]
    return f"{table(head, rows)}\n\nFiles of {results['file_mb']} MB each, compressed."


def kills(results: dict) -> str:
    """Return what was left of a training that was killed many times."""
    head = (
        "kills",
        "steps",
        "saved every",
        "longest life, s",
        "kills amid a save",
        "compared",
        "differ",
    )
    times = [row["seconds_after_first_step"] for row in results["kills"]]
    amid = sum(row["save_half_written"] for row in results["kills"])
    row = (len(times), results["steps"], f"{results['save_every']} steps", max(times), amid)
    return table(head, [(*row, results["compared"], len(results["differing"]))])


def workers(results: dict) -> str:
    """Return the time of a step by number of worker processes."""
    head = ("workers", "threads each", "ms a step", "images/s", "time relative to the first row")
    keys = ("workers", "threads", "ms_per_step", "images_per_second")
    rows = [(*(row[key] for key in keys), said(row["time_over_base"])) for row in results["rows"]]
    batch = f"batches of {results['batch_size']} in all"
    rounds = f"{results['rounds']} rounds of {results['steps_per_round']} steps"
    return f"{table(head, rows)}\n\n{rounds}, {batch}."


def small_devices(results: dict) -> str:
    """Return size, speed and pictures of a generator in other formats."""
    head = ("format", "KB", "KB gzipped", "ms an image", "largest difference", "other levels")
    rows = [
        (
            row["format"],
            f"{row['KB']:.0f}",
            f"{row['KB gzipped']:.0f}",
            f"{row['ms an image']:.2f}",
            f"{row['largest difference']:.3f}",
            f"{row['other levels']:.1%}",
        )
        for row in results["rows"]
    ]
    return (
        f"{table(head, rows)}\n\n`{results['generator']}`, one image at a time, "
        f"{results['pictures']} pictures compared, {results['rounds']} timed."
    )


def strategies(results: dict) -> str:
    """Return what each strategy changes in the time of an image, and what was not tried."""
    head = ("run", "batch", "ms a step", "images/s", "time an image, relative", "first call, s")
    keys = ("run", "batch_size", "ms_per_step", "images_per_second")
    rows = [
        (*(row[key] for key in keys), said(row["time_over_base"]), row["first_call_seconds"])
        for row in results["rows"]
    ]
    bases = sorted({row["against"] for row in results["rows"]})
    against = ", the loops without extras to ".join(f"*{base}*" for base in bases)
    untried = "; ".join(f"{name} ({why})" for name, why in results["not_tried"].items())
    rounds = f"{results['rounds']} rounds of {results['steps_per_round']} steps"
    return f"{table(head, rows)}\n\n{rounds}, relative to {against}. Not tried: {untried}."


def recipe(results: list[dict]) -> str:
    """Return the variants of the recipe: for equal images, and for the seconds of `base`."""
    head = ("variant", "what it changes", "CPU s", "FD", "SWD", "FD after the CPU s of `base`")
    watch, seconds = "FD brain-encoder-64", results[0]["cpu_seconds"]

    def in_time(row: dict) -> str:
        step = row["scores"][-1]["step"] * 1.05 * seconds / row["cpu_seconds"]
        within = [score[watch] for score in row["scores"] if score["step"] <= step]
        return f"{within[-1]:.2f}" if within else "none yet"

    rows = []
    for row in results:
        last = row["scores"][-1]
        numbers = (row["cpu_seconds"], f"{last[watch]:.2f}", f"{last['SWD']:.3f}", in_time(row))
        rows.append((row["variant"], row["about"], *numbers))
    return f"{table(head, rows)}\n\n{results[0]['images']:,} images each."


def conditional(results: list[dict]) -> str:
    """Return what helps a conditional GAN to use z and its labels."""
    head = ("run", "FD", "precision", "recall", "spread", "tumour AUC (95 % interval)", "s")
    keys = ("FD brain-encoder-64", "precision", "recall")
    rows = []
    for row in results:
        last, auc = row.get("scores", [{}])[-1], row.get("tumour AUC")
        numbers = [f"{last[key]:.2f}" if key in last else "" for key in keys]
        numbers.append(f"{row['spread']:.3f}" if "spread" in row else "")
        auc_text = "{value:.2f} ({low:.2f} to {high:.2f})".format(**auc) if auc else ""
        rows.append((row["run"], *numbers, auc_text, row.get("seconds", "")))
    return table(head, rows)


def pruning(results: list[dict]) -> str:
    """Return what pruned generators are worth; one line a seed."""
    head = ("generator", "seed", "weights", "KB gzipped", "FD", "SWD", "judge AUC (95 % interval)")
    rows = []
    for row in results:
        value, low, high = row["judge AUC"]
        numbers = (
            f"{row['weights']:,}",
            row["KB gzipped"],
            f"{row['FD']:.2f}",
            f"{row['SWD']:.3f}",
        )
        rows.append((row["way"], row["seed"], *numbers, f"{value:.2f} ({low:.2f} to {high:.2f})"))
    return table(head, rows)


def import_time(results: dict) -> str:
    """Return the seconds of each import."""
    head = ("import", "median s", "slowest s")
    rows = [
        (f"`{row['import']}`", row["seconds"], row["slowest_seconds"]) for row in results["rows"]
    ]
    return (
        f"{table(head, rows)}\n\n{results['rounds']} fresh interpreters each, without the "
        f"{results['python_alone_seconds']} s that Python itself takes."
    )


def translators(results: dict) -> str:
    """Return what each network of chapter 11 costs."""
    columns = {
        "network": "network",
        "batch": "batch",
        "generators": "weights of G",
        "critics": "weights of D",
        "ms_a_step": "ms a step",
        "peak_mb": "peak memory, MB",
        "ms_an_image": "ms an image",
    }
    large = ("generators", "critics")
    rows = [
        [f"{row[key]:,}" if key in large else row[key] for key in columns]
        for row in results["rows"]
    ]
    return table(columns.values(), rows)


def explorer_latency(results: list[dict]) -> str:
    """Return the time from key to picture: with a neighbour or alone, by how the page is drawn."""
    head = ("explorer", "graphics", "presses", "median ms", "p95 ms", "of which in the kernel, ms")
    names = {False: "alone", True: "with the nearest of 624 images"}
    keys = ("graphics", "presses", "median_ms", "p95_ms", "of_which_kernel_ms")
    return table(head, [[names[row["neighbour"]], *(row[key] for key in keys)] for row in results])


def paint_pad_latency(results: list[dict]) -> str:
    """Return the time from key to painted slice, by checkpoint and how the page is drawn."""
    head = ("painter", "graphics", "presses", "median ms", "p95 ms", "of which in the kernel, ms")
    keys = ("checkpoint", "graphics", "presses", "median_ms", "p95_ms", "of_which_kernel_ms")
    return table(head, [[row[key] for key in keys] for row in results])


TABLES: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        training_loop,
        training_extras,
        onednn,
        matrix_rate,
        loading,
        import_time,
        translators,
        explorer_latency,
        paint_pad_latency,
        kills,
        workers,
        small_devices,
        strategies,
        pruning,
        recipe,
        conditional,
    )
}


def block(name: str) -> str:
    """Return a result as Markdown, with the run it comes from."""
    paths = [folder / "results" / f"{name}.json" for folder in FOLDERS]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return "*Not measured yet.*"
    content = json.loads(path.read_text(encoding="utf-8"))
    made, results = content["provenance"], content["results"]
    versions = made["versions"]
    load = (
        results.get("load_average") if isinstance(results, dict) else results[0].get("load_average")
    )
    noted = (
        f"*{made['date']}, {made['machine']}, Python {versions['python']}, TensorFlow "
        f"{versions['tensorflow']}, Keras {versions['keras']}; {made['seconds']} s"
    )
    noted += ".*" if load is None else f"; load average {load:.1f}.*"
    return f"{TABLES[name](results)}\n\n{noted}"


def filled(text: str, write: Callable[[str], str] = block) -> str:
    """Return a page with every block `<!-- name -->` … `<!-- end -->` written anew."""
    return BLOCK.sub(lambda found: f"{found[1]}{write(found[2])}\n{found[3]}", text)


def main() -> None:
    """Write the files."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    for folder in FOLDERS:
        page = folder / "README.md"
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
