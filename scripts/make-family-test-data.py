"""Small random models of each family with the logits that Hugging Face transformers gives for them, as test data.

    python scripts/make-family-test-data.py            needs torch, transformers and safetensors

Writes packages/models/test-data/families/NAME/{config.json, model.safetensors, expected.safetensors}, and the same for the example
plugin; expected holds `tokens` [prompts, pos] and `logits` [prompts, pos, vocabulary], computed in float64 with eager attention.
"""

import json
import pathlib

import torch
import transformers
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "packages/models/test-data/families"
PROMPTS, LENGTH = 2, 7

COMMON = dict(
    vocab_size=13,
    hidden_size=8,
    intermediate_size=12,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=4,
    max_position_embeddings=8,
    rms_norm_eps=1e-6,
    pad_token_id=None,
    bos_token_id=0,
    eos_token_id=0,
)
FOLDERS = {"qwen3": ROOT / "examples/auto-circuit-plugin-qwen3/test-data"}
SLIDING, FULL = "sliding_attention", "full_attention"

MODELS = {
    "gemma2": transformers.Gemma2Config(
        **COMMON, num_hidden_layers=2, sliding_window=3, query_pre_attn_scalar=6,
        attn_logit_softcapping=1.5, final_logit_softcapping=2.5,
    ),
    "gemma3": transformers.Gemma3TextConfig(
        **COMMON, num_hidden_layers=3, sliding_window=3, query_pre_attn_scalar=6, layer_types=[SLIDING, SLIDING, FULL],
        rope_parameters={
            SLIDING: {"rope_type": "default", "rope_theta": 10.0},
            FULL: {"rope_type": "linear", "factor": 2.0, "rope_theta": 1000.0},
        },
    ),
    "mistral": transformers.MistralConfig(**COMMON, num_hidden_layers=2, sliding_window=3, tie_word_embeddings=False),
    "qwen2": transformers.Qwen2Config(
        **{k: v for k, v in COMMON.items() if k != "head_dim"} | {"hidden_size": 16},
        num_hidden_layers=2, use_sliding_window=True, sliding_window=3, max_window_layers=1,
    ),
    "llama": transformers.LlamaConfig(
        **COMMON, num_hidden_layers=1, tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 100.0, "factor": 4.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 4,
        },
    ),
    "qwen3": transformers.Qwen3Config(**COMMON, num_hidden_layers=1, tie_word_embeddings=True),
    "gpt_neox": transformers.GPTNeoXConfig(
        vocab_size=13, hidden_size=16, intermediate_size=12, num_attention_heads=2, num_hidden_layers=2,
        max_position_embeddings=8, use_parallel_residual=True, bos_token_id=0, eos_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.5},
    ),
}


def main() -> None:
    for name, config in MODELS.items():
        torch.manual_seed(len(name))
        config._attn_implementation = "eager"
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                # wide enough for every part to matter, norms and biases too; Gemma's norms are kept as what is added to 1
                is_gain = "norm" in key and key.endswith("weight") and not name.startswith("gemma")
                spread = 0.5 if parameter.ndim > 1 else 0.3
                parameter.copy_(torch.randn_like(parameter) * spread + (1.0 if is_gain else 0.0))
            folder = FOLDERS.get(name, OUT / name)
            folder.mkdir(parents=True, exist_ok=True)
            tied = bool(config.tie_word_embeddings)
            state = {k: v.contiguous() for k, v in model.state_dict().items() if not (tied and k == "lm_head.weight")}
            save_file(state, folder / "model.safetensors")
            tokens = torch.randint(0, config.vocab_size, (PROMPTS, LENGTH))
            logits = model.double()(tokens).logits
            save_file({"tokens": tokens, "logits": logits.contiguous()}, folder / "expected.safetensors")
            written = {k: v for k, v in config.to_dict().items() if not k.startswith("_")}
            (folder / "config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
            print(name, sum(f.stat().st_size for f in folder.iterdir()), "bytes", float(logits.abs().max()))


if __name__ == "__main__":
    main()
