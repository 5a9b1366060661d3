/** @file What a selection costs against the dense program, in multiplications a token, so that the cheaper one is run. */

import { blocksAt, blocksBySite } from '../../graph/site-blocks.js';
import type { Graph, TransformerLayout } from '../../graph/types.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import type { Program } from '../../ir/program/program.js';
import type { ModelObject } from '../../model/model.js';
import { elementCount } from '../../tensor/tensor.js';
import { capturePoints } from '../modes/plain.js';
import { plainProgram, scopeOf } from '../programs/programs.js';
import type { Selection } from './row-selection.js';

/** Widths that are not in the layout: read off the model's weights. */
export interface Widths {
  readonly dHead: number;
  /** Multiplications a token of one MLP. */
  readonly mlp: number;
  /** Of the unembedding at one position of a prompt. */
  readonly unembed: number;
}

/**
 * What moving one number between memory and the processor costs against multiplying: each row of a site is written, normed
 * and read again. From profiles of GPT-2 small (docs/performance.md).
 */
const PER_NUMBER_MOVED = 24;

/**
 * What a sparse run takes whatever its size: over a thousand small nodes, and hundreds of feeds. About 10 ms at 55 billion
 * multiplications a second.
 */
const PER_RUN = 0.6e9;
/** What a run takes more where it reads weights as they lie in the file, not copies that are laid out for the kernels. */
const PER_RUN_MAPPED = 2.4e9;
/** Edge sums multiply a few dozen rows by differences that come from memory: a third of the speed of a product with weights. */
const PER_SUMMED = 3;

/** Multiplications a token of the dense program, which has every source in every row's edge sum. */
export function denseCost(graph: Graph, widths: Widths): number {
  const { dModel } = graph.layout;
  const plain = plainCost(graph, widths);
  const byPosition = graph.options.positions !== null;
  const perRow = PER_NUMBER_MOVED * (byPosition ? 2 : 1); // summed with positions first, and brought back into order
  let sums = 0;
  for (const block of graph.destinationBlocks) {
    const rows = block.heads ?? 1;
    const sources = block.sources.stop - block.sources.start;
    sums += rows * dModel * (sources * PER_SUMMED + perRow);
  }
  // For each site, all that was written is brought into that order.
  if (byPosition) {
    for (const [block] of blocksBySite(graph).values()) sums += block!.sources.stop * dModel * PER_NUMBER_MOVED;
  }
  const headOutputs = graph.sources.length * (widths.dHead + PER_NUMBER_MOVED) * dModel;
  return plain + sums + headOutputs;
}

/** Multiplications a token of the model as it is, without its unembedding. */
function plainCost(graph: Graph, { dHead, mlp }: Widths): number {
  const { layers, heads, kvHeads, dModel, mlp: hasMlp } = graph.layout as TransformerLayout;
  return layers * ((2 * heads + 2 * kvHeads) * dHead * dModel + (hasMlp ? mlp : 0));
}

/** Multiplications of a run of the dense program on so many tokens; `perToken` from `denseCost`. */
export const denseRunCost = (graph: Graph, widths: Widths, perToken: number, tokens: number): number =>
  tokens * perToken + PER_NUMBER_MOVED * allWeights(graph, widths);

/** Numbers of weights that a plain run reads. */
const allWeights = (graph: Graph, widths: Widths): number => plainCost(graph, widths) + widths.unembed;

/** Multiplications of a run of a selection on so many tokens, those of all its masks together. */
export function sparseCost(selection: Selection, widths: Widths, tokens: number): number {
  const { base, graph, reads, variants } = selection;
  // Weights of heads that are computed on their own are copied together, once a run.
  const copied = headWeights(selection) * widths.dHead * graph.layout.dModel;
  const mlps = [...reads].filter(([site, blocks]) => isMlp(graph, site) && blocks.some(({ rows }) => rows.length > 0));
  const others =
    base === 'noising' && !variants ? allWeights(graph, widths) : mlps.length * widths.mlp + widths.unembed;
  const mapped = base === 'noising' && !variants ? PER_RUN_MAPPED : 0;
  return PER_RUN + mapped + (copied + others) * PER_NUMBER_MOVED + tokens * costOfToken(selection, widths);
}

