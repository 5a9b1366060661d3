/** @file Optimal ablation: constants for every source node, trained so that patching them in changes the output least. */

import { AutoCircuitError } from '../errors/error.js';
import { scoreShape } from '../graph/build.js';
import type { Mask } from '../graph/types.js';
import { type AdamState, adamState, adamStep } from '../numeric/adam.js';
import { seededRandom } from '../numeric/seeded-random.js';
import type { ConstantPatch } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import { inputOf } from '../prompts/prompts.js';
import type { PromptBatch } from '../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../tensor/tensor.js';

/** How constants are trained; each default stands here. */
export const OPTIMAL_ABLATION = Object.freeze({ steps: 200, learningRate: 0.02 });

/** Saving costs time too: a killed run loses at most this much work. */
const SECONDS_BETWEEN_SAVES = 10;

export interface OptimalAblationSettings {
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
}

/**
 * Optimal ablation (Li and Janson 2024, "Optimal ablation for interpretability", arXiv 2409.09951): a = argmin E[loss of the model
 * with a node's output replaced by a]. One vector for each source node, the same for all prompts and positions, serves circuits of
 * every size: each step draws for every prompt a share of the edges, uniform from 0 to 1, patches so many at random and moves the
 * constants by Adam towards the clean output (KL; squared differences where the output is one number). They start at the mean over
 * the clean prompts. A constant of a head is one of what it writes before its output matrix.
 */
export class ConstantTraining {
  readonly steps: number;
  readonly #model: PatchableModel;
  readonly #batches: readonly PromptBatch[];
  readonly #settings: OptimalAblationSettings;
  readonly #shapes: readonly (readonly [site: string, shape: readonly number[]])[];
  /** Site after site. */
  readonly #constants: Float64Array;
  readonly #adam: AdamState;
  readonly #references = new Map<PromptBatch, Tensor<Float32Array>>();
  readonly #losses: number[] = [];

  private constructor(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    start: ConstantPatch,
    settings: OptimalAblationSettings,
  ) {
    this.#model = model;
    this.#batches = batches;
    this.#settings = settings;
    this.steps = settings.steps;
    this.#shapes = Object.entries(start.values).map(([site, { shape }]) => [site, shape] as const);
    this.#constants = Float64Array.from(this.#shapes.flatMap(([site]) => [...start.values[site]!.data]));
    this.#adam = adamState(this.#constants.length);
  }

  static async create(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    settings: OptimalAblationSettings,
  ): Promise<ConstantTraining> {
    return new ConstantTraining(model, batches, await model.constantMeans(batches, 'clean'), settings);
  }

  get done(): number {
    return this.#adam.steps;
  }
  /** The loss that each step saw before it was taken. */
  get losses(): readonly number[] {
    return this.#losses;
  }
  /** The constants as they are now. */
  get patch(): ConstantPatch {
    const values: Record<string, Tensor<Float32Array>> = {};
    let at = 0;
    for (const [site, shape] of this.#shapes) {
      const size = elementCount(shape);
      values[site] = floatTensor(Float32Array.from(this.#constants.subarray(at, at + size)), shape);
      at += size;
    }
    return { kind: 'constant', values };
  }

  /** One step on the next batch. */
  async step(): Promise<void> {
    const batch = this.#batches[this.done % this.#batches.length]!;
    const clean = this.#references.get(batch) ?? (await this.#model.run(inputOf(batch, 'clean'))); // [prompts, positions?, outputs]
    this.#references.set(batch, clean);
    const objective =
      this.#model.outputSize === 1
        ? ({ kind: 'mse', tokenFunction: 'logit', targets: clean } as const)
        : ({ kind: 'kl', referenceLogits: clean } as const);
    const mask = this.#randomMask(batch);
    const { loss, gradients } = await this.#model.constantGradient(batch, {
      input: 'clean',
      patch: this.patch,
      mask,
      objective,
    });
    const flat = Float64Array.from(this.#shapes.flatMap(([site]) => [...gradients[site]!]));
    adamStep(this.#adam, this.#constants, flat, this.#settings.learningRate);
    this.#losses.push(loss);
  }

  /** For each prompt a share of the edges, patched. It belongs to the seed, the step and the prompt, and to nothing else. */
  #randomMask({ prompts }: PromptBatch): Mask {
    const { graph } = this.#model;
    const shapes = graph.destinationBlocks.map((block) => [block.module, scoreShape(graph, block)] as const);
    const datas = shapes.map(([, shape]) => new Float32Array(prompts.length * elementCount(shape)));
    for (const [item, prompt] of prompts.entries()) {
      const random = seededRandom(this.#settings.seed, `optimal ablation/step ${this.done}/prompt ${prompt.index}`);
      const share = random.uniform();
      for (const data of datas) {
        const size = data.length / prompts.length;
        for (let i = item * size; i < (item + 1) * size; i++) data[i] = random.uniform() < share ? 1 : 0;
      }
    }
    const tensors = shapes.map(
      ([module, shape], i) => [module, floatTensor(datas[i]!, [prompts.length, ...shape])] as const,
    );
    return { perItem: true, tensors: Object.fromEntries(tensors) };
  }

  /** `restore` of it goes on bit for bit. */
  toCheckpoint(): CheckpointData {
    const { mean, square } = this.#adam;
    const arrays = {
      constants: this.#constants.slice(),
      mean: mean.slice(),
      square: square.slice(),
      losses: Float64Array.from(this.#losses),
    };
    return { state: { steps: this.done, work: JSON.stringify(this.#settings) }, arrays };
  }
  /** @throws AutoCircuitError for a checkpoint of other work */
  restore({ state, arrays }: CheckpointData): void {
    const fits = state.work === JSON.stringify(this.#settings) && arrays.constants?.length === this.#constants.length;
    if (!fits) {
      throw new AutoCircuitError({
        where: 'optimal ablation',
        what: 'the partial work in the run folder is of other work',
        expected: JSON.stringify(this.#settings),
        got: `${state.work}`,
        fix: 'start again with --overwrite',
      });
    }
    this.#constants.set(arrays.constants!);
    this.#adam.mean.set(arrays.mean ?? []);
    this.#adam.square.set(arrays.square ?? []);
    this.#adam.steps = Number(state.steps);
    this.#losses.splice(0, this.#losses.length, ...(arrays.losses ?? []));
  }
}

export interface ConstantTrainingHooks {
  readonly seed?: number;
  /** Where unfinished and finished training is kept. */
  readonly checkpoint?: Checkpoint | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Trains to the end, from where a stopped or finished training had come to. */
export async function optimalConstants(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  { seed = 0, checkpoint, signal, onProgress }: ConstantTrainingHooks = {},
): Promise<ConstantPatch> {
  const training = await ConstantTraining.create(model, batches, { ...OPTIMAL_ABLATION, seed });
  const saved = await checkpoint?.load();
  if (saved) training.restore(saved);
  let lastSave = performance.now();
  while (training.done < training.steps) {
    if (signal?.aborted) await checkpoint?.save(training.toCheckpoint());
    signal?.throwIfAborted();
    await training.step();
    onProgress?.(training.done, training.steps);
    const due = performance.now() - lastSave > SECONDS_BETWEEN_SAVES * 1000;
    if (due) lastSave = performance.now();
    if (due || training.done === training.steps) await checkpoint?.save(training.toCheckpoint());
  }
  return training.patch;
}
