/** @file Optimal ablation: constants for every source node, trained so that patching them in changes the output least. */

import { scoreShape } from '../graph/build.js';
import type { Mask } from '../graph/types.js';
import { seededRandom } from '../numeric/seeded-random.js';
import type { ConstantPatch } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import { inputOf } from '../prompts/prompts.js';
import type { PromptBatch } from '../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../tensor/tensor.js';
import { Trainer, type TrainingEvaluation } from '../training/trainer.js';
import { promptsHash } from './prompts-hash.js';
import { withCheckpointPath } from './score-errors.js';

const WHERE = 'optimal ablation';

/** How constants are trained; each default stands here. */
export const OPTIMAL_ABLATION = Object.freeze({ steps: 200, learningRate: 0.02 });

/** How constants are trained: steps of one batch each, Adam's learning rate, and the seed of the circuits that are drawn. */
export interface OptimalAblationSettings {
  readonly steps: number;
  readonly learningRate: number;
  readonly seed: number;
}

/**
 * Optimal ablation (Li and Janson 2024, "Optimal ablation for interpretability", https://arxiv.org/abs/2409.09951):
 * a = argmin E[loss of the model with a node's output replaced by a]. One vector for each source node, the same for all
 * prompts and positions, serves circuits of every size: each step draws for every prompt a share of the edges, uniform from 0
 * to 1, patches so many at random and moves the constants by Adam towards the clean output (KL in nats; squared differences
 * where the output is one number). They start at the mean over the clean prompts. The constant of a head is one of what it
 * writes before its output matrix.
 */
export class ConstantTraining extends Trainer<'constants', 'loss'> {
  readonly #model: PatchableModel;
  readonly #batches: readonly PromptBatch[];
  readonly #seed: number;
  readonly #shapes: readonly (readonly [site: string, shape: readonly number[]])[];
  /** Site after site. */
  readonly #constants: Float64Array;
  readonly #references = new Map<PromptBatch, Tensor<Float32Array>>();

  private constructor(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    start: ConstantPatch,
    { steps, learningRate, seed }: OptimalAblationSettings,
  ) {
    const sites = Object.entries(start.values);
    const constants = Float64Array.from(sites.flatMap(([, { data }]) => [...data]));
    super({
      where: WHERE,
      steps,
      parameters: { constants: { values: constants, learningRate } },
      curves: { loss: [] },
    });
    this.#model = model;
    this.#batches = batches;
    this.#seed = seed;
    this.#shapes = sites.map(([site, { shape }]) => [site, shape] as const);
    this.#constants = constants;
  }

  static async create(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    settings: OptimalAblationSettings,
  ): Promise<ConstantTraining> {
    return new ConstantTraining(model, batches, await model.constantMeans(batches, 'clean'), settings);
  }

  /** The constants as they are now, in float32: for each site [rows, width]. */
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

  /** The loss on the next batch, with the edges patched that the next step draws, and its gradient. */
  override async evaluate(): Promise<TrainingEvaluation<'constants', 'loss'>> {
    const batch = this.#batches[this.done % this.#batches.length]!;
    const clean = this.#references.get(batch) ?? (await this.#model.run(inputOf(batch, 'clean'))); // [prompts, positions?, outputs]
    this.#references.set(batch, clean);
    const objective =
      this.#model.outputSize === 1
        ? ({ kind: 'mse', tokenFunction: 'logit', targets: clean } as const)
        : ({ kind: 'kl', referenceLogits: clean } as const);
    const { loss, gradients } = await this.#model.constantGradient(batch, {
      input: 'clean',
      patch: this.patch,
      mask: this.#randomMask(batch),
      objective,
    });
    const constants = Float64Array.from(this.#shapes.flatMap(([site]) => [...gradients[site]!]));
    return { gradients: { constants }, points: { loss } };
  }

  /** For each prompt a share of the edges, patched. It belongs to the seed, the step and the prompt, and to nothing else. */
  #randomMask({ prompts }: PromptBatch): Mask {
    const { graph } = this.#model;
    const shapes = graph.destinationBlocks.map((block) => [block.module, scoreShape(graph, block)] as const);
    const datas = shapes.map(([, shape]) => new Float32Array(prompts.length * elementCount(shape)));
    for (const [item, prompt] of prompts.entries()) {
      const random = seededRandom(this.#seed, `optimal ablation/step ${this.done}/prompt ${prompt.index}`);
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
}

/** What a run gives to the training of constants. */
export interface ConstantTrainingHooks {
  readonly seed?: number;
  /** Where unfinished and finished training is kept. */
  readonly checkpoint?: Checkpoint | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Trains to the end, from where a stopped or finished training had come to.
 * @throws AutoCircuitError `wrong-checkpoint` when what was kept is of another training, or damaged
 */
export async function optimalConstants(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  { seed = 0, checkpoint, signal, onProgress }: ConstantTrainingHooks = {},
): Promise<ConstantPatch> {
  const settings = { ...OPTIMAL_ABLATION, seed };
  const training = await ConstantTraining.create(model, batches, settings);
  // Everything that the constants depend on, so that those of other prompts or of another model are not taken for these.
  const key = {
    ...settings,
    objective: model.outputSize === 1 ? 'mse' : 'kl',
    outputs: model.outputs,
    prompts: promptsHash(batches.flatMap(({ prompts }) => prompts)),
    batches: batches.map(({ prompts }) => prompts.length),
  };
  const hooks = {
    progress: { report: (done: number, total: number) => onProgress?.(done, total) },
    ...(checkpoint ? { checkpoint: constantsFile(checkpoint, JSON.stringify(settings), JSON.stringify(key)) } : {}),
    ...(signal ? { signal } : {}),
  };
  await training.train(hooks, { key, keepFinished: true }).catch((error: unknown) => {
    throw withCheckpointPath(error, checkpoint?.path);
  });
  return training.patch;
}

/** Arrays of a training's checkpoint by the names that they have in `constants.safetensors`. */
const FILE_NAMES: Readonly<Record<string, string>> = {
  constants: 'constants',
  'constants/mean': 'mean',
  'constants/square': 'square',
  'curve/loss': 'losses',
};
const TRAINING_NAMES = Object.fromEntries(Object.entries(FILE_NAMES).map(([ours, inFile]) => [inFile, ours]));

/** The checkpoint, with arrays under the names of the file: it is a result of a run, and stays readable. */
function constantsFile(checkpoint: Checkpoint, earlyKey: string, key: string): Checkpoint {
  const renamed = ({ state, arrays }: CheckpointData, names: Readonly<Record<string, string>>): CheckpointData => ({
    state,
    arrays: Object.fromEntries(Object.entries(arrays).map(([name, array]) => [names[name] ?? name, array])),
  });
  return {
    path: checkpoint.path,
    async load() {
      const saved = await checkpoint.load();
      if (!saved) return null;
      // Early versions said less of what was trained; their runs are still read.
      const { work } = saved.state;
      const state = { ...saved.state, work: work === earlyKey ? key : work };
      return renamed({ ...saved, state }, TRAINING_NAMES);
    },
    save: (data, options) => checkpoint.save(renamed(data, FILE_NAMES), options),
  };
}
