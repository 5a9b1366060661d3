"""Measures graphs with the Python evaluator of the MIB circuit track: what `compare-mib.mjs` compares ours with.

    python mib-peer.py JOB.json RESULT.json

Needs torch, transformers and transformer_lens, and on PYTHONPATH a folder that holds the packages `eap` (EAP-IG) and
`MIB_circuit_track` of that project. Models are GPT-2s and Llamas in Hugging Face's form; prompts are token ids of one length a batch.
"""

import contextlib
import io
import json
import sys
import time

import torch
import transformers
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights, convert_llama_weights

import eap.attribute
import eap.evaluate
from eap.graph import Graph
from MIB_circuit_track.evaluation import evaluate_area_under_curve, evaluate_area_under_roc


def hooked(folder: str) -> HookedTransformer:
    """The model as it is, without folding or centering; its logits are checked against those of transformers."""
    source = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    config = source.config
    shared = dict(
        **dict(n_layers=config.num_hidden_layers, d_model=config.hidden_size, n_heads=config.num_attention_heads),
        **dict(n_ctx=min(config.max_position_embeddings, 256), d_vocab=config.vocab_size, device="cpu"),
        **dict(default_prepend_bos=False, original_architecture=config.architectures[0]),
        **dict(use_attn_result=True, use_split_qkv_input=True, use_hook_mlp_in=True, ungroup_grouped_query_attention=True),
    )
    if config.model_type == "gpt2":
        own = dict(act_fn=config.activation_function, normalization_type="LN", eps=config.layer_norm_epsilon)
        own |= dict(d_mlp=config.n_inner or 4 * config.n_embd, d_head=config.n_embd // config.n_head)
        shared["n_ctx"] = config.n_positions
        convert = convert_gpt2_weights
    else:
        d_head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        base = config.rope_parameters["rope_theta"] if hasattr(config, "rope_parameters") else config.rope_theta
        own = dict(act_fn=config.hidden_act, normalization_type="RMS", eps=config.rms_norm_eps, gated_mlp=True, final_rms=True)
        own |= dict(positional_embedding_type="rotary", rotary_dim=d_head, rotary_base=base, rotary_adjacent_pairs=False)
        own |= dict(d_mlp=config.intermediate_size, d_head=d_head, n_key_value_heads=config.num_key_value_heads)
        convert = convert_llama_weights
    cfg = HookedTransformerConfig(**shared, **own)
    model = HookedTransformer(cfg, move_to_device=False)
    model.load_and_process_state_dict(
        model.fill_missing_keys(convert(source, cfg)),
        **dict(fold_ln=False, center_writing_weights=False, center_unembed=False, fold_value_biases=False),
    )
    tokens = torch.randint(0, cfg.d_vocab, (2, 8))
    with torch.inference_mode():
        expected, got = source(tokens).logits, model(tokens)
    worst = float((expected - got).abs().max() / expected.abs().max())
    if worst > 1e-4:
        raise SystemExit(f"TransformerLens reads {folder} as another model: logits differ by {worst}")
    return model


def by_tokens(model, clean, corrupted, **_):
    """In place of eap's tokenizing: prompts are token ids already, both sides of one length."""
    clean, corrupted = torch.tensor(clean), torch.tensor(corrupted)
    lengths = torch.full((len(clean),), clean.shape[1])
    return clean, corrupted, torch.ones_like(clean), torch.ones_like(corrupted), lengths, clean.shape[1]


eap.evaluate.tokenize_batch_pair = by_tokens
eap.attribute.tokenize_batch_pair = by_tokens


def logit_difference(logits, _clean_logits, _lengths, labels):
    """[batch]: the answer's logit minus the wrong one's, at the last position."""
    last = logits[:, -1]  # [batch, vocab]
    answers = torch.tensor(labels)  # [batch, 2]
    both = last.gather(1, answers)
    return both[:, 0] - both[:, 1]


def batches(prompts, size):
    """[(clean, corrupt, labels)], each of prompts of one length."""
    by_length = {}
    for prompt in prompts:
        by_length.setdefault(len(prompt["clean"]), []).append(prompt)
    for same in by_length.values():
        for start in range(0, len(same), size):
            part = same[start : start + size]
            yield [[p["clean"] for p in part], [p["corrupt"] for p in part], [[p["answers"][0], p["wrong_answers"][0]] for p in part]]


def main(job_path: str, result_path: str) -> None:
    with open(job_path) as file:
        job = json.load(file)
    torch.set_num_threads(job.get("threads", 2))
    torch.set_grad_enabled(False)
    model = hooked(job["model"])
    data = list(batches(job["prompts"], job.get("batch", 8)))
    results = []
    for graph in job["graphs"]:
        started = time.time()
        curves = {}
        for ranking in graph["rankings"]:
            with contextlib.redirect_stdout(io.StringIO()):
                counts, under, from_1, average, faithfulness = evaluate_area_under_curve(
                    *(model, Graph.from_json(graph["path"]), data, logit_difference),
                    **dict(quiet=True, level=graph["level"], absolute=ranking == "absolute", apply_greedy=graph["greedy"]),
                )
            curves[ranking] = dict(counts=counts, cpr=under, cmd=from_1, average=average, faithfulness=faithfulness)
        roc = None
        if graph.get("reference"):
            roc = evaluate_area_under_roc(Graph.from_json(graph["reference"]), Graph.from_json(graph["path"]))
        print(graph["name"], f"{time.time() - started:.1f} s", file=sys.stderr, flush=True)
        results.append(dict(name=graph["name"], curves=curves, roc=roc))
    scores = None
    if job.get("attribute"):
        torch.set_grad_enabled(True)
        own = Graph.from_model(model)
        loss = lambda *parts: -logit_difference(*parts).mean()  # noqa: E731
        one_by_one = list(batches(job["prompts"], 1))  # scores are sums of means over batches: with one prompt each, plain means
        for method, options in job["attribute"].items():
            eap.attribute.attribute(model, own, one_by_one, loss, method, quiet=True, **options)
            scores = {**(scores or {}), method: {name: float(edge.score) for name, edge in own.edges.items()}}
    with open(result_path, "w") as file:
        json.dump(dict(graphs=results, scores=scores), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
