"""What `lnlkit check` looks at: the memory that is free here, torch in a process of its own, a kernel of its own."""

import json
import os
import queue
import subprocess
import sys
import time
from pathlib import Path

LIMIT_S, START_S = 30, 30
"""Wall seconds for torch and for a cell, and for the start of a kernel: what takes longer counts as broken."""

TORCH = """
import json, torch, torchvision
torch.ones(2, 2) @ torch.ones(2, 2)
torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
gpu = torch.cuda.is_available()
name, memory = (torch.cuda.get_device_name(0), torch.cuda.mem_get_info(0)[0]) if gpu else (None, None)
print(json.dumps({"gpu": name, "gpu_memory": memory}))
"""
CELL = """
import sys
import lnlkit
import ipywidgets
from IPython.display import display
moved, slider = [], ipywidgets.IntSlider(0)
slider.observe(lambda change: moved.append(change.new), "value")
slider.value = 3
display(slider)
print("moved", moved, sys.prefix)
"""
CGROUP = Path("/sys/fs/cgroup")
LIMIT_AND_USE = (("memory.max", "memory.current"),
                 ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))  # fmt: skip
VIEW = "application/vnd.jupyter.widget-view+json"


class Broken(Exception):
    """A probe failed; the message says how."""


def torch() -> dict:
    """{"gpu": name or None, "gpu_memory": free bytes}, when torch and torchvision work; else Broken."""
    try:
        done = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=LIMIT_S,
                              stdin=subprocess.DEVNULL)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Broken(f"importing it took more than {LIMIT_S} s") from None
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.strip().splitlines()[-1:] or [f"its process ended with status {done.returncode}"]
        raise Broken(f"{said[0]:.150}") from None


def kernel() -> float:
    """Seconds that Jupyter's kernel `python3` took to start and to move a slider; Broken where it does not.

    The kernel must be of this Python: one of the same name in the user's folder comes before it.
    """
    from jupyter_client.manager import start_new_kernel

    from lnlkit.run.surroundings import some_home

    began, seen = time.monotonic(), []
    with some_home():
        try:
            manager, client = start_new_kernel(START_S, "python3", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except Exception as error:  # no such kernel, a program that is not there, one that ends at once
            raise Broken(f"it does not start ({type(error).__name__}: {_first_line(error)})") from None
        try:
            reply = client.execute_interactive(CELL, timeout=LIMIT_S, output_hook=seen.append, allow_stdin=False)
        except (TimeoutError, queue.Empty, RuntimeError) as error:
            raise Broken(f"a cell did not end in {LIMIT_S} s ({type(error).__name__})") from None
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    _judge(reply["content"], [message["content"] for message in seen])
    return time.monotonic() - began


def _judge(reply: dict, seen: list[dict]) -> None:
    if reply["status"] != "ok":
        raise Broken(f"a cell with a slider fails there ({reply.get('ename')}: {reply.get('evalue', ''):.100})")
    said = next((out["text"] for out in seen if out.get("text", "").startswith("moved")), "")
    if not said.startswith("moved [3] "):
        raise Broken("moving a slider there calls nothing")
    prefix = said.removeprefix("moved [3] ").strip()
    if Path(prefix) != Path(sys.prefix):
        raise Broken(f"it is that of another Python, in {prefix}")
    if not any(VIEW in out.get("data", {}) for out in seen):
        raise Broken("a slider is shown as text")


def _first_line(error: Exception) -> str:
    return f"{(str(error).strip().splitlines() or [''])[0]:.100}"


def free_memory() -> int:
    """Bytes that a new process may take: what the machine has free, or what this container has left if that is less."""
    import psutil

    free = psutil.virtual_memory().available
    for names in LIMIT_AND_USE:
        try:
            left = [int((CGROUP / name).read_text()) for name in names]
        except (OSError, ValueError):  # no such file, or "max"
            continue
        free = min(free, max(0, left[0] - left[1] + _cached()))
    return free


def _cached() -> int:
    """Bytes of a container's files in memory, which count as used and are given up when needed."""
    for name in ("memory.stat", "memory/memory.stat"):
        try:
            lines = dict(line.split() for line in (CGROUP / name).read_text().splitlines())
            return int(lines.get("inactive_file", lines.get("total_inactive_file", 0)))
        except (OSError, ValueError):
            continue
    return 0


def processors() -> int:
    """Processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
