"""Small tokenizers of the kinds that language models have, and what Python's `tokenizers` makes of strings with them.

    python3 scripts/tokenizers/make.py packages/models/test-data/tokenizers
    python3 scripts/tokenizers/make.py many --strings 5000 && node scripts/tokenizers/compare.mjs many

Writes strings.json and, for each tokenizer, NAME/tokenizer.json and NAME/expected.json: ids of every string and the text that
they decode to, null where it is the string itself. The same arguments write the same bytes.
"""
import argparse
import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SENTENCES = """
When Mary and John went to the store, John gave a drink to Mary.
The war began in the year 1732 and ended in the year 1756, twenty-four years later.
She said: "I can't do it, but they've done it, and we'll see what he'd say."
The capital of France is Paris; the capital of Japan is Tokyo!
def add(first, second):\n    return first + second  # 3.14159
if (x >= 10 && y != 0) { z = x / y; }\n\n\n
Nobody knew why the engineers above the lake were singing so loudly.
Der Bär trinkt süßen Kaffee, während die Straße gesperrt ist.
L'été dernier, nous étions à la plage avec des élèves très âgés.
El niño pequeño comió una manzana y después durmió.
Сегодня утром мы пошли в парк и видели много птиц.
Το παιδί παίζει στον κήπο κάθε απόγευμα.
ذهب الولد إلى المدرسة في الصباح الباكر.
הילדה קראה ספר ליד החלון בבית.
今天早上我们去了公园,看见了很多鸟。
明日は友達と一緒に映画を見に行きます。
오늘 아침에 우리는 공원에 갔습니다.
हम आज सुबह बाग में गए थे।
Party time 🎉🎊 with family 👨‍👩‍👧‍👦 and flags 🇩🇪🇯🇵 and thumbs 👍🏽!
Prices: $5.00, 10 %, €7 – or £3 — and 1,000,000 more… (maybe)
email@example.org, https://example.org/a_b?c=d&e=f#g
""".strip().split("\n")
WORDS = sorted({word for sentence in SENTENCES for word in sentence.replace("\\n", "\n").split(" ")})
RARE = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2003", "\u0085", "\ufeff", "\u200b", "\u200d",
    "e\u0301", "n\u0303", "A\u030a", "ﬁ", "½", "²", "Ⅷ", "٣٤", "१२", "①", "İ", "ß", "ſ", "ς", "Å", "\u1e9b\u0323", "한", "\u1112\u1161\u11ab",
    "_", "__init__", "'s", "'S", "'ll", "''", "...", "!?!", "--", "▁", "▁a", "<s>", "</s>", "<unk>", "<|end|>", "<|start|>user",
    "cat", "cats", "concat", "cat.", "_cat", "the cat sat", "DOG", "dog", "[MASK]", " [MASK] ", "a[MASK]b", "x  [MASK]  y",
    "𝒳", "🦜", "\U000e0067", "☺️", "é", "0", "00", "7", "3.5", "1e-5", "12345678",
]  # fmt: skip


def strings(count: int) -> list[str]:
    """The sentences, the rare things alone, then random rows of both."""
    rng = random.Random(1)
    out = [text.replace("\\n", "\n") for text in SENTENCES] + RARE
    while len(out) < count:
        parts = [rng.choice(RARE if rng.random() < 0.35 else WORDS) for _ in range(rng.randint(1, 8))]
        out.append("".join(part + rng.choice([" ", " ", " ", "", "  ", "\n"]) for part in parts)[: rng.randint(3, 60)])
    return out[:count]


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def bpe(**options) -> Tokenizer:
    return Tokenizer(models.BPE(**options))


def spaces_as(decoder_strips: bool):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if decoder_strips else []))


def byte_level(pre=None, prefix=False, regex=True, normalizer=None, added=(), size=450, **options) -> Tokenizer:
    tokenizer = bpe(**options)
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*pre, level]) if pre else level
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    )
    tokenizer.add_special_tokens(["<|end|>", "<|start|>"])
    tokenizer.add_tokens(list(added))
    return tokenizer


