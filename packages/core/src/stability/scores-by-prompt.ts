/** @file Each prompt scored by itself, where an algorithm's scores are means over prompts; what is done is kept. */
import { flattenScores } from '../graph/score-index.js';
import type { Graph, PruneScores } from '../graph/types.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import { batchesOf } from '../prompts/prompts.js';
import type { Prompt } from '../prompts/types.js';
import { scoresOf } from '../run/discover.js';
import type { DiscoverHooks } from '../run/hooks.js';
import type { RunPrompts } from '../run/prompts-of-run.js';
import type { DiscoverRequest } from '../run/request.js';
import { VERIFY_TOLERANCE } from '../run/verify.js';

/** Where finished pieces of the work are kept. */
export interface KeptPieces {
  /** A piece by name; null where there is none, or where it is damaged or of other work. */
  read(name: string): Promise<string | null>;
  /** Keeps a piece, whole or not at all. */
  write(name: string, text: string): Promise<void>;
}

/** What scores are made with. */
export type ScoringRequest = Pick<DiscoverRequest, 'model' | 'algo' | 'algoOptions' | 'objective' | 'batchSize'>;
type ScoringHooks = Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>;

/** Scores in canonical order, and their standard errors where the algorithm gives them: [edgeCount] each. */
export interface FlatScores {
  readonly scores: Float32Array;
  readonly errors: Float32Array | null;
}

/** The scores of these prompts alone (a prompt that is there twice counts twice). */
export async function scoresOn(
  request: ScoringRequest,
  hooks: ScoringHooks,
  prompts: readonly Prompt[],
  patch: PatchDescription,
  seed: number,
): Promise<FlatScores> {
  const { graph } = request.model;
  const train = batchesOf(prompts, request.batchSize);
  const run: RunPrompts = { train, test: train, counts: { train: prompts.length, test: prompts.length, lengths: {} } };
  const { scores, standardErrors } = await scoresOf({ ...request, seed }, hooks, run, patch, null);
  const flat = (of: PruneScores): Float32Array => Float32Array.from(flattenScores(graph, of));
  return { scores: flat(scores), errors: standardErrors ? flat(standardErrors) : null };
}

/**
 * Scores of each prompt: [prompts][edgeCount]. Null where the algorithm's scores are not means over prompts: where those of the first
 * two prompts are not the mean of their own, or those of all are not the run's.
 * @param whole the run's scores, canonical
 */
export async function scoresByPrompt(
  request: ScoringRequest,
  hooks: ScoringHooks,
  prompts: readonly Prompt[],
  patch: PatchDescription,
  { seed, whole, kept }: { readonly seed: number; readonly whole: Float64Array; readonly kept: KeptPieces },
): Promise<readonly Float32Array[] | null> {
  const [first, second] = prompts;
  if (!first || !second) return null;
  const { graph } = request.model;
  const silent = { ...hooks, onProgress: () => undefined };
  const byPrompt: Float32Array[] = [];
  for (const [i, prompt] of prompts.entries()) {
    hooks.signal?.throwIfAborted();
    const name = `prompt-${i}`;
    const before = keptScores(await kept.read(name), graph);
    const found = before ?? (await scoresOn(request, silent, [prompt], patch, seed));
    if (!before) await kept.write(name, textOfScores(found));
    byPrompt.push(found.scores);
    hooks.onProgress?.('score', i + 1, prompts.length, 'prompts');
    if (i !== 1) continue;
    const verdict = await kept.read('means');
    const areMeans =
      verdict === null
        ? agree((await scoresOn(request, silent, [first, second], patch, seed)).scores, byPrompt)
        : verdict === 'yes';
    if (verdict === null) await kept.write('means', areMeans ? 'yes' : 'no');
    if (!areMeans) return null;
  }
  return agree(whole, byPrompt) ? byPrompt : null;
}

/** Whether scores are the mean of these, within what `verify` allows for rounding. */
function agree(whole: ArrayLike<number>, parts: readonly Float32Array[]): boolean {
  let [apart, largest] = [0, 0];
  for (let e = 0; e < whole.length; e++) {
    const mean = parts.reduce((sum, values) => sum + values[e]!, 0) / parts.length;
    if (mean === whole[e]) continue; // ∞ too
    apart = Math.max(apart, Math.abs(mean - whole[e]!));
  }
  for (let e = 0; e < whole.length; e++)
    if (Number.isFinite(whole[e])) largest = Math.max(largest, Math.abs(whole[e]!));
  return apart <= VERIFY_TOLERANCE * largest;
}

/** Scores as text, exactly: float32 in base64, a line for the scores and one for their errors. */
export const textOfScores = ({ scores, errors }: FlatScores): string =>
  [scores, ...(errors ? [errors] : [])]
    .map((values) => Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'))
    .join('\n');

/** The scores of a text; null for none and for those of another graph. */
export function keptScores(text: string | null, graph: Graph): FlatScores | null {
  const [scores, errors] = (text ?? '').split('\n').map((line) => {
    const bytes = Uint8Array.from(Buffer.from(line, 'base64'));
    return bytes.length === 4 * graph.edgeCount ? new Float32Array(bytes.buffer) : null;
  });
  return scores ? { scores, errors: errors ?? null } : null;
}
