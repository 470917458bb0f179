"""The bench cases in PyTorch: same arithmetic, same initial weights and batch (a safetensors file), AdamW.

    python torch_peer.py CASE VARIANT WEIGHTS THREADS      VARIANT: eager-f32, eager-bf16, compiled-f32, compiled-bf16
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from safetensors import safe_open
from protocol import serve

case, variant, file, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(threads)
mode, precision = variant.split("-")

with safe_open(file, framework="pt") as f:
    config = json.loads(f.metadata()["config"])
    tensors = {k: f.get_tensor(k) for k in f.keys()}
batch = {k[6:]: t for k, t in tensors.items() if k.startswith("batch.")}
# Products' weights are kept [in, out] in the file; PyTorch is fastest with its own [out, in].
params = {}
for name, t in tensors.items():
    if name.startswith("params."):
        name = name[7:]
        if t.ndim == 2 and name.endswith(".weight"):
            t = t.t().contiguous()
        if t.ndim == 4:  # [h, w, in, out] -> [out, in, h, w]
            t = t.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
        params[name] = torch.nn.Parameter(t.clone())


def norm(x, name):
    return F.layer_norm(x, x.shape[-1:], params[f"{name}.scale"], params[f"{name}.bias"], 1e-6)


def linear(x, name):
    return F.linear(x, params[f"{name}.weight"], params[f"{name}.bias"])


def attention(x, name, heads, fused):
    b, n, d = x.shape
    q, k, v = linear(x, f"{name}.attention.qkv").reshape(b, n, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    if fused:
        o = F.scaled_dot_product_attention(q, k, v)
    else:
        o = ((q @ k.transpose(-2, -1)) * (d // heads) ** -0.5).softmax(-1) @ v
    return linear(o.transpose(1, 2).reshape(b, n, d), f"{name}.attention.out")


def mim(fused):
    x = linear(batch["patches"], "embed")
    mask = batch["mask"].to(x.dtype).unsqueeze(-1)
    x = x * (1 - mask) + params["maskToken"] * mask + params["positions"]
    for i in range(config["depth"]):
        name = f"blocks.{i}"
        x = x + attention(norm(x, f"{name}.norm1"), name, config["heads"], fused)
        x = x + linear(F.gelu(linear(norm(x, f"{name}.norm2"), f"{name}.mlp.in")), f"{name}.mlp.out")
    logits = linear(norm(x, "norm"), "head")
    loss = F.cross_entropy(logits.flatten(0, 1).float(), batch["tokens"].flatten().long(), reduction="none")
    weight = batch["mask"].float().flatten()
    return (loss * weight).sum() / weight.sum()


def conv(_fused):
    def conv2d(x, name):
        return F.conv2d(x, params[f"{name}.kernel"], params[f"{name}.bias"], padding=1)

    images = batch["images"].permute(0, 3, 1, 2)  # channels last in memory
    x = conv2d(images, "first")
    for i in range(config["blocks"]):
        x = x + conv2d(F.relu(conv2d(F.relu(x), f"blocks.{i}.conv1")), f"blocks.{i}.conv2")
    return (conv2d(x, "last").float() - images).square().mean()


loss_of = {"mim": mim, "mim-small": mim, "conv": conv}[case]


def make_step(fused):
    optimizer = torch.optim.AdamW(params.values(), lr=config["lr"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05, fused=True)
    forward = torch.compile(lambda: loss_of(fused)) if mode == "compiled" else lambda: loss_of(fused)

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = forward()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


# The attention that is faster for this shape, by measuring; the weights are put back afterwards.
def best_attention():
    if case == "conv" or mode == "compiled":
        return case.startswith("mim") and not case.endswith("small")
    kept = {k: p.detach().clone() for k, p in params.items()}
    seconds = {}
    for fused in (True, False):
        step = make_step(fused)
        for _ in range(3):
            step()
        start = time.perf_counter()
        for _ in range(3):
            step()
        seconds[fused] = time.perf_counter() - start
    with torch.no_grad():
        for k, p in params.items():
            p.copy_(kept[k])
    return seconds[True] < seconds[False]


fused = best_attention()
serve(make_step(fused), {"versions": {"torch": torch.__version__}, "choice": "fused attention" if fused else "plain attention"})
