"""What Hugging Face transformers makes of token ids and texts: the other side of `auto-circuit validate`.

Reads a request from stdin and writes its answer to stdout, both JSON:
    {"folder": ..., "tokens": [[id, ...], ...], "texts": [...], "double": true}
    {"versions": ..., "dtype": ..., "logits": base64 of float32 [prompts, vocabulary] at the last position, "ids": [[id, ...], ...]}
`logits` or `ids` is null where it was not asked for. What fails is {"failed": its sentence}.
"""

import base64
import json
import os
import sys

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false")


def logits_of(folder, tokens, double):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_grad_enabled(False)
    dtype = torch.float64 if double else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True).eval()
    rows = [model(torch.tensor([ids]), use_cache=False).logits[0, -1].float().numpy().tobytes() for ids in tokens]
    return base64.b64encode(b"".join(rows)).decode()


def ids_of(folder, texts):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]


def answer(request):
    import torch
    import transformers

    folder, tokens, texts, double = (request[key] for key in ("folder", "tokens", "texts", "double"))
    dtype = "float64" if double else "float32"
    logits = None
    if tokens:
        try:
            logits = logits_of(folder, tokens, double)
        except RuntimeError:
            if not double:
                raise
            dtype, logits = "float32", logits_of(folder, tokens, False)  # some models insist on it
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}"
    return {"versions": versions, "dtype": dtype, "logits": logits, "ids": ids_of(folder, texts) if texts else None}


def main():
    request = json.load(sys.stdin)
    try:
        result = answer(request)
    except Exception as error:  # noqa: BLE001 — whatever it is, the other side says it
        result = {"failed": f"{type(error).__name__}: {error}"}
    json.dump(result, sys.stdout)


main()
