/**
 * @file Logits of a model under a mask, in one float64 program on the interpreter: by the reference mode, and by any other mode that
 * is held to it.
 */
import { interpret } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import type { Graph, GraphOptions, Mask } from '../graph/types.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { ModelObject } from '../model/model.js';
import type { PatchPoints } from '../model/patch-points.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { inputFeeds, maskFeeds } from '../patch/exec/feeds.js';
import { activationsOf, capturePoints } from '../patch/modes/plain.js';
import type { SourceActivations } from '../patch/modes/points.js';
import { type ReferenceScope, referencePoints } from '../patch/modes/reference.js';
import { INPUT, LOGITS, PATCH_INPUT, readOut, scopeOf } from '../patch/programs/programs.js';
import type { PromptBatch } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';

/** A clean run into which the corrupt run, or zeros, are patched. */
export interface PatchedLogitsRequest {
  readonly model: ModelObject;
  readonly graph: Graph;
  readonly batch: PromptBatch;
  readonly mask: Mask;
  readonly patch?: 'corrupt' | 'zero';
}

/** Logits at the last position, [prompts · outputs] in float64. `pointsOf` makes the points of a mode; default the reference. */
export function patchedLogits(
  { model, graph, batch, mask, patch = 'corrupt' }: PatchedLogitsRequest,
  pointsOf: (scope: ReferenceScope) => PatchPoints = referencePoints,
): Float64Array {
  const b = new ProgramBuilder('patched-logits');
  const setting = { model, graph };
  const other: SourceActivations[] = [];
  if (patch === 'corrupt') model.trace(capturePoints(scopeOf(setting, b, PATCH_INPUT), (source) => other.push(source)));
  const points = pointsOf({
    ...scopeOf(setting, b),
    axes: { perItem: mask.perItem, perPosition: graph.options.positions !== null },
    patchOf: ({ block }) => (patch === 'zero' ? null : activationsOf(other, block).value),
  });
  b.output(LOGITS, readOut(setting, points));
  const count = batch.prompts.length;
  const feeds = {
    ...(patch === 'corrupt' ? inputFeeds(PATCH_INPUT, model.spec, batch, 'corrupt', [0, count]) : {}),
    ...inputFeeds(INPUT, model.spec, batch, 'clean', [0, count]),
    ...Object.fromEntries(maskFeeds(graph, mask, count, [0, count])),
  };
  return Float64Array.from(interpret(b.build(), feeds, model.weights)[LOGITS]!.data);
}

/** The graph of a model, with the default options but for these. */
export const graphOf = ({ spec }: ModelObject, options: Partial<GraphOptions> = {}): Graph =>
  buildGraph(spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });

/**
 * A random mask: each edge is 0 or 1 half of the time, and otherwise between.
 * @param items a mask for each of so many prompts; null for one for all
 */
export function randomMask(graph: Graph, seed: number, items: number | null = null): Mask {
  const random = seededRandom(seed, 'random-mask');
  const tensors = graph.destinationBlocks.map(({ module, heads, sources: { start, stop } }) => {
    const { positions } = graph.options;
    const shape = [
      ...(items === null ? [] : [items]),
      ...(positions === null ? [] : [positions]),
      ...(heads === null ? [] : [heads]),
      stop - start,
    ];
    const draw = (): number => (random.below(2) === 0 ? random.below(2) : random.uniform());
    return [module, floatTensor(Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, draw), shape)] as const;
  });
  return { perItem: items !== null, tensors: Object.fromEntries(tensors) };
}

/** The largest difference of two lists of numbers; infinite where their lengths or a NaN differ. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
