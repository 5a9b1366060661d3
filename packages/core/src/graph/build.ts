/**
 * @file From a model's layout to its graph: nodes, blocks, layers and their order, under AutoCircuit's names.
 * Layers count reads and writes of the residual stream: an edge exists from a source to every destination in a later layer.
 */
import { type GraphParts, graphParts } from './graph-builder.js';
import { END_SITE, type LayerSite, latentsOf, layerOf, layerSite, parseSite, START_SITE, siteText } from './sites.js';
import type { DestinationBlock, Graph, GraphLayout, GraphOptions, StagedLayout, TransformerLayout } from './types.js';
import { checkGraph, effectiveOptions } from './validate.js';

/** The one place of these defaults. */
export const DEFAULT_GRAPH_OPTIONS: GraphOptions = Object.freeze({
  factorized: true,
  splitQkv: true,
  positions: null,
  kvInputs: 'query-head',
});

/** The options of a graph that any model of this layout has: latents of the stream are nodes of the residual graph only. */
export function optionsFor(layout: GraphLayout): GraphOptions {
  const sites = layout.kind === 'transformer' ? Object.keys(layout.latents ?? {}) : [];
  return { ...DEFAULT_GRAPH_OPTIONS, factorized: sites.every((site) => parseSite(site)?.kind === 'mlp') };
}

/**
 * The graph of a model. Options that say nothing about this model are brought to one form in `graph.options`:
 * `splitQkv` is false where attention has no Q, K and V inputs (residual graph, staged models), and `kvInputs` is
 * `query-head` where every query head has its own K and V.
 *
 * Canonical order of destinations: by layer; heads before the MLP; per head Q, K, V (with KV-head inputs: the query
 * heads' Q of a KV head, then its K and V). Sources: in the order they are written.
 *
 * @throws AutoCircuitError for layouts and options that make no graph (parallel attention and MLP in the residual graph, …).
 */
export function buildGraph(layout: GraphLayout, options: GraphOptions = DEFAULT_GRAPH_OPTIONS): Graph {
  checkGraph(layout, options);
  const effective = effectiveOptions(layout, options);
  const parts = graphParts();
  BUILDERS[layout.kind](parts, layout as never, effective);
  return finished(layout, effective, parts);
}

/** The number of edges at one position, by formula; `graph.edgesPerPosition` must equal it. */
export function edgeCountFormula(layout: GraphLayout, options: GraphOptions): number {
  const { layers, heads } = layout;
  const mlp = layout.kind === 'transformer' && layout.mlp ? 1 : 0;
  const latents = layout.kind === 'transformer' ? Object.entries(layout.latents ?? {}) : [];
  const more = Array.from({ length: layers }, (_, l) => Math.max(0, expertsIn(layout, l) - 1)); // MLP sources beyond one
  // in the residual graph every source has one edge, to the next step
  const oneEach = layers * (heads + 1 + 2 * mlp) + more.reduce((n, count) => n + count, 0);
  if (!options.factorized) return latents.reduce((n, [, { length }]) => n + length, oneEach);
  const writers = heads + mlp; // sources a block adds
  const inputs = attentionInputs(layout, options);
  const upstream = layers + (writers * layers * (layers - 1)) / 2; // Σ over blocks of the sources before it
  const serialHeads = layout.kind === 'transformer' && layout.parallel ? 0 : heads; // heads the block's own MLP reads
  const plain = inputs * upstream + mlp * (upstream + layers * serialHeads) + 1 + layers * writers;
  // each expert is a reader beside the router
  const readers = Array.from({ length: layers }, (_, l) => inputs + mlp + expertsIn(layout, l));
  const asReaders = readers.reduce((n, _, l) => n + expertsIn(layout, l) * (1 + l * writers + serialHeads), plain);
  // each latent, and each expert but the first, is one more source for every later block and the end
  const later = (layer: number): number => readers.slice(layer + 1).reduce((n, count) => n + count, 1);
  const withLatents = latents.reduce(
    (n, [site, { length }]) => n + length * later(layerOf(parseSite(site)!)!),
    asReaders,
  );
  return more.reduce((n, count, l) => n + count * later(l), withLatents);
}

/** The experts of a layer's MLP; 0 where it is whole. */
const expertsIn = (layout: GraphLayout, layer: number): number =>
  layout.kind === 'transformer' ? (layout.experts?.[layer] ?? 0) : 0;

function attentionInputs(layout: GraphLayout, options: GraphOptions): number {
  if (layout.kind === 'staged' || !options.splitQkv) return layout.heads;
  return layout.heads + 2 * (options.kvInputs === 'kv-head' ? layout.kvHeads : layout.heads);
}

type Build<L> = (parts: GraphParts, layout: L, options: GraphOptions) => void;

