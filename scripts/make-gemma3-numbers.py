"""Logits and edge scores of Gemma 3 270M as Hugging Face transformers and autograd give them, as expected values of a test.

    python scripts/make-gemma3-numbers.py GEMMA3_DIR PROMPTS.json        needs torch and transformers; about 3 GB

PROMPTS.json comes from `auto-circuit dataset --generate sva --tokenizer GEMMA3_DIR --count 8 --out PROMPTS.json`. Writes
packages/cli/test-data/gemma3-sva.json: the prompts, the five highest logits at the last position of each clean prompt, and the
scores of edge attribution patching summed over heads. With g the gradient of −(mean answer logit − mean wrong logit) with respect
to what a module reads (before its norm), and d what another one adds to the residual stream in the corrupt prompt less what it
adds in the clean one, the score is the mean over prompts of Σ over positions and dimensions of g · d.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

OUT = pathlib.Path(__file__).resolve().parent.parent / "packages/cli/test-data/gemma3-sva.json"


class Watched:
    """The model with what its modules read (each through a node of its own in the graph of autograd) and what they add."""

    def __init__(self, folder):
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.model.requires_grad_(False)
        self.reads, self.adds = {}, {}
        inner = self.model.model
        inner.layers[0].register_forward_pre_hook(self.start, with_kwargs=True)
        for i, layer in enumerate(inner.layers):
            self.read(layer.input_layernorm, f"attn {i}")
            self.read(layer.pre_feedforward_layernorm, f"MLP {i}")
            self.add(layer.post_attention_layernorm, f"attn {i}")
            self.add(layer.post_feedforward_layernorm, f"MLP {i}")
        self.read(inner.norm, "Resid End")

    def start(self, module, args, kwargs):
        x = (args[0] if args else kwargs["hidden_states"]).detach().requires_grad_()
        self.adds["Resid Start"] = x
        return ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": x})

    def read(self, module, name):
        def hook(_, args):
            x = args[0] * 1  # a node that only this module reads
            x.retain_grad()
            self.reads[name] = x
            return (x, *args[1:])

        module.register_forward_pre_hook(hook)

    def add(self, module, name):
        module.register_forward_hook(lambda _, __, output: self.adds.__setitem__(name, output))

    def run(self, ids):
        return self.model(torch.tensor([ids]), use_cache=False).logits[0, -1]


def main(folder, prompts_file):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompts = json.loads(pathlib.Path(prompts_file).read_text())["prompts"]
    watched = Watched(folder)
    top, ids, scores = [], [], {}

    def one(text):
        (token,) = tokenizer(text, add_special_tokens=False)["input_ids"]
        return token

    for prompt in prompts:
        clean, corrupt = ([tokenizer.bos_token_id, *tokenizer(prompt[side], add_special_tokens=False)["input_ids"]] for side in ("clean", "corrupt"))
        watched.run(corrupt)
        patch = {name: x.detach() for name, x in watched.adds.items()}
        logits = watched.run(clean)
        answers, wrong = (torch.tensor([one(text) for text in prompt[key]]) for key in ("answers", "wrong_answers"))
        (-(logits[answers].mean() - logits[wrong].mean())).backward()
        best = torch.topk(logits, 5)
        top.append([[int(i), round(float(x), 5)] for i, x in zip(best.indices, best.values)])
        ids.append(clean)
        order = ["Resid Start"] + [f"{kind} {i}" for i in range(len(watched.model.model.layers)) for kind in ("attn", "MLP")]
        for place, destination in enumerate(order[1:] + ["Resid End"], start=1):
            for source in order[:place]:
                d = patch[source] - watched.adds[source].detach()
                edge = f"{source}->{destination}"
                scores[edge] = scores.get(edge, 0.0) + float((watched.reads[destination].grad.double() * d.double()).sum()) / len(prompts)
    result = {"prompts": prompts, "ids": ids, "logitsTop5": top, "scores": {edge: round(x, 7) for edge, x in scores.items()}}
    OUT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(f"{len(prompts)} prompts, {len(scores)} edges, largest score {max(map(abs, scores.values())):.4f}")


main(*sys.argv[1:])
