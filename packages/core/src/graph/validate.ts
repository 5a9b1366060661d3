/** @file Which layouts and options make a graph; anything else is one sentence. */
import { AutoCircuitError } from '../errors/error.js';
import { parseSite } from './sites.js';
import type { GraphLayout, GraphOptions, TransformerLayout } from './types.js';

const WHERE = 'graph';

/**
 * Nodes of a graph, sources and destinations: four times those of Llama 3.1 405B (126 layers of 128 heads), the largest model
 * that is published. Sizes in files are no numbers to trust.
 */
const MOST_NODES = 262_144;
/** Edges of one position: tables by edge are indexed by int32. */
const MOST_EDGES = 2 ** 31 - 1;
/** Token positions with edges of their own. */
const MOST_POSITIONS = 2 ** 20;

/** @throws AutoCircuitError naming the number, the option or the pair of them that makes no graph. */
export function checkGraph(layout: GraphLayout, options: GraphOptions): void {
  positive('the number of layers', layout.layers);
  positive('the number of heads', layout.heads);
  positive('dModel', layout.dModel);
  if (options.positions !== null) positive('the number of token positions', options.positions, 'invalid-option');
  if (layout.kind === 'transformer') {
    positive('the number of KV heads', layout.kvHeads);
    if (layout.heads % layout.kvHeads !== 0) {
      throw new AutoCircuitError({
        code: 'invalid-layout',
        fields: { heads: layout.heads, kvHeads: layout.kvHeads },
        where: WHERE,
        what: 'query heads do not divide evenly over KV heads',
        expected: `heads a multiple of ${layout.kvHeads}`,
        got: `${layout.heads}`,
      });
    }
    if (layout.parallel && !layout.mlp) {
      throw new AutoCircuitError({
        code: 'invalid-layout',
        where: WHERE,
        what: 'an attention-only model cannot have attention and MLP in parallel',
      });
    }
    if (layout.parallel && !options.factorized) {
      throw new AutoCircuitError({
        code: 'unsupported-graph',
        where: WHERE,
        what: 'a model with parallel attention and MLP has no residual graph, since its blocks have no middle of the residual stream',
        fix: 'use the factorized graph',
      });
    }
  }
  if (layout.kind === 'transformer' && layout.experts) checkExperts(layout, layout.experts);
  checkSize(layout, options);
  if (layout.kind === 'transformer' && layout.latents) checkLatents(layout, layout.latents, options);
  if (options.kvInputs === 'kv-head') {
    const reason =
      layout.kind === 'staged'
        ? 'this model has no K and V inputs'
        : !options.factorized
          ? 'the residual graph has no K and V inputs'
          : !options.splitQkv
            ? 'with joint QKV there are no separate K and V inputs'
            : null;
    if (reason) {
      throw new AutoCircuitError({
        code: 'unsupported-graph',
        fields: { reason },
        where: WHERE,
        what: `KV-head inputs are not possible here: ${reason}`,
        fix: 'use query-head',
      });
    }
  }
}

/** Before anything is built; by counts that are at least those of the graph. */
function checkSize(layout: GraphLayout, { positions }: GraphOptions): void {
  const { layers, heads } = layout;
  const latents = layout.kind === 'transformer' ? Object.values(layout.latents ?? {}) : [];
  const sources = 1 + layers * (heads + 2) + latents.reduce((n, { length }) => n + length, 0);
  const destinations = 1 + layers * (3 * heads + 2);
  const nodes = sources + destinations;
  // a destination reads what is before it: of all pairs about half
  if (nodes > MOST_NODES || (sources * destinations) / 2 > MOST_EDGES) {
    throw new AutoCircuitError({
      code: 'invalid-layout',
      fields: { layers, heads, nodes },
      where: WHERE,
      what: `a graph of ${layers} layers of ${heads} heads is larger than that of any model here`,
      expected: `at most ${MOST_NODES} nodes and ${MOST_EDGES} edges`,
      got: `up to ${nodes} nodes and ${Math.round((sources * destinations) / 2)} edges`,
      fix: 'check the numbers of layers, heads and latents in the file',
    });
  }
  if (positions !== null && positions > MOST_POSITIONS) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: 'positions', got: positions },
      where: WHERE,
      what: 'a graph has no edges of their own at so many token positions',
      expected: `at most ${MOST_POSITIONS} positions`,
      got: `${positions}`,
    });
  }
}