const BUILDERS: { readonly [K in GraphLayout['kind']]: Build<Extract<GraphLayout, { kind: K }>> } = {
  transformer: (parts, layout, options) =>
    options.factorized ? factorizedTransformer(parts, layout, options) : residualTransformer(parts, layout),
  staged: (parts, layout, options) =>
    options.factorized ? factorizedStaged(parts, layout) : residualStaged(parts, layout),
};

function factorizedTransformer(parts: GraphParts, layout: TransformerLayout, options: GraphOptions): void {
  parts.write({ at: START_SITE, module: 'blocks.0.hook_resid_pre', layer: 0, heads: null, name: () => 'Resid Start' });
  const step = layout.mlp && !layout.parallel ? 2 : 1; // layers a block counts for
  for (let l = 0; l < layout.layers; l++) {
    const attnLayer = l * step + 1;
    const mlpLayer = l * step + step;
    readAttention(parts, layout, options, l, attnLayer);
    if (layout.mlp && layout.parallel) readMlp(parts, layout, l, mlpLayer);
    writeAttention(parts, layout, l, attnLayer);
    if (layout.mlp && !layout.parallel) readMlp(parts, layout, l, mlpLayer);
    if (layout.mlp) writeMlp(parts, layout, l, mlpLayer);
  }
  readEnd(parts, `blocks.${layout.layers - 1}.hook_resid_post`, layout.layers * step + 1);
}

function residualTransformer(parts: GraphParts, layout: TransformerLayout): void {
  parts.write({ at: START_SITE, module: 'blocks.0.hook_resid_pre', layer: 0, heads: null, name: () => 'Resid Start' });
  const step = layout.mlp ? 2 : 1;
  for (let l = 0; l < layout.layers; l++) {
    writeAttention(parts, layout, l, l * step);
    if (layout.mlp) {
      stream(parts, layout, layerSite(l, 'mid'), `blocks.${l}.hook_resid_mid`, `Resid Mid ${l}`, l * step + 1);
      writeMlp(parts, layout, l, l * step + 1);
    }
    const post = `blocks.${l}.hook_resid_post`;
    if (l === layout.layers - 1) readEnd(parts, post, (l + 1) * step);
    else stream(parts, layout, layerSite(l, 'post'), post, `Resid Post ${l}`, (l + 1) * step);
  }
}

function factorizedStaged(parts: GraphParts, layout: StagedLayout): void {
  parts.write({ at: START_SITE, module: 'input', layer: 0, heads: null, name: () => 'Resid Start' });
  for (let l = 0; l < layout.layers; l++) {
    const block = {
      at: layerSite(l, 'attn'),
      input: 'attn',
      module: `blocks.${l}.head_inputs`,
      layer: l + 1,
      heads: layout.heads,
    };
    const index = parts.readBlock(block);
    for (let h = 0; h < layout.heads; h++) parts.readNode(index, `B${l}.${h}`, h);
    writeStage(parts, layout, l, l + 1);
  }
  readEnd(parts, 'output', layout.layers + 1);
}

function residualStaged(parts: GraphParts, layout: StagedLayout): void {
  parts.write({ at: START_SITE, module: 'input', layer: 0, heads: null, name: () => 'Resid Start' });
  for (let l = 0; l < layout.layers; l++) {
    writeStage(parts, layout, l, l);
    if (l === layout.layers - 1) readEnd(parts, 'output', l + 1);
    else stream(parts, layout, layerSite(l, 'post'), `resids.${l}`, `Resid Post ${l}`, l + 1);
  }
}

function readAttention(parts: GraphParts, layout: TransformerLayout, options: GraphOptions, l: number, layer: number) {
  const block = (input: string, hook: string, heads: number): number =>
    parts.readBlock({ at: layerSite(l, 'attn'), input, module: `blocks.${l}.hook_${hook}`, layer, heads });
  if (!options.splitQkv) {
    const joint = block('attn', 'attn_in', layout.heads);
    for (let h = 0; h < layout.heads; h++) parts.readNode(joint, `A${l}.${h}`, h);
    return;
  }
  const byKvHead = options.kvInputs === 'kv-head';
  const kvInputs = byKvHead ? layout.kvHeads : layout.heads;
  const q = block('q', 'q_input', layout.heads);
  const k = block('k', 'k_input', kvInputs);
  const v = block('v', 'v_input', kvInputs);
  const group = layout.heads / kvInputs; // query heads that share one K and V input
  for (let kv = 0; kv < kvInputs; kv++) {
    for (let h = kv * group; h < (kv + 1) * group; h++) parts.readNode(q, `A${l}.${h}.Q`, h);
    const name = byKvHead ? `A${l}.kv${kv}` : `A${l}.${kv}`;
    parts.readNode(k, `${name}.K`, kv);
    parts.readNode(v, `${name}.V`, kv);
  }
}

