/** @file What heads do to the loss when their queries or keys change: through the softmax exactly, from there on to first order. */
import {
  AutoCircuitError,
  type DestinationBlock,
  floatTensor,
  type Graph,
  type PatchableModel,
  type PromptBatch,
  type Tensor,
} from '@auto-circuit/core/plugin';

type Numbers = Tensor<Float32Array>;

/** What one layer's attention has on one side; groups share a KV head. */
export interface AttentionValues {
  /** [prompts, groups, heads per group, pos, dHead]. */
  readonly q: Numbers;
  /** [prompts, groups, heads per group or 1, keys, dHead]. */
  readonly k: Numbers;
  /** What softmax is taken of, hidden keys included: [prompts, groups, heads per group, pos, keys]. */
  readonly scores: Numbers;
  /** The same shape; rows add up to 1. */
  readonly pattern: Numbers;
}

/** What one layer's attention has on both sides. */
export interface SideValues {
  readonly site: string;
  readonly clean: AttentionValues;
  readonly corrupt: AttentionValues;
}

/** Values of the attention on both sides, by the sites of blocks: where all edges into a query are patched, it is that of the other side. */
export async function readSides(
  model: PatchableModel,
  batch: PromptBatch,
  blocks: readonly DestinationBlock[],
): Promise<ReadonlyMap<string, SideValues>> {
  if (blocks.length === 0) return new Map();
  const roles = ['attn.q', 'attn.k', 'attn.scores', 'attn.pattern'];
  const [clean, corrupt] = [
    await model.readValues(batch, 'clean', roles),
    await model.readValues(batch, 'corrupt', roles),
  ];
  const at = (values: typeof clean, site: string): AttentionValues => ({
    q: values[`${site}.q`]!,
    k: values[`${site}.k`]!,
    scores: values[`${site}.scores`]!,
    pattern: values[`${site}.pattern`]!,
  });
  const sites = new Set(blocks.map(({ site }) => site));
  return new Map([...sites].map((site) => [site, { site, clean: at(clean, site), corrupt: at(corrupt, site) }]));
}

/**
 * The scores of the edges into Q and K of a site, corrected to what the heads' queries and keys do.
 * @param scores [prompts, position?, heads, sources] by module
 * @param gradient ∂M/∂pattern on the clean side [prompts, groups, heads per group, pos, keys]
 */
export function withHeadEffects(
  blocks: readonly DestinationBlock[],
  scores: Readonly<Record<string, Numbers>>,
  { site, clean, corrupt }: SideValues,
  gradient: Numbers,
  places: Places,
): Readonly<Record<string, Numbers>> {
  const effects = headEffects(site, clean, corrupt, gradient, places);
  return Object.fromEntries(blocks.map((block) => [block.module, withTotals(scores[block.module]!, block, effects)]));
}

/** Which positions have edges together, and so change together. */
export interface Places {
  readonly count: number;
  /** By prompt, the place of each of its own positions. */
  readonly of: readonly (readonly number[])[];
}

/** All positions together; each by itself; or those of each span, by prompt. */
export function placesOf({ options: { positions } }: Graph, { prompts, length }: PromptBatch): Places {
  const each = Array.from({ length }, (_, i) => i);
  const of = prompts.map(({ spans }) => (positions === null ? each.map(() => 0) : (spans ?? each)));
  const bySpan = prompts.some(({ spans }) => spans);
  return { count: positions === null ? 1 : bySpan ? positions : length, of };
}

/** First-order change of the loss with a head's pattern, when what the head reads is that of the other side. */
export interface HeadEffects {
  readonly heads: number;
  /** How many places there are: own positions or spans, or 1 where all change together. */
  readonly places: number;
  /** [prompts, heads, places]. */
  readonly q: Float64Array;
  /** [prompts, heads, places]. */
  readonly k: Float64Array;
}

/** Far above what rounding in float32 does to scores and patterns, and too little to matter to an effect where it is passed over. */
const TOLERANCE = 1e-3;

