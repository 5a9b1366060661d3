/** @file Whether what every module reads is `Resid Start` + Σ sources + biases, measured on a backend. */

import type { Backend, Results } from '../backend/backend.js';
import type { Graph } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import { promptFeed } from '../patch/exec/feeds.js';
import { INPUT } from '../patch/programs/programs.js';
import type { PromptBatch } from '../prompts/types.js';
import { pointsProgram } from './points-program.js';

/** One number against what it may be. */
export interface CheckedDifference {
  /** The largest difference, as a part of its bound where it has one for each place. */
  readonly value: number;
  readonly bound: number;
  /** Where it is. */
  readonly at: string;
  /** How many places were looked at. */
  readonly count: number;
}

/** A float32 operation rounds its result by at most this part of it. */
const ROUNDING = 2 ** -24;

/**
 * The largest difference between what a block reads and the sum, in float64, of what its sources wrote and of what it reads when
 * none writes; relative to the largest sum of sizes |x| over the terms of a number at that block.
 *
 * The bound: a number is the sum of S sources. All heads of a layer may be written by one product over about dModel numbers, and
 * each head by one of its own, so that up to dModel + S additions differ. Each rounds by 2⁻²⁴ of what it gives at most, and that
 * is taken to be no more than the sum of sizes; both sides are rounded.
 */
export async function residualSums(
  model: ModelObject,
  graph: Graph,
  backend: Backend,
  batch: PromptBatch,
): Promise<CheckedDifference> {
  const full = await runOnce(model, graph, backend, batch, false);
  const biases = await runOnce(model, graph, backend, batch, true);
  let worst = { value: 0, at: '' };
  for (const block of graph.destinationBlocks) {
    const read = numbersOf(full, `read:${block.module}`); // [batch, pos, dModel]
    const sum = Float64Array.from(numbersOf(biases, `read:${block.module}`));
    const sizes = sum.map(Math.abs);
    for (const source of graph.sourceBlocks) {
      if (source.start < block.sources.start || source.stop > block.sources.stop) continue;
      const written = numbersOf(full, `source:${source.site}`); // [rows, batch, pos, dModel]
      for (let i = 0; i < written.length; i++) {
        sum[i % sum.length]! += written[i]!;
        sizes[i % sum.length]! += Math.abs(written[i]!);
      }
    }
    const scale = sizes.reduce((most, size) => Math.max(most, size), Number.MIN_VALUE);
    const difference = read.reduce((most, x, i) => Math.max(most, Math.abs(x - sum[i]!)), 0) / scale;
    if (difference > worst.value || (Number.isNaN(difference) && !Number.isNaN(worst.value)))
      worst = { value: difference, at: block.module };
  }
  const terms = graph.sources.length + graph.layout.dModel;
  return { ...worst, bound: 2 * ROUNDING * terms, count: graph.destinationBlocks.length };
}

const numbersOf = (results: Results, name: string): Float32Array => results[name]!.data as Float32Array;

async function runOnce(
  model: ModelObject,
  graph: Graph,
  backend: Backend,
  batch: PromptBatch,
  silent: boolean,
): Promise<Results> {
  const program = pointsProgram(model, graph, silent);
  const executable = await backend.compile(program, model.weights, { repeated: false });
  try {
    const feeds = { [INPUT]: promptFeed(model.spec, batch, 'clean', [0, batch.prompts.length]) };
    return await executable.run(feeds);
  } finally {
    await executable.dispose();
  }
}
