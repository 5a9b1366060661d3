"""Small random models of each family with the logits that Hugging Face transformers gives for them, as test data.

    python scripts/make-family-test-data.py [NAME …]   all or some; needs torch, transformers and safetensors

Writes packages/models/test-data/families/NAME/{config.json, config.original.json, model.safetensors, expected.safetensors}, and
the same for the example plugin. config.json is in the form that transformers 5 writes, config.original.json in the form of the
files that the models were published with (rotary keys at the top, older names). expected holds `tokens` [prompts, pos] and
`logits` [prompts, pos, vocabulary], computed in float64 with eager attention (float32 where a model insists on it).
"""

import pathlib
import sys

import torch
import transformers
from small_models import write

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "packages/models/test-data/families"

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
FOLDERS = {"arcee": ROOT / "examples/auto-circuit-plugin-arcee/test-data"}
SLIDING, FULL = "sliding_attention", "full_attention"
WIDER = {key: value for key, value in COMMON.items() if key not in ("head_dim", "rms_norm_eps")} | {"hidden_size": 16}
GPT = dict(vocab_size=13, bos_token_id=0, eos_token_id=0)
FALCON = dict(**GPT, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, ffn_hidden_size=12, max_position_embeddings=8)


def rope(theta=100.0, **more):
    return {"rope_type": "default", "rope_theta": theta, **more}


