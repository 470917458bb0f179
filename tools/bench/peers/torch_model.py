"""Weights from the file of `peco bench`, and the vision transformer and VQ autoencoder of the recipes, in PyTorch.

Parameters are looked up by the paths that they have in our state. Products and convolutions follow autocast; what our
steps compute in float32 whatever the precision (norms, losses, codes) does so here.
"""

import json

import torch
import torch.nn.functional as F
from safetensors import safe_open


def load(file):
    """(configuration, batch, frozen tensors, everything else) with layouts as PyTorch likes them."""
    with safe_open(file, framework="pt") as f:
        config = json.loads(f.metadata()["config"])
        tensors = {k: f.get_tensor(k) for k in f.keys()}
    groups = {"batch": {}, "frozen": {}, "state": {}}
    for name, t in tensors.items():
        group = name.split(".")[0] if name.split(".")[0] in groups else "state"
        short = name if group == "state" else name[len(group) + 1 :]
        groups[group][short] = t if group == "batch" else native(short, t)
    return config, groups["batch"], groups["frozen"], groups["state"]


def native(name, t):
    if t.ndim == 2 and name.endswith(".weight"):  # [in, out] -> [out, in]
        return t.t().contiguous()
    if t.ndim == 4:  # [h, w, a, b] -> [b, a, h, w]; of a transposed convolution a is its output, as PyTorch has it
        return t.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    return t.contiguous()


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p.get(f"{name}.bias"))


def layer_norm(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.scale"], p[f"{name}.bias"], 1e-6)


def attention(p, name, x, heads, fused):
    b, n, d = x.shape
    q, k, v = linear(p, f"{name}.qkv", x).reshape(b, n, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
    if fused:
        o = F.scaled_dot_product_attention(q, k, v)
    else:
        o = ((q * (d // heads) ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v
    return linear(p, f"{name}.out", o.transpose(1, 2).reshape(b, n, d))


def normalise(pictures, image):
    """[batch, height, width, 3], 0..255."""
    mean, std = torch.tensor(image["mean"]), torch.tensor(image["std"])
    return pictures.float() * (1 / (255 * std)) - mean / std


def patches(x, patch):
    b, h, w, c = x.shape
    return x.reshape(b, h // patch, patch, w // patch, patch, c).transpose(2, 3).reshape(b, -1, patch * patch * c)


def vision_transformer(p, name, vit, pictures, positions, fused, mask=None, depth=None):
    """(tokens after the final norm where there is one, outputs of the blocks)."""
    x = linear(p, f"{name}.patchEmbedding", patches(normalise(pictures, vit), vit["patch"]))
    if mask is not None:
        m = mask.float().unsqueeze(-1)
        x = x * (1 - m) + p[f"{name}.maskToken"] * m
    x = x + positions
    x = torch.cat([p[f"{name}.classToken"].expand(x.shape[0], -1, -1), x], 1)
    blocks = []
    for i in range(depth or vit["depth"]):
        block = f"{name}.blocks.{i}"
        x = x + attention(p, f"{block}.attention", layer_norm(p, f"{block}.norm1", x), vit["heads"], fused)
        x = x + linear(p, f"{block}.mlp.out", F.gelu(linear(p, f"{block}.mlp.in", layer_norm(p, f"{block}.norm2", x))))
        blocks.append(x)
    return (layer_norm(p, f"{name}.norm", x) if f"{name}.norm.scale" in p else x), blocks


def residual(p, name, x):
    for i in range(sum(k.startswith(name) and k.endswith(".0.kernel") for k in p)):
        y = F.conv2d(F.relu(x), p[f"{name}.{i}.0.kernel"], p[f"{name}.{i}.0.bias"], padding=1)
        x = x + F.conv2d(F.relu(y), p[f"{name}.{i}.1.kernel"], p[f"{name}.{i}.1.bias"])
    return x


def encode(p, name, pictures, image, channels):
    """Latents [batch, width, rows, columns], channels last in memory."""
    x = normalise(pictures, image).permute(0, 3, 1, 2)
    for i in range(len(channels)):
        down = f"{name}.down.{i}"
        x = F.conv2d(x if i == 0 else F.relu(x), p[f"{down}.kernel"], p[f"{down}.bias"], stride=2, padding=1)
    x = residual(p, f"{name}.blocks", x)
    return F.conv2d(x, p[f"{name}.out.kernel"], p[f"{name}.out.bias"])


def decode(p, name, latents, image, channels):
    """Pictures [batch, height, width, 3], about 0..255."""
    x = residual(p, f"{name}.blocks", F.conv2d(latents, p[f"{name}.in.kernel"], p[f"{name}.in.bias"], padding=1))
    for i in range(len(channels)):
        up = f"{name}.up.{i}"
        x = F.conv_transpose2d(x if i == 0 else F.relu(x), p[f"{up}.kernel"], p[f"{up}.bias"], stride=2, padding=1)
    return 255 * (x.permute(0, 2, 3, 1).float() * torch.tensor(image["std"]) + torch.tensor(image["mean"]))


def nearest_codes(latents, vectors):
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return (vectors.square().sum(1) - 2 * (latents.float() @ vectors.t())).argmin(1)