/** What base `noising` costs at least: a plain run by a sparse program. */
export const leastCurrentCost = (graph: Graph, widths: Widths, tokens: number): number =>
  PER_RUN + PER_RUN_MAPPED + denseRunCost(graph, widths, plainCost(graph, widths), tokens);

const isMlp = (graph: Graph, site: string): boolean => blocksAt(graph, site)[0]?.at.kind === 'mlp';

/** How many matrices of single heads a run copies. */
function headWeights({ base, reads, writes }: Selection): number {
  let [inputs, outputs] = [0, 0];
  for (const [site, blocks] of reads) {
    if (blocks.every(({ block }) => block.heads === null)) continue;
    inputs +=
      base === 'denoising' ? 3 * (writes.get(site)?.length ?? 0) : blocks.reduce((n, { rows }) => n + rows.length, 0);
    outputs += writes.get(site)?.length ?? 0;
  }
  return inputs + outputs;
}

/** What every token takes. */
function costOfToken(selection: Selection, widths: Widths): number {
  const { base, graph, cached, masks, reads, writes } = selection;
  const { dModel } = graph.layout;
  const perNumber = PER_NUMBER_MOVED * (graph.options.positions === null ? 1 : 2); // once more where positions come first
  let cost = 0;
  for (const [site, blocks] of reads) {
    const rows = blocks.reduce((n, { rows: own }) => n + own.length, 0);
    const { stop } = blocks[0]!.block.sources;
    const upstream = graph.sourceBlocks.filter((block) => block.stop <= stop);
    const written = upstream.reduce((n, block) => n + (writes.get(block.site)?.length ?? 0), 0);
    const columns = Math.min(written, rows * written) + cached.length / masks;
    const withHeads = blocks.some(({ block }) => block.heads !== null);
    cost += rows * dModel * (columns * PER_SUMMED + perNumber + (withHeads ? widths.dHead : 0));
    if (isMlp(graph, site) && rows > 0) cost += widths.mlp;
    if (base === 'noising' && withHeads) {
      const { heads, kvHeads } = graph.layout as TransformerLayout;
      cost += (2 * heads + 2 * kvHeads) * widths.dHead * dModel + 3 * heads * widths.dHead * PER_NUMBER_MOVED;
    }
  }
  for (const rows of writes.values()) cost += rows.length * dModel * (widths.dHead + perNumber);
  return cost;
}

/** Widths read off the plain program: its products with weights, and the width of what a head writes. */
export function widthsOf(model: ModelObject, graph: Graph): Widths {
  const { layers, heads, kvHeads, dModel } = graph.layout as TransformerLayout;
  const program = plainProgram({ model, graph }, 'last');
  let all = 0;
  let unembed = 0;
  for (const value of program.values) {
    if (value.op !== 'matmul') continue;
    const sizes = value.inputs.map((id) => weightNumbers(program, id));
    const size = Math.max(...sizes);
    if (value.shape.at(-1) === model.spec.outputSize) unembed += size;
    else all += size;
  }
  let dHead = dModel;
  model.trace(
    capturePoints(scopeOf({ model, graph }, new ProgramBuilder('widths')), ({ block, projection }) => {
      if (projection && block.at.kind === 'attn') dHead = projection.shape[1] as number;
    }),
  );
  const attention = (2 * heads + 2 * kvHeads) * dHead * dModel;
  return { dHead, mlp: Math.max(0, all / layers - attention), unembed };
}

/** Numbers of a weight, seen through reshapes, transposes and slices; 0 for anything else. */
function weightNumbers(program: Program, id: number): number {
  const value = program.values[id]!;
  if (value.op === 'weight') return elementCount(value.shape as number[]);
  if (value.op === 'reshape' || value.op === 'transpose') return weightNumbers(program, value.inputs[0]!);
  return 0;
}
