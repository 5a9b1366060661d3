/**
 * @file Regular expressions from tokenizer.json, and long texts, under a limit of time: some patterns take 2^n steps for n
 * characters, and JavaScript's own engine cannot be interrupted from JavaScript. Node's `vm` can.
 */
import { createContext, Script } from 'node:vm';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import type { TokenizerJson } from './tokenizer-json.js';

/**
 * Patterns of published tokenizers, which need no watching: those of GPT-2, of cl100k (Llama 3), of Qwen 2 and of o200k. Watching
 * costs 0.2 ms a text, some times what a short text itself costs.
 */
const PUBLISHED: ReadonlySet<string> = new Set([
  String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
]);
/** Longer texts are watched whatever the patterns are: some steps take the square of a run of spaces. */
const LONG = 10_000;
const [BASE_MS, CHARACTERS_PER_MS] = [1500, 50];

/** Does work on a text. @throws AutoCircuitError `invalid-tokenizer` when it takes many times as long as any such text needs */
export type Watch = <T>(text: string, work: () => T) => T;

/** How texts are worked on by this tokenizer: watched where its file brings patterns of its own. */
export function watchFor(folder: string, json: TokenizerJson): Watch {
  const own = patternsIn([json.normalizer, json.pre_tokenizer, json.post_processor, json.decoder]);
  const isKnown = own.every((pattern) => PUBLISHED.has(pattern));
  return (text, work) => {
    if (isKnown && text.length <= LONG) return work();
    const milliseconds = BASE_MS + Math.ceil(text.length / CHARACTERS_PER_MS);
    const done = withinTime(milliseconds, work);
    if (done) return done.result;
    throw new AutoCircuitError({
      code: 'invalid-tokenizer',
      fields: { path: folder, milliseconds },
      where: 'tokenizer',
      what: `the tokenizer of ${folder} takes too long for a text of ${text.length} characters`,
      expected: `at most ${milliseconds} ms`,
      got: own.length > 0 && !isKnown ? `no end with the patterns of its file: ${own.join(' , ')}` : 'no end',
      fix: 'give prompts as token ids, or shorter ones',
    });
  };
}

/** The regular expressions somewhere in a value: `{ "Regex": "…" }`. */
function patternsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'Regex' && typeof inner === 'string' ? [inner] : patternsIn(inner),
  );
}

const script = new Script('work()');
const context: { work: () => void } = { work: () => undefined };
createContext(context);

/** What the work gives; null where it did not end in time and was broken off. */
function withinTime<T>(milliseconds: number, work: () => T): { readonly result: T } | null {
  let done: { readonly result: T } | null = null;
  context.work = () => {
    done = { result: work() };
  };
  try {
    script.runInContext(context, { timeout: milliseconds });
    return done;
  } catch (error) {
    // an Error of the other context, which is no instance of ours
    if ((error as Partial<NodeJS.ErrnoException> | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return null;
    throw error;
  }
}
