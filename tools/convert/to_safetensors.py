"""Converts published PyTorch weights to safetensors, for `perceptualNetwork.weights` and `codebook.weights` of a recipe.

    pip install torch safetensors                # and `pip install dall-e` for DALL-E's encoder.pkl
    python tools/convert/to_safetensors.py encoder.pkl dall-e-encoder.safetensors
    python tools/convert/to_safetensors.py vit-b-300ep.pth.tar mocov3-vit-b16.safetensors
    python tools/convert/to_safetensors.py vgg16-397923af.pth vgg.pth vgg16.safetensors    # LPIPS's weights of the layers, too

A PyTorch file is a pickle, which can run anything when it is read: convert only files whose origin you trust. Names stay as
they are; numbers become float32; counters (whole numbers) are left out. docs/weights.md says what each file is and under
which licence.
"""

import sys

import torch
from safetensors.torch import save_file

# Where a training run's file keeps the network.
PARTS = ("state_dict", "model", "teacher", "module")


def tensors_of(path):
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        print(f"{path} holds more than tensors ({type(error).__name__}): its code is run to read it", file=sys.stderr)
        found = torch.load(path, map_location="cpu", weights_only=False)
    if isinstance(found, torch.nn.Module):
        found = found.state_dict()
    for part in PARTS:
        if isinstance(found.get(part), dict):
            found = found[part]
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor) and value.is_floating_point()}


def main(words):
    if len(words) < 2 or not words[-1].endswith(".safetensors"):
        sys.exit(__doc__)
    tensors = {}
    for path in words[:-1]:
        for name, value in tensors_of(path).items():
            if name in tensors:
                sys.exit(f"{path}: {name} is in an earlier file, too")
            tensors[name] = value.float().contiguous().clone()
    save_file(tensors, words[-1])
    print(f"{words[-1]}: {len(tensors)} tensors, {sum(value.numel() for value in tensors.values()):,} numbers")


main(sys.argv[1:])