function readMlp(parts: GraphParts, layout: TransformerLayout, l: number, layer: number): void {
  const experts = expertsIn(layout, l);
  if (experts > 0) {
    readExperts(parts, experts, l, layer);
    return;
  }
  const module = `blocks.${l}.hook_mlp_in`;
  parts.readNode(
    parts.readBlock({ at: layerSite(l, 'mlp'), input: 'mlp', module, layer, heads: null }),
    `MLP ${l}`,
    null,
  );
}

/** Experts read apart, as heads do; the router reads beside them. */
function readExperts(parts: GraphParts, experts: number, l: number, layer: number): void {
  const block = (input: string, heads: number | null): number =>
    parts.readBlock({ at: layerSite(l, 'mlp'), input, module: `blocks.${l}.mlp.hook_${input}_in`, layer, heads });
  const each = block('experts', experts);
  for (let e = 0; e < experts; e++) parts.readNode(each, `MLP ${l}.E${e}`, e);
  parts.readNode(block('router', null), `MLP ${l}.Router`, null);
}

function readEnd(parts: GraphParts, module: string, layer: number): void {
  parts.readNode(parts.readBlock({ at: END_SITE, input: 'end', module, layer, heads: null }), 'Resid End', null);
}

/** The stream between two steps of the residual graph: it reads all that was written since the last one and replaces it. */
function stream(
  parts: GraphParts,
  layout: GraphLayout,
  at: LayerSite,
  module: string,
  name: string,
  layer: number,
): void {
  parts.readNode(parts.readBlock({ at, input: 'stream', module, layer, heads: null }), name, null);
  parts.startStream();
  writeOne(parts, layout, { at, module, layer, name });
}

function writeAttention(parts: GraphParts, layout: TransformerLayout, l: number, layer: number): void {
  const module = `blocks.${l}.attn.hook_result`;
  parts.write({ at: layerSite(l, 'attn'), module, layer, heads: layout.heads, name: (h) => `A${l}.${h}` });
}

function writeMlp(parts: GraphParts, layout: TransformerLayout, l: number, layer: number): void {
  const at = layerSite(l, 'mlp');
  const experts = expertsIn(layout, l);
  if (experts === 0) {
    writeOne(parts, layout, { at, module: `blocks.${l}.hook_mlp_out`, layer, name: `MLP ${l}` });
    return;
  }
  const module = `blocks.${l}.mlp.hook_experts_out`;
  parts.write({ at, module, layer, heads: experts, name: (e) => `MLP ${l}.E${e}` });
}

/** One node; or latents in its stead, and one for what they leave. */
function writeOne(parts: GraphParts, layout: GraphLayout, node: WrittenNode): void {
  const { at, module, layer, name } = node;
  const latents = layout.kind === 'transformer' ? layout.latents?.[siteText(at)] : undefined;
  if (latents) {
    const own = { at: latentsOf(at), module: `${module}.latents`, layer, heads: latents.length };
    parts.write({ ...own, name: (i) => `${name} Latent ${latents[i]}` });
  }
  parts.write({ at, module, layer, heads: null, name: () => (latents ? `${name} Error` : name) });
}
interface WrittenNode {
  readonly at: LayerSite;
  readonly module: string;
  readonly layer: number;
  readonly name: string;
}

function writeStage(parts: GraphParts, layout: StagedLayout, l: number, layer: number): void {
  const module = `blocks.${l}.head_outputs`;
  parts.write({ at: layerSite(l, 'attn'), module, layer, heads: layout.heads, name: (h) => `B${l}.${h}` });
}

function finished(layout: GraphLayout, options: GraphOptions, parts: GraphParts): Graph {
  const edgesPerPosition = parts.destinationBlocks.reduce((n, block) => n + blockEdges(block), 0);
  return Object.freeze({
    layout: Object.freeze({ ...layout }),
    options,
    sources: Object.freeze(parts.sources),
    sourceBlocks: Object.freeze(parts.sourceBlocks),
    destinations: Object.freeze(parts.destinations),
    destinationBlocks: Object.freeze(parts.destinationBlocks),
    edgesPerPosition,
    edgeCount: edgesPerPosition * (options.positions ?? 1),
  });
}

/** Edges into a block at one position: heads × upstream sources. */
export function blockEdges(block: DestinationBlock): number {
  return (block.heads ?? 1) * (block.sources.stop - block.sources.start);
}

/** Shape of a block's mask and scores: `[position?, head?, sources]`. */
export function scoreShape(graph: Graph, block: DestinationBlock): number[] {
  const positions = graph.options.positions === null ? [] : [graph.options.positions];
  const heads = block.heads === null ? [] : [block.heads];
  return [...positions, ...heads, block.sources.stop - block.sources.start];
}