YARN = dict(rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=4)

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
    "arcee": transformers.ArceeConfig(**COMMON, num_hidden_layers=1, tie_word_embeddings=True),
    "gpt_neox": transformers.GPTNeoXConfig(
        vocab_size=13, hidden_size=16, intermediate_size=12, num_attention_heads=2, num_hidden_layers=2,
        max_position_embeddings=8, use_parallel_residual=True, bos_token_id=0, eos_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 0.5},
    ),
    # the families of one trace; every flag that the published configs have, windows and bounds that bind
    "qwen3": transformers.Qwen3Config(
        **COMMON, num_hidden_layers=2, tie_word_embeddings=False, use_sliding_window=True, sliding_window=3,
        max_window_layers=1, attention_bias=True, rope_parameters=YARN,
    ),
    "gemma1": transformers.GemmaConfig(**COMMON, num_hidden_layers=2),
    "phi2": transformers.PhiConfig(
        **{k: v for k, v in WIDER.items() if k != "num_key_value_heads"}, num_hidden_layers=2,
        rope_parameters=rope(partial_rotary_factor=0.5),
    ),
    "phi-normed": transformers.PhiConfig(
        **WIDER, num_hidden_layers=1, qk_layernorm=True, rope_parameters=rope(partial_rotary_factor=0.5),
    ),
    "phi3": transformers.Phi3Config(**WIDER, num_hidden_layers=2, sliding_window=3, rope_parameters=rope()),
    "phi4-mini": transformers.Phi3Config(
        **WIDER | {"max_position_embeddings": 32, "num_attention_heads": 2, "num_key_value_heads": 1}, num_hidden_layers=2,
        tie_word_embeddings=True, original_max_position_embeddings=8,
        rope_parameters={
            "rope_type": "longrope", "rope_theta": 100.0, "partial_rotary_factor": 0.5,
            "short_factor": [1.3, 2.1], "long_factor": [5.0, 7.0], "original_max_position_embeddings": 8,
        },
    ),
    "olmo1": transformers.OlmoConfig(**WIDER, num_hidden_layers=2, clip_qkv=0.7),
    "olmo1-plain": transformers.OlmoConfig(**WIDER, num_hidden_layers=1, tie_word_embeddings=True),
    "olmo2": transformers.Olmo2Config(**WIDER, num_hidden_layers=2),
    "olmo3": transformers.Olmo3Config(
        **WIDER, num_hidden_layers=3, sliding_window=3, layer_types=[SLIDING, SLIDING, FULL],
        rope_parameters={
            SLIDING: rope(), FULL: {**YARN, "beta_fast": 32.0, "beta_slow": 1.0, "attention_factor": 1.2},
        },
    ),
    "smollm3": transformers.SmolLM3Config(
        **WIDER, num_hidden_layers=4, no_rope_layers=[1, 1, 0, 1], tie_word_embeddings=True, rope_parameters=rope(),
    ),
    "stablelm2": transformers.StableLmConfig(
        **WIDER, num_hidden_layers=2, use_qkv_bias=True, rope_parameters=rope(partial_rotary_factor=0.5),
    ),
    "stablelm2-12b": transformers.StableLmConfig(
        **WIDER, num_hidden_layers=2, qk_layernorm=True, use_parallel_residual=True,
        rope_parameters=rope(partial_rotary_factor=0.5),
    ),
    "gptj": transformers.GPTJConfig(**GPT, n_embd=16, n_layer=2, n_head=2, n_inner=12, n_positions=8, rotary_dim=4),
    "gptneo": transformers.GPTNeoConfig(
        **GPT, hidden_size=16, num_layers=2, num_heads=2, attention_types=[[["global", "local"], 1]],
        max_position_embeddings=8, window_size=3, intermediate_size=12,
    ),
    "opt": transformers.OPTConfig(
        **GPT, hidden_size=16, num_hidden_layers=2, ffn_dim=12, num_attention_heads=2, max_position_embeddings=8,
        word_embed_proj_dim=16, pad_token_id=1,
    ),
    "bloom": transformers.BloomConfig(**GPT, hidden_size=12, n_layer=2, n_head=3),
    "falcon-7b": transformers.FalconConfig(**FALCON, multi_query=True, rope_parameters=rope()),
    "falcon-40b": transformers.FalconConfig(**FALCON, num_kv_heads=2, new_decoder_architecture=True, rope_parameters=rope()),
    "falcon2-11b": transformers.FalconConfig(
        **FALCON, num_kv_heads=2, new_decoder_architecture=True, num_ln_in_parallel_attn=1, rope_parameters=rope(),
    ),
    "falcon-rw": transformers.FalconConfig(**FALCON, multi_query=False, parallel_attn=False, bias=True, alibi=True),
    "granite": transformers.GraniteConfig(
        **WIDER, num_hidden_layers=2, embedding_multiplier=3.0, attention_multiplier=0.2, residual_multiplier=0.5,
        logits_scaling=2.0, tie_word_embeddings=True, attention_bias=True, mlp_bias=True, rope_parameters=rope(),
    ),
    "starcoder2": transformers.Starcoder2Config(
        **WIDER, num_hidden_layers=2, sliding_window=3, use_bias=True, tie_word_embeddings=True, rope_parameters=rope(),
    ),
    "cohere": transformers.CohereConfig(**WIDER, num_hidden_layers=2, logit_scale=0.5, rope_parameters=rope()),
    "cohere-qknorm": transformers.CohereConfig(
        **WIDER, num_hidden_layers=2, logit_scale=0.5, use_qk_norm=True, rope_parameters=rope(),
    ),
    "cohere2": transformers.Cohere2Config(
        **WIDER, num_hidden_layers=4, logit_scale=0.5, sliding_window=3, layer_types=[SLIDING, SLIDING, SLIDING, FULL],
        rope_parameters=rope(),
    ),
    "llama-yarn": transformers.LlamaConfig(
        **WIDER, num_hidden_layers=1, mlp_bias=True, attention_bias=True, rope_parameters=YARN,
    ),
    "llama-dynamic": transformers.LlamaConfig(
        **WIDER, num_hidden_layers=1, hidden_act="gelu_python",
        rope_parameters={"rope_type": "dynamic", "rope_theta": 100.0, "factor": 2.0},
    ),
    "gpt2-by-layer": transformers.GPT2Config(
        **GPT, n_embd=16, n_layer=2, n_head=2, n_positions=8, n_inner=12, scale_attn_by_inverse_layer_idx=True,
        reorder_and_upcast_attn=True,
    ),
    "gpt2-unscaled": transformers.GPT2Config(
        **GPT, n_embd=16, n_layer=2, n_head=2, n_positions=8, n_inner=12, scale_attn_weights=False,
        tie_word_embeddings=False,
    ),
    "neox-nobias": transformers.GPTNeoXConfig(
        **GPT, hidden_size=16, intermediate_size=12, num_attention_heads=2, num_hidden_layers=2,
        max_position_embeddings=8, use_parallel_residual=False, attention_bias=False, hidden_act="gelu_fast",
        rope_parameters=rope(partial_rotary_factor=0.5),
    ),
    # mixtures of experts: all experts, or part of them, in some layers or in all
    "mixtral": transformers.MixtralConfig(
        **WIDER, num_hidden_layers=2, num_local_experts=4, num_experts_per_tok=2, sliding_window=3, rope_parameters=rope(),
    ),
    "qwen3-moe": transformers.Qwen3MoeConfig(
        **COMMON, num_hidden_layers=3, num_local_experts=5, num_experts_per_tok=3, moe_intermediate_size=6,
        norm_topk_prob=True, mlp_only_layers=[1], attention_bias=True, tie_word_embeddings=True, rope_parameters=rope(),
    ),
    "olmoe": transformers.OlmoeConfig(
        **WIDER, num_hidden_layers=2, num_experts=4, num_experts_per_tok=2, norm_topk_prob=False, clip_qkv=0.9,
        rope_parameters=rope(),
    ),
    "gpt-oss": transformers.GptOssConfig(
        **COMMON, num_hidden_layers=2, num_local_experts=4, num_experts_per_tok=2, sliding_window=3, swiglu_limit=1.1,
        rope_parameters={**YARN, "truncate": False, "beta_fast": 32.0, "beta_slow": 1.0},
    ),
    # published so: the experts' matrices in MXFP4
    "gpt-oss-mxfp4": transformers.GptOssConfig(
        **COMMON | {"hidden_size": 32, "intermediate_size": 32}, num_hidden_layers=1, num_local_experts=2,
        num_experts_per_tok=1, sliding_window=3, rope_parameters={**YARN, "truncate": False},
    ),
}
# Falcon's eager attention adds the linear biases twice: to the mask and to the scores. Its default does not.
ATTENTION = {"falcon-rw": "sdpa"}

# Names of published configs, where they are others than those of transformers 5.
RENAMED = {
    "gpt_neox": {"rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct"},
    "bloom": {"hidden_size": "n_embed", "n_head": "num_attention_heads"},
    "falcon": {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "num_kv_heads": "n_head_kv"},
    "qwen3_moe": {"num_local_experts": "num_experts"},
}
# Published configs that leave it to the family which layers slide.
UNLISTED = {"qwen2", "qwen3", "gemma2", "smollm3", "cohere2", "gpt_oss"}


def original(config: dict) -> dict:
    """The config in the form that models of its family were published with."""
    kind = config["model_type"]
    out = {key: value for key, value in config.items() if key not in ("rope_parameters", "dtype")}
    parameters = dict(config.get("rope_parameters") or {})
    if FULL in parameters:
        scaling = dict(parameters[FULL])
        if kind == "gemma3_text":
            out["rope_local_base_freq"] = parameters[SLIDING]["rope_theta"]
    else:
        scaling = parameters
    for key in ("rope_theta", "partial_rotary_factor"):
        if key in scaling:
            out[key] = scaling.pop(key)
    name = scaling.pop("rope_type", "default")
    if name == "longrope":
        del scaling["original_max_position_embeddings"]  # at the top level there
    out["rope_scaling"] = None if name == "default" else {"type" if name != "llama3" else "rope_type": name, **scaling}
    if kind in UNLISTED:
        out.pop("layer_types", None)
    if kind == "gemma":
        out["hidden_act"] = "gelu"
    if kind == "cohere2":
        out["sliding_window_pattern"] = 4
    for before, after in RENAMED.get(kind, {}).items():
        if before in out:
            out[after] = out.pop(before)
    out["torch_dtype"] = "float32"
    return out



def main() -> None:
    for name, config in MODELS.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        torch.manual_seed(len(name))
        written = {k: v for k, v in config.to_dict().items() if not k.startswith("_")}
        packed = name == "gpt-oss-mxfp4"
        if packed:
            written["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]}
        configs = {"config.json": written, "config.original.json": original(written)}
        write(FOLDERS.get(name, OUT / name), config, configs, attention=ATTENTION.get(name, "eager"), packed=packed)


if __name__ == "__main__":
    main()
