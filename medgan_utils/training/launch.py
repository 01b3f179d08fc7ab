"""Several worker processes on one machine: started together, and again when one dies.

Nothing here imports TensorFlow: a launcher only waits. What the workers do stands in `distributed`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack

RESTARTS = 5
_LAUNCHED = "MEDGAN_LAUNCHED"


def tf_config(addresses: Sequence[str], index: int) -> str:
    """Return what a worker's environment variable `TF_CONFIG` is to hold.

    Args:
        addresses: "host:port" of every worker, in the same order for all. The first is the chief,
            the one that writes.
        index: Which of them the worker is, from 0.
    """
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": task})


def this_worker() -> tuple[int, int]:
    """Return which worker this process is, and of how many, as `TF_CONFIG` says; else (0, 1).

    Raises:
        ValueError: `TF_CONFIG` is no JSON of cluster and task.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return 0, 1
    try:
        said = json.loads(text)
        chiefs, workers = (said["cluster"].get(kind, []) for kind in ("chief", "worker"))
        index = int(said["task"]["index"])
        index += len(chiefs) if said["task"]["type"] == "worker" else 0
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"TF_CONFIG is {text!r}; it must name cluster and task, such as "
            f"{tf_config(['one:2222', 'two:2222'], 0)}"
        ) from error
    return index, len(chiefs) + len(workers)


def launch(
    command: Sequence[str], workers: int, saved: Callable[[], int], restarts: int = RESTARTS
) -> None:
    """Run a command as so many workers on loopback, and print what the chief prints.

    When one dies, the others, who would wait for it, are stopped, and all start again: from the
    last save, if the command resumes. A worker ends when its launcher does, however that ended.

    Args:
        command: Program and arguments; each worker gets a `TF_CONFIG` of its own.
        workers: How many.
        saved: Says from which step a start would go on.
        restarts: How often at most.

    Raises:
        ChildProcessError: A worker died the same way twice at one step, or too often.
    """
    before = None
    for attempt in range(restarts + 1):
        failed = _run_once(command, workers)
        if failed is None:
            return
        failure = (failed.index, failed.process.returncode, saved())
        if failure == before:
            raise ChildProcessError(
                f"{failed.end()}, twice in a row after step {failure[2]}: starting again would "
                f"not help{failed.last_words()}"
            )
        before = failure
        if attempt < restarts:
            print(f"{failed.end()}; all go on from step {failure[2]}", flush=True)
    raise ChildProcessError(
        f"{failed.end()}; {restarts} restarts were of no use{failed.last_words()}"
    )


def end_with_launcher() -> None:
    """In a worker: end when the launcher does, so that none trains on alone; else do nothing."""
    if not os.environ.get(_LAUNCHED):
        return

    def watch() -> None:
        os.read(0, 1)  # returns when the launcher's end of the pipe is closed
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Worker:
    """One process, and the last lines that it said."""

    def __init__(self, command: Sequence[str], addresses: Sequence[str], index: int):
        self.index, self.lines = index, deque(maxlen=20)
        environment = {"TF_CONFIG": tf_config(addresses, index), _LAUNCHED: "1"}
        self.process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches the launcher alone, which stops them
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if self.index == 0:
                sys.stdout.write(line)
                sys.stdout.flush()

    def stop(self) -> None:
        """End it, and wait for what it said. Files are written whole or not, so no time is lost."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdin.close()
        self.process.stdout.close()

    def end(self) -> str:
        """Say how it ended."""
        code = self.process.returncode
        how = f"ended with {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
        return f"worker {self.index} {how}"

    def last_words(self) -> str:
        """Return the last line that it said, if any."""
        said = next((line for line in reversed(self.lines) if line.strip()), "")
        return f" (its last line: {said.strip()})" if said else ""


def _run_once(command: Sequence[str], workers: int) -> _Worker | None:
    """Run all workers to their ends; return the first that failed, or None."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers)]
    with ExitStack() as stack:
        group = [_Worker(command, addresses, index) for index in range(workers)]
        for worker in group:
            stack.callback(worker.stop)
        while True:
            ends = [worker.process.poll() for worker in group]
            failed = [worker for worker, end in zip(group, ends, strict=True) if end]
            if failed:  # who was killed comes first: others may have failed for that reason
                return min(failed, key=lambda worker: worker.process.returncode)
            if None not in ends:
                return None
            time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
