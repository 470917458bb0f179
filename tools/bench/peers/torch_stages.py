"""The trainers' steps of a recipe in PyTorch: same arithmetic, same initial weights and batch (a safetensors file).

    python torch_stages.py CASE VARIANT WEIGHTS THREADS      VARIANT: eager-f32, eager-bf16, compiled-f32, compiled-bf16

What our steps do beside, and a trainer in PyTorch would not (metrics other than the loss, the gate of steps that are not
finite), is left out here: the comparison favours PyTorch.
"""

import sys
import time

import torch
import torch.nn.functional as F
from protocol import serve
from torch_model import decode, encode, layer_norm, linear, load, nearest_codes, vision_transformer

case, variant, file, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(threads)
mode, precision = variant.split("-")
config, batch, frozen, start = load(file)
recipe, vit, image = config["recipe"], config["vit"], config["image"]
data = {k[5:]: t for k, t in batch.items() if k.startswith("data.")}
hyper = {k[6:]: t.item() for k, t in batch.items() if k.startswith("hyper.")}
positions = frozen.get("positions")


def autocast():
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")


class Trainer:
    """Parameters under a prefix, AdamW on them, and a loss; `before` and `after` run without gradients.

    `compiled` compiles a function, or leaves it as it is.
    """

    def __init__(self, prefix, fused, compiled):
        self.fused = fused
        self.params = {k: torch.nn.Parameter(t.clone()) for k, t in start.items() if k.startswith(prefix)}
        self.buffers = {k: t.clone() for k, t in start.items() if not k.startswith(prefix)}
        self.forward = compiled(self.loss)
        options = recipe["optimizer"]
        decays = {True: [], False: []}
        for name, p in self.params.items():
            spared = p.ndim < 2 or name.endswith((".classToken", ".positions"))
            decays[options["decayAll"] or not spared].append(p)
        groups = [{"params": ps, "weight_decay": options["weightDecay"] if d else 0} for d, ps in decays.items() if ps]
        self.optimizer = torch.optim.AdamW(groups, lr=hyper["lr"], betas=options["betas"], eps=1e-8, fused=True)

    def before(self):
        return ()

    def after(self, *kept):
        pass

    def step(self):
        with torch.no_grad(), autocast():
            given = self.before()
        with autocast():
            loss, *kept = self.forward(*given)
        loss.backward()
        if recipe["optimizer"].get("clip") is not None:
            torch.nn.utils.clip_grad_norm_(self.params.values(), recipe["optimizer"]["clip"])
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self.after(*kept)
        return loss.item()


def head(p, name, x):
    """Linear maps, a batch norm by this batch after each, ReLU between."""
    layers = sum(k.startswith(name) and k.endswith(".linear.weight") for k in p)
    for i in range(layers):
        x = linear(p, f"{name}.{i}.linear", x)
        scale, bias = p.get(f"{name}.{i}.norm.scale"), p.get(f"{name}.{i}.norm.bias")
        x = F.batch_norm(x.float(), None, None, scale, bias, training=True, eps=1e-5)
        x = x if scale is None else F.relu(x)
    return x


class PerceptualNetwork(Trainer):
    def __init__(self, fused, compiled):
        super().__init__("query.", fused, compiled)
        self.averages = [t for k, t in self.buffers.items()]
        self.followed = [self.params[k.replace("key.", "query.", 1)] for k in self.buffers]
        self.keys = compiled(self.make_keys)

    def embed(self, p, name, view):
        tokens, _ = vision_transformer(p, f"{name}.encoder", vit, view, positions, self.fused)
        return head(p, f"{name}.projector", tokens[:, 0])

    def make_keys(self):
        return [F.normalize(self.embed(self.buffers, "key", data[v]), eps=1e-6) for v in ("view1", "view2")]

    def before(self):
        torch._foreach_lerp_(self.averages, self.followed, 1 - hyper["momentum"])
        return self.keys()

    def loss(self, *keys):
        temperature, total = recipe["temperature"], 0
        for view, key in zip(("view1", "view2"), reversed(keys)):
            query = head(self.params, "query.predictor", self.embed(self.params, "query", data[view]))
            with torch.autocast("cpu", enabled=False):
                logits = F.normalize(query, eps=1e-6) @ key.t() / temperature
                total = total + 2 * temperature * F.cross_entropy(logits, torch.arange(len(key)))
        return (total,)