function checkLatents({ layers, mlp }: TransformerLayout, latents: Latents, { factorized }: GraphOptions): void {
  for (const [site, numbers] of Object.entries(latents)) {
    const parsed = parseSite(site);
    const at = parsed && 'layer' in parsed && parsed.kind !== 'attn' && !parsed.latents ? parsed : null;
    // the last layer's stream is the end
    const known = at !== null && at.layer < (at.kind === 'post' ? layers - 1 : layers) && (mlp || at.kind === 'post');
    if (known && at.kind !== 'mlp' && factorized) {
      throw new AutoCircuitError({
        code: 'unsupported-graph',
        fields: { site },
        where: WHERE,
        what: `latents at ${site} are sources of the residual graph: the factorized one has no node for the stream`,
        fix: 'use the residual graph, or an autoencoder of an MLP',
      });
    }
    const distinct = new Set(numbers).size === numbers.length && numbers.length > 0;
    if (known && distinct && numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) continue;
    throw new AutoCircuitError({
      code: 'invalid-layout',
      fields: { site },
      where: WHERE,
      what: `the latents at ${site} cannot be sources`,
      expected: known
        ? 'at least one, each once, as whole numbers'
        : `L0 to L${layers - 1}, .mlp${mlp ? '' : ' (but there are no MLPs)'}, .mid or .post (the last layer's is the end)`,
      got: known ? numbers.slice(0, 8).join(', ') || 'none' : site,
    });
  }
}

function checkExperts({ layers, mlp, latents = {} }: TransformerLayout, experts: readonly number[]): void {
  const split = Object.keys(latents).find((site) => {
    const at = parseSite(site);
    return at?.kind === 'mlp' && (experts[at.layer] ?? 0) > 0;
  });
  if (split !== undefined) {
    throw new AutoCircuitError({
      code: 'unsupported-graph',
      fields: { site: split },
      where: WHERE,
      what: `latents at ${split} cannot stand for an MLP of experts, which are sources of their own`,
      fix: 'use an autoencoder of another layer, or of the residual stream',
    });
  }
  if (mlp && experts.length === layers && experts.every((n) => Number.isSafeInteger(n) && n >= 0)) return;
  throw new AutoCircuitError({
    code: 'invalid-layout',
    fields: { experts },
    where: WHERE,
    what: 'the experts are not given for every layer',
    expected: mlp ? `${layers} whole numbers, 0 for an MLP that is none` : 'none, since there are no MLPs',
    got: experts.join(', ') || 'none',
  });
}
type Latents = NonNullable<TransformerLayout['latents']>;

/** Options brought to one form: what says nothing about this graph gets its plain value. */
export function effectiveOptions(layout: GraphLayout, options: GraphOptions): GraphOptions {
  const splitQkv = options.splitQkv && options.factorized && layout.kind === 'transformer';
  const grouped = layout.kind === 'transformer' && layout.kvHeads < layout.heads;
  const kvInputs = grouped ? options.kvInputs : 'query-head';
  return Object.freeze({ factorized: options.factorized, splitQkv, positions: options.positions, kvInputs });
}

function positive(what: string, value: number, code: 'invalid-layout' | 'invalid-option' = 'invalid-layout'): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new AutoCircuitError({
    code,
    fields: { option: what, got: value },
    where: WHERE,
    what: `${what} is not usable`,
    expected: 'a whole number from 1',
    got: `${value}`,
  });
}