/**
 * Σ (pattern with the other side's query − pattern) · ∂M/∂pattern, for every query; and the same for keys.
 * No model is run: scores are scale · q·k and what does not depend on either.
 *
 * @param gradient ∂M/∂pattern on the clean side, shaped like the pattern
 * @param places positions that change together: a query sees the other keys of one place at a time
 * @throws AutoCircuitError `unsupported-model` where scores or patterns are made in another way
 */
export function headEffects(
  site: string,
  clean: AttentionValues,
  corrupt: AttentionValues,
  gradient: Numbers,
  { count: places, of }: Places,
): HeadEffects {
  const [prompts = 0, groups = 0, perGroup = 0, pos = 0, keys = 0] = clean.scores.shape;
  const heads = groups * perGroup;
  const visible = visibleKeys(site, clean, corrupt);
  const own = products(clean.q, clean.k); // this and all below: [prompts, groups, heads per group, pos, keys]
  const scale = scoreScale(site, clean, corrupt, own);
  const shift = (to: Float64Array): Float64Array => to.map((x, i) => scale * (x - own[i]!));
  const ofQueries = shift(products(corrupt.q, clean.k));
  const ofKeys = shift(products(clean.q, corrupt.k));
  const q = new Float64Array(prompts * heads * places);
  const k = new Float64Array(prompts * heads * places);
  for (let row = 0; row < prompts * heads * pos; row++) {
    const query = row % pos;
    const head = (row - query) / pos; // and prompt
    const own = of[Math.floor(head / heads)]!;
    const [from, to] = [row * keys, (row + 1) * keys];
    const scores = Float64Array.from(clean.scores.data.subarray(from, to));
    const seen = visible.subarray(query * keys, (query + 1) * keys);
    const slopes = gradient.data.subarray(from, to);
    const before = softmax(scores, seen);
    const effect = (shifts: Float64Array): number => {
      const after = softmax(
        scores.map((s, j) => s + shifts[j]!),
        seen,
      );
      return after.reduce((sum, p, j) => sum + (p - before[j]!) * slopes[j]!, 0);
    };
    q[head * places + own[query]!]! += effect(ofQueries.subarray(from, to));
    const keyShifts = ofKeys.subarray(from, to);
    const placeOf = (key: number): number => own[key - (keys - pos)] ?? -1; // keys of a shared prefix come first, and never change
    for (const place of new Set(own)) {
      if (!keyShifts.some((_, j) => seen[j] && placeOf(j) === place)) continue;
      k[head * places + place]! += effect(keyShifts.map((x, j) => (placeOf(j) === place ? x : 0)));
    }
  }
  return { heads, places, q, k };
}

/**
 * Scores of the edges into each head's input, changed so that they add up to its effect: what is missing is divided in proportion
 * to eap², which changes each score as little as can be in relation to itself (Σ (change ÷ eap)² is smallest); evenly where all
 * are 0. Where nothing is missing, eap is left as it is.
 * @param scores [prompts, position?, heads, sources]; a row may stand for all heads that share a KV head
 */
function withTotals({ data, shape }: Numbers, block: DestinationBlock, effects: HeadEffects): Numbers {
  const sources = shape.at(-1)!;
  const [prompts = 0, rows = 1] = [shape[0], block.heads ?? 1];
  const positions = data.length / (prompts * rows * sources); // 1 without token positions
  const { heads, places } = effects;
  const ofHeads = block.input === 'q' ? effects.q : effects.k; // [prompts, heads, places]
  const shared = heads / rows;
  const out = Float32Array.from(data);
  for (let prompt = 0; prompt < prompts; prompt++) {
    for (let place = 0; place < places; place++) {
      for (let row = 0; row < rows; row++) {
        let effect = 0;
        for (let head = row * shared; head < (row + 1) * shared; head++)
          effect += ofHeads[(prompt * heads + head) * places + place]!;
        const position = positions - places + place; // those of a shared prefix come first
        const from = ((prompt * positions + position) * rows + row) * sources;
        const eap = data.subarray(from, from + sources);
        const missing = effect - eap.reduce((sum, x) => sum + x, 0);
        const squares = eap.reduce((sum, x) => sum + x * x, 0);
        for (const [u, x] of eap.entries())
          out[from + u] = x + missing * (squares === 0 ? 1 / sources : (x * x) / squares);
      }
    }
  }
  return floatTensor(out, shape);
}

