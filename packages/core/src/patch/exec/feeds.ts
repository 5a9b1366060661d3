/** @file What the engine feeds to programs besides activations: masks by site, prompts, answers. */

import type { Feeds } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import { scoreShape } from '../../graph/build.js';
import { scorePlace } from '../../graph/score-index.js';
import { blocksBySite } from '../../graph/site-blocks.js';
import type { DestinationBlock, Graph, Mask } from '../../graph/types.js';
import type { ModelSpec } from '../../model/model.js';
import { answerTokens } from '../../objectives/answers.js';
import { OBJECTIVE_INPUTS } from '../../objectives/fragment.js';
import type { Objective } from '../../objectives/objective.js';
import { promptTargets } from '../../objectives/output-rows.js';
import { fragmentInputs, REFERENCE_INPUT } from '../../objectives/traced-fragment.js';
import { answersRead, positionsRead } from '../../prompts/output-positions.js';
import type { Prompt, PromptBatch, Side } from '../../prompts/types.js';
import { elementCount, floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';
import { maskInputName } from '../modes/patched.js';
import { rowsOf } from '../modes/points.js';
import type { Cut } from './micro-batches.js';

/** A feed by the name of its input. */
export type FeedEntry = readonly [name: string, tensor: Tensor];

/** The input of a cut's prompts under a name, with the keys and values of their prefixes. */
export function inputFeeds(name: string, spec: ModelSpec, batch: PromptBatch, side: Side, cut: Cut): Feeds {
  return { [name]: promptFeed(spec, batch, side, cut), ...prefixFeeds(batch.prompts.slice(...cut)) };
}

/**
 * The input of a cut's prompts: int [batch, pos], or float [batch, pos, …features].
 * @throws AutoCircuitError `mixed-lengths` for a prompt that does not have its batch's length
 */
export function promptFeed(spec: ModelSpec, batch: PromptBatch, side: Side, cut: Cut): Tensor {
  const rows = batch.prompts.slice(...cut).map((prompt) => checkedLength(prompt[side], batch, prompt));
  const shape = [rows.length, batch.length, ...spec.input.features];
  if (spec.input.dtype === 'int') return intTensor(Int32Array.from(rows.flat() as number[]), shape);
  return floatTensor(Float32Array.from(rows.flat(2) as number[]), shape);
}
function checkedLength<T extends readonly unknown[]>(tokens: T, batch: PromptBatch, prompt: Prompt): T {
  if (tokens.length === batch.length) return tokens;
  throw new AutoCircuitError({
    code: 'mixed-lengths',
    where: 'core/patch',
    fields: { lengths: [batch.length, tokens.length], prompt: prompt.index },
    what: `prompt ${prompt.index} does not have its batch's length`,
    expected: `${batch.length} tokens`,
    got: `${tokens.length}`,
    fix: 'group prompts by length first',
  });
}

/** A mask filled with one number, the same for every prompt. */
export function filledMask(graph: Graph, value: number): Mask {
  const tensors = Object.fromEntries(
    graph.destinationBlocks.map((block) => {
      const shape = scoreShape(graph, block);
      return [block.module, floatTensor(new Float32Array(shape.reduce((a, d) => a * d, 1)).fill(value), shape)];
    }),
  );
  return { perItem: false, tensors };
}

/** A copy of a mask with these edges (canonical numbers) patched wholly, too. */
export function withPatched(graph: Graph, mask: Mask, edges: readonly number[]): Mask {
  const tensors = Object.fromEntries(
    Object.entries(mask.tensors).map(([module, { data, shape }]) => [
      module,
      floatTensor(Float32Array.from(data), shape),
    ]),
  );
  for (const edge of edges) {
    const { module, offset } = scorePlace(graph, edge);
    const { data, shape } = tensors[module]!;
    const prompts = mask.perItem ? shape[0]! : 1;
    const slab = data.length / prompts;
    for (let i = 0; i < prompts; i++) data[i * slab + offset] = 1;
  }
  return { perItem: mask.perItem, tensors };
}

/**
 * The masks of every site for the prompts of a cut: [batch?, positions?, rows, sources].
 * @param prompts of the whole batch
 * @throws AutoCircuitError `wrong-mask` where the mask does not fit the graph or the batch
 */
export function maskFeeds(graph: Graph, mask: Mask, prompts: number, [start, stop]: Cut): FeedEntry[] {
  return [...blocksBySite(graph)].map(([site, blocks]) => {
    const sources = blocks[0]!.sources.stop - blocks[0]!.sources.start;
    const rows = rowsOf(blocks);
    const positions = graph.options.positions ?? 1;
    const count = mask.perItem ? stop - start : 1;
    const out = new Float32Array(count * positions * rows * sources);
    let row = 0;
    for (const block of blocks) {
      const slab = rowsOf([block]) * sources;
      const tensor = checkedMask(graph, block, mask, prompts);
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
  prompts: number,
): Tensor<Float32Array | Float64Array> {
  const shape = [...(mask.perItem ? [prompts] : []), ...scoreShape(graph, block)];
  const tensor = mask.tensors[block.module];
  if (!tensor || tensor.shape.length !== shape.length || tensor.shape.some((d, i) => d !== shape[i])) {
    throw new AutoCircuitError({
      code: 'wrong-mask',
      where: 'core/patch',
      fields: { module: block.module, shape: tensor?.shape ?? null, expectedShape: shape },
      what: `the mask of "${block.module}" does not fit the graph`,
      expected: `[${shape.join(', ')}]`,
      got: tensor ? `[${tensor.shape.join(', ')}]` : 'none',
    });
  }
  return tensor;
}

/**
 * Answers, targets or reference logits for the prompts of a cut.
 * @param dense [prompts, positions?, outputs] of the whole batch, in place of the objective's own
 * @throws AutoCircuitError `wrong-shape` for targets or references that do not cover the batch
 */
export function objectiveFeeds(
  spec: ModelSpec,
  objective: Objective,
  batch: PromptBatch,
  [start, stop]: Cut,
  dense?: Tensor<Float32Array>,
): FeedEntry[] {
  const { outputs = 'last', outputSize } = spec;
  const positions = positionsRead(outputs, batch.length);
  if (objective.kind === 'answers') {
    return answerFeeds(objective.value, batch.prompts.slice(start, stop), positions, outputSize);
  }
  const shape = outputs === 'last' ? [outputSize] : [positions, outputSize];
  if (objective.kind === 'fragment') {
    const { inputs, usesReference } = fragmentInputs(objective, 1 + shape.length);
    const prompts = batch.prompts.slice(start, stop);
    const own = inputs.map(({ name, dense: isDense, data }): FeedEntry => {
      const sizes = isDense ? [prompts.length, ...shape] : [prompts.length];
      return [name, floatTensor(data(prompts, { positions, outputs: outputSize }), sizes)];
    });
    if (!usesReference) return own;
    return [...own, [REFERENCE_INPUT, denseFeed(objective.kind, dense ?? objective.referenceLogits)]];
  }
  return [[OBJECTIVE_INPUTS.dense, denseFeed(objective.kind, dense ?? ownDense(objective, batch))]];

  function denseFeed(kind: string, source: Tensor<Float32Array> | undefined): Tensor {
    const width = elementCount(shape);
    if (source?.data.length !== batch.prompts.length * width) {
      throw new AutoCircuitError({
        code: 'wrong-shape',
        where: 'core/patch',
        fields: { shape: source?.shape ?? null, expectedShape: [batch.prompts.length, ...shape] },
        what: `the ${kind} objective needs one row for each prompt of the batch`,
        expected: `[${[batch.prompts.length, ...shape].join(', ')}]`,
        got: source ? `[${source.shape.join(', ')}]` : 'none',
      });
    }
    return floatTensor(source.data.slice(start * width, stop * width), [stop - start, ...shape]);
  }
}

/** What an objective itself compares with. */
function ownDense(
  objective: Exclude<Objective, { kind: 'answers' | 'fragment' }>,
  batch: PromptBatch,
): Tensor<Float32Array> | undefined {
  if (objective.kind === 'mse') return objective.targets ?? promptTargets(batch);
  return objective.kind === 'kl' ? objective.referenceLogits : undefined;
}

function answerFeeds(
  value: 'diff' | 'value',
  prompts: readonly Prompt[],
  positions: number,
  outputSize: number,
): FeedEntry[] {
  const picks = prompts.map((prompt) =>
    answersRead(prompt, positions).flatMap((sides, position) => {
      const pick = (side: 'answers' | 'wrongAnswers', sign: number) => {
        const tokens = answerTokens(sides, side, outputSize);
        const weight = sign / (tokens.length * positions);
        return tokens.map((token) => ({ at: position * outputSize + token, weight }));
      };
      return [...pick('answers', 1), ...(value === 'diff' ? pick('wrongAnswers', -1) : [])];
    }),
  );
  const width = picks.reduce((most, list) => Math.max(most, list.length), 0);
  const tokens = new Int32Array(prompts.length * width);
  const weights = new Float32Array(prompts.length * width);
  picks.forEach((list, i) => {
    list.forEach(({ at, weight }, j) => {
      tokens[i * width + j] = at;
      weights[i * width + j] = weight;
    });
  });
  return [
    [OBJECTIVE_INPUTS.tokens, intTensor(tokens, [prompts.length, width])],
    [OBJECTIVE_INPUTS.weights, floatTensor(weights, [prompts.length, width])],
  ];
}

/** The keys and values of these prompts' prefixes, as programs are fed them: [groups, 1, batch, prefix, width] by input. */
export function prefixFeeds(prompts: readonly Prompt[]): Record<string, Tensor<Float32Array>> {
  const first = prompts[0]?.prefix;
  if (!first) return {};
  return Object.fromEntries(
    Object.entries(first.kept).map(([name, { shape }]) => {
      const [groups, one, , ...rest] = shape as [number, number, number, number, number];
      const row = elementCount(rest);
      const out = new Float32Array(groups * prompts.length * row);
      prompts.forEach(({ index, prefix }, i) => {
        if (prefix?.tokens.length !== first.tokens.length) {
          throw new AutoCircuitError({
            code: 'internal',
            where: 'core/patch',
            what: `prompt ${index} has a different prefix than the first of its batch`,
            expected: `${first.tokens.length} tokens`,
            got: `${prefix?.tokens.length ?? 0}`,
            kind: 'internal',
          });
        }
        const { data } = prefix.kept[name]!;
        for (let g = 0; g < groups; g++) {
          out.set(data.subarray(g * row, (g + 1) * row), (g * prompts.length + i) * row);
        }
      });
      return [name, floatTensor(out, [groups, one, prompts.length, ...rest])];
    }),
  );
}
