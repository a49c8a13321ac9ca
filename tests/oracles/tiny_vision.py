"""A model of pictures that is built in a moment: random weights, which tell colours and coarse shapes apart."""

from __future__ import annotations

from pathlib import Path


def tiny_model(folder: Path) -> Path:
    """A vision transformer of a few thousand random weights, which looks at 32 x 32 pixels."""
    import torch
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    ViTModel(ViTConfig(image_size=32, patch_size=8, **sizes)).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder
