/** @file Training by Adam, step by step, that can be stopped at any step and goes on bit for bit. */
import { type AdamState, adamState, adamStep } from '../numeric/adam.js';
import type { CheckpointData } from '../plugin/checkpoint.js';
import { CheckpointReader, type SavedArrayRule } from './checkpoint-reader.js';
import { resumableWork, type WorkDescription, type WorkHooks } from './resumable-work.js';

/** One list of parameters. */
export interface TrainedParameters {
  /** Moved in place by every step. */
  readonly values: Float64Array;
  readonly learningRate: number;
}

/** What is trained. `Name` are the names of its parameters, `Curve` those of the numbers that a step is judged by. */
export interface TrainerSpec<Name extends string, Curve extends string> {
  /** Who trains, for errors: the name of the algorithm. */
  readonly where: string;
  readonly steps: number;
  readonly parameters: Readonly<Record<Name, TrainedParameters>>;
  /** Empty lists: each step adds a number to each. */
  readonly curves: Readonly<Record<Curve, number[]>>;
  /** How learning rates change over the steps. Default: they do not. */
  readonly pace?: Pace;
}

/** How the learning rates of a training rise at its start and fall at its end. */
export interface Pace {
  /** Steps over which they rise from near 0. */
  readonly warmup: number;
  /** From there: no change, or down to near 0 in a straight line at the last step. */
  readonly decay: 'none' | 'linear';
}

/**
 * The share of its learning rates that a training takes in a step: (step + 1) ÷ (warmup + 1) while it warms up, then 1, or
 * what is left of the steps ÷ the steps after the warm-up.
 * @param step from 0, of `steps`
 */
export function paceAt({ warmup, decay }: Pace, step: number, steps: number): number {
  if (step < warmup) return (step + 1) / (warmup + 1);
  return decay === 'none' ? 1 : (steps - step) / (steps - Math.min(warmup, steps - 1));
}

/** The loss around the parameters as they stand, on the batch and under the noise of the next step. */
export interface TrainingEvaluation<Name extends string, Curve extends string> {
  /** ∂loss/∂parameter, each as long as its parameters. */
  readonly gradients: Readonly<Record<Name, Float64Array>>;
  /** The point that this step adds to each curve. */
  readonly points: Readonly<Record<Curve, number>>;
}

/**
 * Minimises a loss by Adam (see `adamStep`). A subclass says what the loss is by `evaluate`; parameters, Adam's moments,
 * curves, progress and checkpoints are kept here.
 */
export abstract class Trainer<Name extends string = string, Curve extends string = string> {
  /** Steps in all. */
  readonly steps: number;
  readonly #where: string;
  readonly #parameters: readonly (TrainedParameters & { readonly name: Name; readonly adam: AdamState })[];
  readonly #curves: Readonly<Record<Curve, number[]>>;
  readonly #pace: Pace;
  #done = 0;

  constructor({ where, steps, parameters, curves, pace }: TrainerSpec<Name, Curve>) {
    this.steps = steps;
    this.#pace = pace ?? { warmup: 0, decay: 'none' };
    this.#where = where;
    this.#curves = curves;
    const list = [];
    for (const name in parameters) {
      list.push({ name, ...parameters[name], adam: adamState(parameters[name].values.length) });
    }
    this.#parameters = list;
  }

  /** The gradient that the next step goes down, and what it adds to the curves. Changes nothing. */
  abstract evaluate(): Promise<TrainingEvaluation<Name, Curve>>;

  /** Steps taken. */
  get done(): number {
    return this.#done;
  }
  /** What each step saw before it was taken. */
  get curves(): Readonly<Record<Curve, readonly number[]>> {
    return this.#curves;
  }

  /** Takes one step. */
  async step(): Promise<void> {
    const { gradients, points } = await this.evaluate();
    for (const curve in this.#curves) this.#curves[curve].push(points[curve]);
    const pace = paceAt(this.#pace, this.#done, this.steps);
    for (const { name, values, learningRate, adam } of this.#parameters) {
      adamStep(adam, values, gradients[name], pace * learningRate);
    }
    this.#done++;
  }

  /**
   * Trains to the end, from where a stopped training had come to.
   * @param key says which training this is, as JSON
   * @throws AutoCircuitError `wrong-checkpoint` when what was saved is not of this training, or damaged
   */
  async train(
    hooks: WorkHooks,
    { key, keepFinished = false }: Pick<WorkDescription, 'key' | 'keepFinished'>,
  ): Promise<void> {
    const work = await resumableWork(hooks, {
      where: this.#where,
      key,
      total: this.steps,
      unit: 'steps',
      state: () => this.toCheckpoint(),
      keepFinished,
    });
    if (work.saved) this.restore(work.saved);
    while (this.#done < this.steps) {
      await this.step();
      await work.step(this.#done);
    }
  }

  /** All that a step depends on: `restore` of it goes on bit for bit. */
  toCheckpoint(): CheckpointData {
    const arrays: Record<string, Float64Array> = {};
    for (const { name, array } of this.#arrays()) arrays[name] = array.slice();
    for (const curve in this.#curves) arrays[`curve/${curve}`] = Float64Array.from(this.#curves[curve]);
    return { state: { steps: this.#done }, arrays };
  }

  /**
   * Goes back to where `toCheckpoint` was called. A checkpoint that is refused leaves the training as it is.
   * @throws AutoCircuitError `wrong-checkpoint` when an array is missing, has another length or holds no finite numbers (mean
   * squares: from 0), or when there is one that this training does not have
   */
  restore(data: CheckpointData): void {
    const reader = new CheckpointReader(this.#where, data);
    const steps = reader.count('steps', this.steps);
    const restored = this.#arrays().map(
      ({ name, array, rule }) => [array, reader.array(name, { ...rule, length: array.length })] as const,
    );
    const curves: [number[], Float64Array][] = [];
    for (const curve in this.#curves) {
      curves.push([this.#curves[curve], reader.array(`curve/${curve}`, { length: steps, values: 'any' })]);
    }
    reader.finish();
    for (const [own, saved] of restored) own.set(saved);
    for (const [own, saved] of curves) {
      own.length = 0;
      for (const value of saved) own.push(value);
    }
    for (const { adam } of this.#parameters) adam.steps = steps;
    this.#done = steps;
  }

  #arrays(): SavedParameters[] {
    return this.#parameters.flatMap(({ name, values, adam }) => [
      { name, array: values },
      { name: `${name}/mean`, array: adam.mean },
      { name: `${name}/square`, array: adam.square, rule: { least: 0 } },
    ]);
  }
}

/** An array that is saved and restored in place. */
interface SavedParameters {
  readonly name: string;
  readonly array: Float64Array;
  /** Beside being finite and as long as it is now. */
  readonly rule?: SavedArrayRule;
}
