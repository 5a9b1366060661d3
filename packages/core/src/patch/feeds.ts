/** @file What the engine feeds to programs besides activations: masks by site, prompts, answers. */

import type { Prompt, PromptBatch, Side } from '../data/types.js';
import { AutoCircuitError } from '../error.js';
import { scoreShape } from '../graph/build.js';
import type { DestinationBlock, Graph, Mask } from '../graph/types.js';
import { floatTensor, intTensor, type Tensor } from '../ir/tensor.js';
import { OBJECTIVE_INPUTS } from '../objectives/fragment.js';
import type { ModelSpec } from '../plugin/contributions.js';
import { rowsOf } from './modes.js';
import { maskInputName } from './patched.js';
import type { Objective } from './types.js';

export type FeedEntry = readonly [name: string, tensor: Tensor];

/** Input of items `start` to `stop`: int [n, pos], or float [n, pos, …features]. */
export function promptFeed(spec: ModelSpec, batch: PromptBatch, side: Side, start: number, stop: number): Tensor {
  const rows = batch.prompts.slice(start, stop).map((prompt) => checkedLength(prompt[side], batch, prompt));
  const shape = [rows.length, batch.length, ...spec.input.features];
  if (spec.input.dtype === 'int') return intTensor(Int32Array.from(rows.flat() as number[]), shape);
  return floatTensor(Float32Array.from(rows.flat(2) as number[]), shape);
}
function checkedLength<T extends readonly unknown[]>(tokens: T, batch: PromptBatch, prompt: Prompt): T {
  if (tokens.length === batch.length) return tokens;
  throw new AutoCircuitError({
    where: 'core/patch',
    what: `prompt ${prompt.index} does not have its batch's length`,
    expected: `${batch.length} tokens`,
    got: `${tokens.length}`,
    fix: 'group prompts by length first',
  });
}

/** A mask filled with one number. */
export function filledMask(graph: Graph, value: number): Mask {
  const tensors = Object.fromEntries(
    graph.destinationBlocks.map((block) => {
      const shape = scoreShape(graph, block);
      return [block.module, floatTensor(new Float32Array(shape.reduce((a, d) => a * d, 1)).fill(value), shape)];
    }),
  );
  return { perItem: false, tensors };
}

/** The masks of every site for items `start` to `stop`: [items?, positions?, rows, sources]. */
export function maskFeeds(graph: Graph, mask: Mask, items: number, start: number, stop: number): FeedEntry[] {
  const sites = [...new Set(graph.destinationBlocks.map((block) => block.site))];
  return sites.map((site) => {
    const blocks = graph.destinationBlocks.filter((block) => block.site === site);
    const sources = blocks[0]!.sources.stop - blocks[0]!.sources.start;
    const rows = rowsOf(blocks);
    const positions = graph.options.positions ?? 1;
    const count = mask.perItem ? stop - start : 1;
    const out = new Float32Array(count * positions * rows * sources);
    let row = 0;
    for (const block of blocks) {
      const slab = rowsOf([block]) * sources;
      const tensor = checkedMask(graph, block, mask, items);
      for (let i = 0; i < count; i++) {
        for (let p = 0; p < positions; p++) {
          const from = ((mask.perItem ? start + i : 0) * positions + p) * slab;
          out.set(tensor.data.subarray(from, from + slab), ((i * positions + p) * rows + row) * sources);
        }
      }
      row += rowsOf([block]);
    }
    const leading = graph.options.positions === null ? (mask.perItem ? [count] : []) : [count, positions];
    return [maskInputName(site), floatTensor(out, [...leading, rows, sources])] as const;
  });
}
function checkedMask(
  graph: Graph,
  block: DestinationBlock,
  mask: Mask,
  items: number,
): Tensor<Float32Array | Float64Array> {
  const shape = [...(mask.perItem ? [items] : []), ...scoreShape(graph, block)];
  const tensor = mask.tensors[block.module];
  if (!tensor || tensor.shape.length !== shape.length || tensor.shape.some((d, i) => d !== shape[i])) {
    throw new AutoCircuitError({
      where: 'core/patch',
      what: `the mask of "${block.module}" does not fit the graph`,
      expected: `[${shape.join(', ')}]`,
      got: tensor ? `[${tensor.shape.join(', ')}]` : 'none',
    });
  }
  return tensor;
}

/** Answers, targets or reference logits for items `start` to `stop`. `dense` [n, outputs] covers the whole batch. */
export function objectiveFeeds(
  objective: Objective,
  batch: PromptBatch,
  start: number,
  stop: number,
  dense?: Tensor<Float32Array>,
): FeedEntry[] {
  if (objective.kind === 'answers') return answerFeeds(objective.value, batch.prompts.slice(start, stop));
  const source = dense ?? (objective.kind === 'mse' ? objective.targets : objective.referenceLogits);
  const width = source?.shape[1] ?? 0;
  if (!source || source.shape[0] !== batch.prompts.length) {
    throw new AutoCircuitError({
      where: 'core/patch',
      what: `the ${objective.kind} objective needs one row for each prompt of the batch`,
      expected: `${batch.prompts.length} rows`,
      got: source ? `${source.shape[0]}` : 'none',
    });
  }
  return [[OBJECTIVE_INPUTS.dense, floatTensor(source.data.slice(start * width, stop * width), [stop - start, width])]];
}

function answerFeeds(value: 'diff' | 'value', prompts: readonly Prompt[]): FeedEntry[] {
  const used = prompts.map((prompt) => {
    const wrong = value === 'diff' ? prompt.wrongAnswers : [];
    if (prompt.answers.length === 0 || (value === 'diff' && wrong.length === 0)) {
      throw new AutoCircuitError({
        where: 'core/patch',
        what: `prompt ${prompt.index} has no ${prompt.answers.length === 0 ? 'answers' : 'wrong answers'}`,
        fix: 'add them to the data set, or choose an objective that does not need them (--objective kl, answer-logit, …)',
      });
    }
    return { prompt, wrong };
  });
  const width = Math.max(...used.map(({ prompt, wrong }) => prompt.answers.length + wrong.length));
  const tokens = new Int32Array(prompts.length * width);
  const weights = new Float32Array(prompts.length * width);
  used.forEach(({ prompt, wrong }, i) => {
    [...prompt.answers, ...wrong].forEach((token, j) => {
      tokens[i * width + j] = token;
      weights[i * width + j] = j < prompt.answers.length ? 1 / prompt.answers.length : -1 / wrong.length;
    });
  });
  return [
    [OBJECTIVE_INPUTS.tokens, intTensor(tokens, [prompts.length, width])],
    [OBJECTIVE_INPUTS.weights, floatTensor(weights, [prompts.length, width])],
  ];
}
