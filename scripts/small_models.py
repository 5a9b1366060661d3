"""Small random models of Hugging Face transformers as test data: what both scripts that make such data share."""

import json
import pathlib
import re
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

# these compute attention in float32 and refuse anything else
FLOAT32_FLAG = "reorder_and_upcast_attn"


def write(folder: pathlib.Path, config, configs: dict, *, attention="eager", length=7, prompts=2, packed=False, halves=False):
    """Writes a random model of this config, its logits for random tokens, and each of `configs` (file name → content).

    packed: the experts' matrices in MXFP4. halves: weights in float16, so that files are half as large; logits are of these.
    """
    config._attn_implementation = attention
    config._experts_implementation = "eager"  # the others know no float64
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        randomise(model, config.model_type)
        if halves:
            for parameter in model.parameters():
                parameter.copy_(parameter.half().float())
        blocks = pack_experts(model) if packed else {}
        folder.mkdir(parents=True, exist_ok=True)
        tied = bool(config.tie_word_embeddings)
        state = {k: v for k, v in stored(model).items() if f"{k}_blocks" not in blocks} | blocks
        state = {k: v.contiguous() for k, v in state.items() if not (tied and k == "lm_head.weight")}
        if halves:
            state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
        save_file(state, folder / "model.safetensors")
        tokens = torch.randint(0, config.vocab_size, (prompts, length))
        float32 = getattr(config, FLOAT32_FLAG, False)
        logits = (model if float32 else model.double())(tokens).logits
        save_file({"tokens": tokens, "logits": logits.contiguous()}, folder / "expected.safetensors")
    for file, content in configs.items():
        (folder / file).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    print(folder.name, sum(f.stat().st_size for f in folder.iterdir()), "bytes", float(logits.abs().max()))


def randomise(model, model_type: str) -> None:
    """Weights wide enough for every part to matter, norms and biases too; Gemma's norms are kept as what is added to 1."""
    for key, parameter in model.named_parameters():
        is_gain = re.search(r"norm|\bln_", key) and key.endswith("weight") and not model_type.startswith("gemma")
        spread = 0.5 if parameter.ndim > 1 else 0.3
        parameter.copy_(torch.randn_like(parameter) * spread + (1.0 if is_gain else 0.0))


def stored(model) -> dict:
    """The tensors as a published file has them: experts are matrices of their own there, and one tensor in memory."""
    if "num_experts_per_tok" not in model.config.to_dict():
        return model.state_dict()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(f"{folder}/model.safetensors")


def pack_experts(model) -> dict:
    """Gives the experts random matrices in MXFP4, as transformers multiplies them out; gives the packed tensors."""
    packed = {}
    for key, parameter in model.named_parameters():
        if not key.endswith(("experts.gate_up_proj", "experts.down_proj")):
            continue
        experts, columns, rows = parameter.shape  # the packed matrices lie the other way round
        blocks = torch.randint(0, 256, (experts, rows, columns // 32, 16), dtype=torch.uint8)
        scales = torch.randint(122, 126, (experts, rows, columns // 32), dtype=torch.uint8)
        parameter.copy_(convert_moe_packed_tensors(blocks, scales, dtype=torch.float32))
        packed |= {f"{key}_blocks": blocks, f"{key}_scales": scales}
    return packed