/** q · k, a product for each query and key of each head: [prompts, groups, heads per group, pos, keys]. */
function products(q: Numbers, k: Numbers): Float64Array {
  const [prompts = 0, groups = 0, perGroup = 0, pos = 0, dHead = 0] = q.shape;
  const [, , keyHeads = 1, keys = 0] = k.shape.slice(0, 4);
  const out = new Float64Array(prompts * groups * perGroup * pos * keys);
  for (let row = 0; row < prompts * groups * perGroup * pos; row++) {
    const head = Math.floor(row / pos); // and prompt
    const keyHead = keyHeads === perGroup ? head : Math.floor(head / perGroup);
    for (let j = 0; j < keys; j++) {
      let sum = 0;
      for (let d = 0; d < dHead; d++) sum += q.data[row * dHead + d]! * k.data[(keyHead * keys + j) * dHead + d]!;
      out[row * keys + j] = sum;
    }
  }
  return out;
}

/** What q · k is multiplied by: scores of the two sides differ by so much times what their products differ by (least squares). */
function scoreScale(site: string, clean: AttentionValues, corrupt: AttentionValues, own: Float64Array): number {
  const apart = products(corrupt.q, corrupt.k).map((x, i) => x - own[i]!);
  const moved = Float64Array.from(corrupt.scores.data, (x, i) => x - clean.scores.data[i]!);
  const squares = apart.reduce((sum, x) => sum + x * x, 0);
  const scale = squares === 0 ? 0 : apart.reduce((sum, x, i) => sum + x * moved[i]!, 0) / squares;
  const largest = clean.scores.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  const off = moved.reduce((most, x, i) => Math.max(most, Math.abs(x - scale * apart[i]!)), 0);
  if (off > TOLERANCE * largest)
    refuse(site, 'its scores are not proportional to query · key', 'no soft cap on scores', `${off} away from it`);
  return scale;
}

/** Which keys [pos, keys] a query sees: those that a head attends to for some prompt, on either side. */
function visibleKeys(site: string, clean: AttentionValues, corrupt: AttentionValues): Uint8Array {
  const [pos = 0, keys = 0] = clean.scores.shape.slice(3);
  const visible = new Uint8Array(pos * keys);
  for (const { scores, pattern } of [clean, corrupt]) {
    if (pattern.data.length !== scores.data.length)
      refuse(site, 'its patterns have entries beside the keys', 'no attention sinks', `[${pattern.shape.join(', ')}]`);
    for (const [i, p] of pattern.data.entries()) if (p > 0) visible[i % visible.length] = 1;
  }
  for (const { scores, pattern } of [clean, corrupt]) {
    for (let from = 0; from < scores.data.length; from += keys) {
      const place = from % visible.length;
      const made = softmax(scores.data.subarray(from, from + keys), visible.subarray(place, place + keys));
      const off = made.reduce((most, p, j) => Math.max(most, Math.abs(p - pattern.data[from + j]!)), 0);
      if (off > TOLERANCE) refuse(site, 'its patterns are not the softmax of its scores', 'softmax', `${off} away`);
    }
  }
  return visible;
}

/** Softmax over the keys that are seen; 0 for all others. */
function softmax(scores: ArrayLike<number>, seen: Uint8Array): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < seen.length; j++) if (seen[j]) largest = Math.max(largest, scores[j]!);
  const out = Float64Array.from({ length: seen.length }, (_, j) => (seen[j] ? Math.exp(scores[j]! - largest) : 0));
  const total = out.reduce((sum, x) => sum + x, 0);
  return out.map((x) => x / total);
}

function refuse(site: string, what: string, expected: string, got: string): never {
  throw new AutoCircuitError({
    code: 'unsupported-model',
    where: 'atp-star',
    what: `the attention of ${site} cannot be corrected: ${what}`,
    expected,
    got,
    fix: 'use eap, or eap-ig-inputs, for this model',
    fields: { key: `${site}.scores` },
  });
}
