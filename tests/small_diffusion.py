"""Tiny networks of the real architectures, with random weights: what takes hours and gigabytes, in a second here."""

import json
import string
import tempfile
from pathlib import Path

import pytest
import torch

NEEDS_EXTRA = "needs the extra: pip install -e '.[echoalign]'"


def packages(*names: str) -> list:
    """The packages of the extra, or a skip that says how to get them."""
    return [pytest.importorskip(name, reason=NEEDS_EXTRA) for name in names]


def tokenizer():
    """One of CLIP's kind that spells, from files as the hub has them: old and new versions read these."""
    letters = [*string.ascii_lowercase, *string.digits, ",", "."]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (transformers,) = packages("transformers")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
        Path(folder, "merges.txt").write_text("#version: 0.2\n")
        return transformers.CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def pipeline(seed: int = 0):
    """Stable Diffusion with ControlNet: 64 pixels go through latents of 32 x 32."""
    _, diffusers, transformers = packages("cv2", "diffusers", "transformers")
    text = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 1,
            "num_attention_heads": 2, "bos_token_id": 76, "eos_token_id": 77, "pad_token_id": 77}  # fmt: skip
    size = {"block_out_channels": (16, 32), "norm_num_groups": 4, "cross_attention_dim": 32, "attention_head_dim": 2,
            "layers_per_block": 1, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D")}  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        up = ("CrossAttnUpBlock2D", "UpBlock2D")
        unet = diffusers.UNet2DConditionModel(sample_size=32, up_block_types=up, **size)
        controlnet = diffusers.ControlNetModel(conditioning_embedding_out_channels=(8, 16), **size)
        for layer in (*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block):
            torch.nn.init.normal_(layer.weight)  # they start at 0, so that edges would count for nothing
        torch.nn.init.normal_(controlnet.controlnet_cond_embedding.conv_out.weight)
        vae = diffusers.AutoencoderKL(block_out_channels=(8, 16), norm_num_groups=4, latent_channels=4,
                                      down_block_types=("DownEncoderBlock2D",) * 2,
                                      up_block_types=("UpDecoderBlock2D",) * 2)  # fmt: skip
        encoder = transformers.CLIPTextModel(transformers.CLIPTextConfig(**text))
    return diffusers.StableDiffusionControlNetPipeline(
        vae=vae, text_encoder=encoder, tokenizer=tokenizer(), unet=unet, controlnet=controlnet,
        scheduler=diffusers.DDIMScheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def with_safety_checker(pipeline):
    """The pipeline with the filter that the published one has: here its weights are random, too."""
    diffusers, transformers = packages("diffusers", "transformers")
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker as Checker

    vision = {"hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 32, "patch_size": 8}  # fmt: skip
    checker = Checker(transformers.CLIPConfig(vision_config=vision, projection_dim=6))
    return diffusers.StableDiffusionControlNetPipeline(
        **pipeline.components | {"safety_checker": checker, "feature_extractor": transformers.CLIPImageProcessor()})


def clip(seed: int = 0):
    """CLIP's image encoder for 32 pixels in patches of 8; 6 features."""
    (transformers,) = packages("transformers")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(
            hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, image_size=32,
            patch_size=8, projection_dim=6))  # fmt: skip
