"""Small random models by the configs of published ones, with the logits that Hugging Face transformers gives for them, as test data.

    python scripts/make-config-test-data.py [NAME …]   all or some; needs torch, transformers and safetensors

scripts/real-configs.json holds the keys of each published config.json that say what a model computes, as they are there (lists with
an entry for every layer or frequency are cut to one period). Here sizes are made small, and nothing else is changed. Writes
packages/models/test-data/configs/ORG--NAME/{config.json, model.safetensors, expected.safetensors}: weights in float16, and `tokens`
and `logits` as make-family-test-data.py has them. Needs no internet.
"""

import copy
import json
import pathlib
import sys
import zlib

import torch
import transformers
from small_models import write

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "packages/models/test-data/configs"
VOCABULARY, WIDTH, POSITIONS, WINDOW = 13, 12, 8, 3
# one period of what alternates from layer to layer; 2 layers else
LAYERS = {"cohere2": 4, "gemma3_text": 6, "olmo3": 4, "smollm3": 4}
# tables of positions that are weights, so that the longest prompt is a size
LEARNED = {"gpt2", "gpt_neo", "opt"}
FALCON_ALIBI = "sdpa"  # Falcon's eager attention adds the linear biases twice: to the mask and to the scores

# keys of the same size under its different names
HIDDEN = ("hidden_size", "n_embd", "n_embed", "word_embed_proj_dim")
HEADS = ("num_attention_heads", "n_head", "num_heads")
KV_HEADS = ("num_key_value_heads", "num_kv_heads")
DEPTH = ("num_hidden_layers", "n_layer", "num_layers")
INNER = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", "moe_intermediate_size")
EXPERTS = ("num_local_experts", "num_experts")
WINDOWS = ("sliding_window", "window_size")


def first(config: dict, names: tuple) -> int | None:
    return next((config[name] for name in names if config.get(name) is not None), None)


def shrunk(published: dict) -> dict:
    """The config with small sizes: heads in the same kind of groups, heads of another size than their share where they are so."""
    config = copy.deepcopy(published)

    def put(names: tuple, value: int) -> None:
        config.update({name: value for name in names if config.get(name) is not None})

    packed = "quantization_config" in config
    heads, groups, width = first(config, HEADS), first(config, KV_HEADS), first(config, HIDDEN)
    kv_heads = min(groups or heads, 2)
    small_heads = kv_heads * (1 if groups in (None, heads) else 2)
    if config.get("multi_query") and not config.get("new_decoder_architecture"):
        small_heads = 3
    own_size = config.get("head_dim")
    share = config.get("partial_rotary_factor") or config.get("rotary_pct") or 1
    size = next(n for n in range(8, 64, 4) if (n * share) % 2 == 0)
    hidden = small_heads * size + (4 if own_size and own_size * heads != width else 0)
    put(HIDDEN, 32 if packed else hidden)
    put(HEADS, small_heads)
    put(KV_HEADS, kv_heads)
    put(INNER, 32 if packed else WIDTH)
    put(DEPTH, LAYERS.get(config["model_type"], 2))
    put(EXPERTS, 6 if (first(config, EXPERTS) or 0) > 8 else 4)
    put(("num_experts_per_tok", "experts_per_token"), 2 if config.get("num_experts_per_tok", 0) < 3 else 3)
    if own_size:
        config["head_dim"] = size
    if "rotary_dim" in config:
        config["rotary_dim"] = size // 2
    for name in WINDOWS:
        if config.get(name) and config[name] < config["max_position_embeddings"]:
            config[name] = WINDOW
    if config["model_type"] in LEARNED:
        put(("n_positions", "n_ctx", "max_position_embeddings"), POSITIONS)
    if "attention_types" in config:
        config["attention_types"] = [[config["attention_types"][0][0], 1]]
    scaling = config.get("rope_scaling") or {}
    if scaling.get("type") == "longrope":
        # one config has a context that its prompts exceed, another one that they do not
        context = 4 if "128k" in config["name"] else POSITIONS
        config["max_position_embeddings"] *= context / config["original_max_position_embeddings"]
        config["max_position_embeddings"] = int(config["max_position_embeddings"])
        config["original_max_position_embeddings"] = context
        for factors in ("long_factor", "short_factor"):
            scaling[factors] = scaling[factors][: int(size * share) // 2]
    config["vocab_size"] = VOCABULARY
    del config["name"]
    return config


def main() -> None:
    published = json.loads((ROOT / "scripts/real-configs.json").read_text())
    for name, keys in published.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        torch.manual_seed(zlib.crc32(name.encode()))
        small = shrunk({**keys, "name": name})
        plain = {key: value for key, value in copy.deepcopy(small).items() if key != "quantization_config"}
        ids = {"pad_token_id": None, "bos_token_id": 0, "eos_token_id": 0}
        config = transformers.CONFIG_MAPPING[small["model_type"]].from_dict({**plain, **ids})
        write(
            OUT / name.replace("/", "--"), config, {"config.json": small}, halves=True,
            attention=FALCON_ALIBI if small.get("alibi") else "eager", packed="quantization_config" in small,
        )


if __name__ == "__main__":
    main()
