"""How a peer talks with `peco bench`: it loads a case, warms up, then runs steps when it is told to.

One JSON line each way. In: {"run": N}. Out: {"ready": true, "versions": {...}, "choice": ...} once, then
{"ms": [N numbers], "loss": last} an answer. Everything else goes to standard error.
"""

import json
import sys
import time


def serve(step, ready):
    """step() -> loss as a Python float, after all its work is done."""
    print(json.dumps({"ready": True, **ready}), flush=True)
    for line in sys.stdin:
        ms, loss = [], None
        for _ in range(json.loads(line)["run"]):
            start = time.perf_counter()
            loss = step()
            ms.append((time.perf_counter() - start) * 1e3)
        print(json.dumps({"ms": ms, "loss": loss}), flush=True)
