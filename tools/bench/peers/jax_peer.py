"""The bench cases in JAX: same arithmetic, same initial weights and batch, AdamW, one jitted step with donated state.

    python jax_peer.py CASE VARIANT WEIGHTS THREADS      VARIANT: f32, bf16
"""

import json
import os
import sys

case, variant, file, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} intra_op_parallelism_threads={threads}"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from safetensors import safe_open  # noqa: E402
from protocol import serve  # noqa: E402

compute = jnp.bfloat16 if variant == "bf16" else jnp.float32
with safe_open(file, framework="np") as f:
    config = json.loads(f.metadata()["config"])
    tensors = {k: f.get_tensor(k) for k in f.keys()}
batch = {k[6:]: jnp.asarray(t) for k, t in tensors.items() if k.startswith("batch.")}
params = {k[7:]: jnp.asarray(t) for k, t in tensors.items() if k.startswith("params.")}


def product(a, b):
    return jnp.matmul(a.astype(compute), b.astype(compute)).astype(jnp.float32)


def norm(p, x, name):
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * p[f"{name}.scale"] + p[f"{name}.bias"]


def linear(p, x, name):
    return product(x, p[f"{name}.weight"]) + p[f"{name}.bias"]


def attention(p, x, name):
    b, n, d = x.shape
    heads = config["heads"]
    q, k, v = linear(p, x, f"{name}.attention.qkv").reshape(b, n, 3, heads, d // heads).transpose(2, 0, 3, 1, 4)
    a = jax.nn.softmax(product(q, k.swapaxes(-2, -1)) * (d // heads) ** -0.5)
    return linear(p, product(a, v).transpose(0, 2, 1, 3).reshape(b, n, d), f"{name}.attention.out")


def mim(p):
    x = linear(p, batch["patches"], "embed")
    mask = batch["mask"].astype(jnp.float32)[..., None]
    x = x * (1 - mask) + p["maskToken"] * mask + p["positions"]
    for i in range(config["depth"]):
        name = f"blocks.{i}"
        x = x + attention(p, norm(p, x, f"{name}.norm1"), name)
        x = x + linear(p, jax.nn.gelu(linear(p, norm(p, x, f"{name}.norm2"), f"{name}.mlp.in"), approximate=False), f"{name}.mlp.out")
    logits = jax.nn.log_softmax(linear(p, norm(p, x, "norm"), "head"))
    picked = jnp.take_along_axis(logits, batch["tokens"][..., None].astype(jnp.int32), -1)[..., 0]
    weight = batch["mask"].astype(jnp.float32)
    return -(picked * weight).sum() / weight.sum()


def conv(p):
    def conv2d(x, name):
        y = jax.lax.conv_general_dilated(
            x.astype(compute), p[f"{name}.kernel"].astype(compute), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return y.astype(jnp.float32) + p[f"{name}.bias"]

    x = conv2d(batch["images"], "first")
    for i in range(config["blocks"]):
        x = x + conv2d(jax.nn.relu(conv2d(jax.nn.relu(x), f"blocks.{i}.conv1")), f"blocks.{i}.conv2")
    return ((conv2d(x, "last") - batch["images"]) ** 2).mean()


loss_of = {"mim": mim, "mim-small": mim, "conv": conv}[case]
lr, b1, b2, eps, decay = config["lr"], 0.9, 0.999, 1e-8, 0.05


def update(state):
    p, m, v, t = state
    loss, g = jax.value_and_grad(loss_of)(p)
    t = t + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, g)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, g)
    c1, c2 = 1 - b1**t, 1 - b2**t
    p = jax.tree.map(lambda p, m, v: p - lr * decay * p - lr * (m / c1) / (jnp.sqrt(v / c2) + eps), p, m, v)
    return (p, m, v, t), loss


compiled = jax.jit(update, donate_argnums=0)
state = (params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params), jnp.float32(0))
compiled = compiled.lower(state).compile()


def step():
    global state
    state, loss = compiled(state)
    return float(loss)


serve(step, {"versions": {"jax": jax.__version__}, "choice": ""})