def spaced_bpe(normalizer=None, pre=None, decoder=None, fallback=True, added=(), size=600) -> Tokenizer:
    """BPE over characters, with `▁` for spaces: what is made of SentencePiece's models."""
    special = ["<unk>", "<s>", "</s>"] + (BYTES if fallback else [])
    tokenizer = bpe(unk_token="<unk>", byte_fallback=fallback, fuse_unk=True)
    # trained on words, also where the finished tokenizer does not cut at spaces
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, limit_alphabet=150, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    state = json.loads(tokenizer.to_str())
    state["normalizer"] = json.loads(normalizer.__getstate__()) if normalizer else None
    state["pre_tokenizer"] = json.loads(pre.__getstate__()) if pre else None
    state["decoder"] = json.loads(decoder.__getstate__()) if decoder else None
    state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens(list(added))
    return tokenizer


def unigram(pre, normalizer=None, decoder=None, fallback=False, added=(), size=500) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoder or decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>"] + (BYTES if fallback else [])
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator([text for text in SENTENCES if text.isascii()] * 3, trainer)
    state = json.loads(tokenizer.to_str())
    state["model"]["vocab"] = [[piece, round(score, 6)] for piece, score in state["model"]["vocab"]]
    if fallback:
        state["model"]["byte_fallback"] = True
        state["added_tokens"] = [token for token in state["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens(list(added))
    return tokenizer


def words(pre) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(SENTENCES, trainers.WordLevelTrainer(special_tokens=["<unk>", "<s>"], show_progress=False))
    return tokenizer


def added_tokens() -> list[AddedToken]:
    return [
        AddedToken("cat", single_word=True, normalized=False),
        AddedToken("dog", single_word=True, normalized=True),
        AddedToken("[MASK]", lstrip=True, rstrip=True, normalized=False),
        AddedToken("  ", normalized=False),
        AddedToken("été", normalized=True),
    ]


split = pre_tokenizers.Split
TOKENIZERS = {
    "gpt2": lambda: byte_level(),
    "llama3": lambda: byte_level([split(Regex(LLAMA3), "isolated")], regex=False, ignore_merges=True),
    "qwen2": lambda: byte_level([split(Regex(QWEN2), "isolated")], regex=False, normalizer=normalizers.NFC()),
    "smollm": lambda: byte_level([pre_tokenizers.Digits(individual_digits=True)]),
    "prefix-space": lambda: byte_level(prefix=True, added=added_tokens()),
    "deepseek": lambda: byte_level(
        [split(Regex(r"\p{N}{1,3}"), "isolated"), split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"), split(Regex(r"[\s\p{P}]"), "merged_with_next")],
        regex=False, added=added_tokens(),
    ),  # fmt: skip
    "punctuated": lambda: byte_level(
        [pre_tokenizers.Punctuation("isolated"), split(" ", "merged_with_next"), split(Regex(r"\d"), "contiguous")],
        regex=False, normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()]), added=added_tokens(),
    ),  # fmt: skip
    "llama2": lambda: spaced_bpe(
        normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None, spaces_as(True)
    ),
    "mistral": lambda: spaced_bpe(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), spaces_as(True), added=added_tokens()),
    "metaspace-split": lambda: spaced_bpe(
        normalizers.NFKC(), pre_tokenizers.Metaspace(prepend_scheme="always", split=True), decoders.Metaspace(), fallback=False
    ),
    "gemma": lambda: spaced_bpe(normalizers.Replace(" ", "▁"), split(" ", "merged_with_previous"), spaces_as(False), added=added_tokens()),
    "unigram": lambda: unigram(pre_tokenizers.Metaspace(prepend_scheme="always", split=True), normalizers.NFKC(), added=added_tokens()),
    "unigram-bytes": lambda: unigram(
        pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Metaspace(prepend_scheme="first", split=True)]),
        None, spaces_as(False), fallback=True,
    ),  # fmt: skip
    "words": lambda: words(pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("removed")])),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--strings", type=int, default=300)
    asked = parser.parse_args()
    texts = strings(asked.strings)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "strings.json").write_text(json.dumps(texts, ensure_ascii=True, indent=0) + "\n")
    for name, make in TOKENIZERS.items():
        tokenizer = make()
        folder = asked.out / name
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        rows = []
        for text in texts:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=False)
            rows.append(json.dumps([ids, None if decoded == text else decoded], separators=(",", ":")))
        (folder / "expected.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")
        print(f"{name}: {tokenizer.get_vocab_size()} tokens, {len(texts)} strings")


main()