class Codebook(Trainer):
    def __init__(self, fused, compiled):
        super().__init__("autoencoder.", fused, compiled)
        self.update = compiled(self.move_codes)

    def features(self, pictures):
        layers = recipe["loss"]["layers"]
        _, blocks = vision_transformer(perceptual, "encoder", vit, pictures, positions, self.fused, depth=max(layers))
        return [F.layer_norm(blocks[i - 1][:, 1:].float(), (vit["width"],), eps=1e-6) for i in layers]

    def loss(self):
        weights, channels, vectors = recipe["loss"], recipe["channels"], self.buffers["codebook.vectors"]
        pictures = data["images"].float()
        grid = encode(self.params, "autoencoder.encoder", pictures, image, channels).permute(0, 2, 3, 1).float()
        latents = grid.reshape(-1, grid.shape[-1])
        indices = nearest_codes(latents, vectors)
        codes = vectors[indices]
        passed = (latents + (codes - latents).detach()).reshape(grid.shape).permute(0, 3, 1, 2)
        shown = decode(self.params, "autoencoder.decoder", passed, image, channels)
        pixel = F.mse_loss(shown, pictures) / (255**2 * weights["pixelVariance"])
        with torch.no_grad():
            targets = self.features(pictures)
        distances = [F.mse_loss(a, b) for a, b in zip(self.features(shown), targets)]
        perceptual_loss = sum(distances) / len(distances)
        commitment = F.mse_loss(latents, codes)
        loss = weights["pixel"] * pixel + weights["perceptual"] * perceptual_loss + recipe["commitment"] * commitment
        return loss, latents.detach(), indices

    def move_codes(self, latents, indices, draws):
        vectors, counts, sums = (self.buffers[f"codebook.{k}"] for k in ("vectors", "counts", "sums"))
        decay, codes = recipe["decay"], len(counts)
        counts = decay * counts + (1 - decay) * torch.zeros(codes).index_add(0, indices, torch.ones(len(indices)))
        sums = decay * sums + (1 - decay) * torch.zeros_like(sums).index_add(0, indices, latents)
        loaded = counts > 1e-20
        vectors = torch.where(loaded[:, None], sums / torch.where(loaded, counts, 1.0)[:, None], vectors)
        dead = counts < recipe["restartBelow"] * len(latents) / codes
        fresh = 2 * recipe["restartBelow"] * len(latents) / codes
        drawn = latents[draws]
        return {
            "vectors": torch.where(dead[:, None], drawn, vectors),
            "counts": torch.where(dead, fresh, counts),
            "sums": torch.where(dead[:, None], drawn * fresh, sums),
        }

    def after(self, latents, indices):
        draws = torch.randperm(len(latents))[: recipe["size"]]
        for name, value in self.update(latents, indices, draws).items():
            self.buffers[f"codebook.{name}"].copy_(value)


class Pretrain(Trainer):
    def __init__(self, fused, compiled):
        super().__init__("model.", fused, compiled)
        self.channels = sum(k.startswith("autoencoder.encoder.down.") and k.endswith(".kernel") for k in frozen) * [0]
        self.tokens = compiled(self.make_tokens)

    def make_tokens(self):
        with torch.autocast("cpu", enabled=False):
            grid = encode(frozen, "autoencoder.encoder", data["view2"], image, self.channels).permute(0, 2, 3, 1)
        return nearest_codes(grid.reshape(-1, grid.shape[-1]), frozen["codebook.vectors"])

    def before(self):
        return (self.tokens(),)

    def loss(self, tokens):
        weights, hidden = data["mask"].float().topk(recipe["mask"]["count"])
        out, _ = vision_transformer(self.params, "model.vit", vit, data["view1"], positions, self.fused, data["mask"])
        rows = out[:, 1:].gather(1, hidden[..., None].expand(-1, -1, out.shape[-1]))
        logits = linear(self.params, "model.head", rows).flatten(0, 1).float()
        labels = tokens.reshape(data["mask"].shape).gather(1, hidden).flatten()
        each = F.cross_entropy(logits, labels, reduction="none") * weights.flatten()
        return (each.sum() / weights.sum(),)


class Finetune(Trainer):
    def __init__(self, fused, compiled):
        super().__init__("classifier.", fused, compiled)

    def loss(self):
        tokens, _ = vision_transformer(self.params, "classifier.vit", vit, data["images"], positions, self.fused)
        mean = layer_norm(self.params, "classifier.norm", tokens[:, 1:].float().mean(1))
        logits = linear(self.params, "classifier.head", mean).float()
        return (F.cross_entropy(logits, data["labels"].long(), label_smoothing=recipe["smoothing"]),)


def faster_attention(kind):
    """Whether the fused attention is faster for this step, by measuring it eagerly; each try has weights of its own."""
    seconds = {}
    for fused in (False, True):
        step = kind(fused, lambda fn: fn).step
        for _ in range(5):
            step()
        begun = time.perf_counter()
        for _ in range(10):
            step()
        seconds[fused] = time.perf_counter() - begun
    return seconds[True] < seconds[False]


perceptual = {k[11:]: t for k, t in frozen.items() if k.startswith("perceptual.")}
perceptual = {f"encoder.{k}": t for k, t in perceptual.items()}
trainers = {
    "perceptual-network": PerceptualNetwork,
    "codebook": Codebook,
    "pretrain": Pretrain,
    "finetune": Finetune,
}
fused = faster_attention(trainers[case])
compiled = (lambda fn: torch.compile(fn, dynamic=False)) if mode == "compiled" else (lambda fn: fn)
trainer = trainers[case](fused, compiled)
choice = "fused attention" if fused else "plain attention"
serve(trainer.step, {"versions": {"torch": torch.__version__}, "choice": choice})
