/** @file Training one mask by gradient descent: the parameter of an edge says how likely it is patched. */
import {
  type Graph,
  MASK_FUNCTIONS,
  type Mask,
  type MaskFunction,
  type MaskFunctionName,
  type Objective,
  objectiveByBatch,
  type Pace,
  type PatchableModel,
  type PatchDescription,
  type PromptBatch,
  type PromptGradients,
  type PruneScores,
  type Side,
  type Tensor,
  Trainer,
  type TrainingEvaluation,
} from '@auto-circuit/core/plugin';
import type { PatchType } from '@auto-circuit/core/run';
import {
  type BatchTarget,
  FAITHFULNESS_TARGETS,
  type FaithfulnessTarget,
  type PrepareTarget,
} from './faithfulness-targets.js';
import type { MaskNoise } from './mask-noise.js';
import { blockRanges, placeOf, tensorsByModule } from './parameter-layout.js';

/** How a mask is trained. */
export interface MaskTrainingSettings {
  /** tree: what is patched is outside the circuit; edge: it is the circuit. */
  readonly patchType: PatchType;
  /** The side that is run, and what is patched into it. */
  readonly input: Side;
  readonly patch: PatchDescription;
  readonly target: FaithfulnessTarget;
  /** For the target `mse`: [all prompts, outputs]; default the clean logits. */
  readonly targets?: Tensor<Float32Array> | undefined;
  /** For the target `objective`: the run's, over all prompts. */
  readonly objective?: Objective | undefined;
  readonly maskFunction: MaskFunctionName;
  readonly noise: MaskNoise;
  /** Mask dropout: the probability that an edge of a prompt is left unpatched in a step. Default 0. */
  readonly dropout?: number;
  readonly learningRate: number;
  /** Each goes once through all batches, a step a batch. */
  readonly epochs: number;
  /** Every parameter at the start; its negative for an edge patch. Above 0: the circuit starts small. */
  readonly init: number;
  /** How much further inside the circuit each edge starts, in the parameter's unit: [edges]. Default: all alike. */
  readonly warmStart?: Float64Array | null;
  readonly lambda: number;
  /** The number of edges to come down to; null: the fewer the better. */
  readonly size: number | null;
  /** How edges in the circuit are counted: in one sample of the mask (the default), or by their probability. */
  readonly countBy?: 'sample' | 'probability';
  /** Share of the steps over which the size asked for comes down from all edges. Default 0: it is asked for from the start. */
  readonly descent?: number;
  /** How the learning rate changes. Default: not. */
  readonly pace?: Pace;
  /** Canonical numbers of edges that are to stay out of the circuit. */
  readonly avoid: readonly number[];
  readonly avoidLambda: number;
}

type Curve = 'loss' | 'faithfulness' | 'regularization';
/** What each step saw before it was taken: the loss, and the two summands that it is made of. */
export type TrainingCurves = MaskTraining['curves'];

/**
 * Minimises target + λ · (R + λ_avoid · A) by Adam (see `Trainer`), a step for each batch:
 * - R = edges in the circuit ÷ all edges, or ReLU(edges − size) ÷ size, edges counted by one sample of the mask, or by probability;
 * - A = the mean over edges to avoid of the probability that they are patched, counted against the circuit: − for a tree.
 *
 * Masks that use noise have one sample for each prompt. Gradients are taken over the whole batch before a step, in float64.
 */
export class MaskTraining extends Trainer<'parameters', Curve> {
  /** In the order of the score tensors, module after module: [edges]. */
  readonly parameters: Float64Array;
  readonly #graph: Graph;
  readonly #model: PatchableModel;
  readonly #settings: MaskTrainingSettings;
  readonly #targets: readonly BatchTarget[];
  readonly #avoid: readonly number[];

  private constructor(model: PatchableModel, targets: readonly BatchTarget[], settings: MaskTrainingSettings) {
    const { init, warmStart } = settings;
    const sign = signOf(settings);
    const parameters = Float64Array.from(
      { length: model.graph.edgeCount },
      (_, i) => sign * (init - (warmStart?.[i] ?? 0)),
    );
    super({
      where: 'learned masks',
      steps: settings.epochs * targets.length,
      parameters: { parameters: { values: parameters, learningRate: settings.learningRate } },
      curves: { loss: [], faithfulness: [], regularization: [] },
      ...(settings.pace ? { pace: settings.pace } : {}),
    });
    this.parameters = parameters;
    this.#model = model;
    this.#graph = model.graph;
    this.#settings = settings;
    this.#targets = targets;
    this.#avoid = settings.avoid.map((edge) => placeOf(model.graph, edge));
  }

  static async create(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    settings: MaskTrainingSettings,
  ): Promise<MaskTraining> {
    const prepare: PrepareTarget = FAITHFULNESS_TARGETS[settings.target];
    const dense = settings.targets && denseRows(settings.targets, batches);
    const targets: BatchTarget[] = [];
    const asked = settings.target === 'objective' ? settings.objective : undefined;
    const objectives = asked && objectiveByBatch(asked, batches);
    for (const [b, batch] of batches.entries()) {
      targets.push(await prepare(model, batch, dense?.[b], objectives?.[b]));
    }
    return new MaskTraining(model, targets, settings);
  }

  /** The loss on the next batch, and its gradient. */
  override async evaluate(): Promise<TrainingEvaluation<'parameters', Curve>> {
    const { input, patch } = this.#settings;
    const target = this.#targets[this.done % this.#targets.length]!;
    const { batch, objective } = target;
    const { mask, slopes } = this.#sample(batch);
    const at = { kind: 'mask', mask } as const;
    const gradients = await this.#model.maskGradient(batch, { input, patch, at, objective, losses: true });
    const gradient = this.#contract(gradients, slopes, target);
    const regularization = this.#regularize(gradient);
    const faithfulness = meanOf(gradients.losses!, target.value);
    return {
      gradients: { parameters: gradient },
      points: { loss: faithfulness + regularization, faithfulness, regularization },
    };
  }

  /** The mask of a step and its slopes: [prompts, edges] with noise or dropout, [1, edges] without. */
  #sample({ prompts }: PromptBatch): { mask: Mask; slopes: Float64Array } {
    const f = this.#function;
    const { dropout = 0, noise } = this.#settings;
    const size = this.parameters.length;
    const perItem = f.usesNoise || dropout > 0;
    const samples = perItem ? prompts.length : 1;
    const values = new Float32Array(samples * size);
    const slopes = new Float64Array(samples * size);
    const uniforms = new Float64Array(size);
    for (let item = 0; item < samples; item++) {
      if (f.usesNoise) noise.forward(this.done, prompts[item]!, item, uniforms);
      for (const [i, m] of this.parameters.entries()) {
        values[item * size + i] = f.value(m, uniforms[i]!);
        slopes[item * size + i] = f.slope(m, uniforms[i]!);
      }
      if (dropout === 0) continue;
      noise.dropout?.(this.done, prompts[item]!, item, uniforms);
      for (let i = 0; i < size; i++) {
        const scale = uniforms[i]! < dropout ? 0 : 1 / (1 - dropout); // the mean over samples is the mask
        values[item * size + i]! *= scale;
        slopes[item * size + i]! *= scale;
      }
    }
    const tensors = tensorsByModule(this.#graph, values, perItem ? samples : null);
    return { mask: { perItem, tensors }, slopes };
  }

  /** The mean over prompts of ∂value/∂M · ∂M/∂mask · ∂mask/∂parameter: [edges]. */
  #contract({ tensors, losses }: PromptGradients, slopes: Float64Array, target: BatchTarget): Float64Array {
    const factors = Array.from(losses!, target.slope);
    const size = this.parameters.length;
    const gradient = new Float64Array(size);
    const stride = slopes.length === size ? 0 : size;
    for (const { module, start, stop } of blockRanges(this.#graph)) {
      const { data } = tensors[module]!; // [prompts, …]
      for (let p = 0, at = 0; p < factors.length; p++) {
        for (let i = start; i < stop; i++, at++) gradient[i]! += factors[p]! * data[at]! * slopes[p * stride + i]!;
      }
    }
    return gradient.map((sum) => sum / factors.length);
  }

  /** λ · (R + λ_avoid · A); adds its gradient. */
  #regularize(gradient: Float64Array): number {
    const { lambda, avoidLambda, noise, countBy = 'sample' } = this.#settings;
    const size = this.#sizeNow();
    const sign = signOf(this.#settings);
    const f = this.#function;
    const [value, slope] = countBy === 'sample' ? [f.value, f.slope] : [f.probability, f.probabilitySlope];
    const edges = this.parameters.length;
    const uniforms = new Float64Array(edges);
    if (f.usesNoise && countBy === 'sample') noise.regularizer(this.done, uniforms);
    let inCircuit = 0;
    for (const [i, m] of this.parameters.entries()) {
      const patched = value(m, uniforms[i]!);
      inCircuit += sign === 1 ? 1 - patched : patched;
    }
    const share = size === null ? inCircuit / edges : Math.max(0, inCircuit - size) / size;
    const perEdge = size === null ? 1 / edges : inCircuit > size ? 1 / size : 0;
    for (const [i, m] of this.parameters.entries()) {
      gradient[i]! -= lambda * perEdge * sign * slope(m, uniforms[i]!);
    }
    let avoided = 0;
    for (const i of this.#avoid) {
      const weight = (-sign * avoidLambda) / this.#avoid.length;
      avoided += weight * f.probability(this.parameters[i]!);
      gradient[i]! += lambda * weight * f.probabilitySlope(this.parameters[i]!);
    }
    return lambda * (share + avoided);
  }

  /** The number of edges to come down to in this step: all · (size ÷ all)^t, t rising to 1 over the descent. */
  #sizeNow(): number | null {
    const { size, descent = 0 } = this.#settings;
    const edges = this.parameters.length;
    if (size === null || descent === 0) return size;
    return edges * (size / edges) ** Math.min(1, this.done / (descent * this.steps));
  }

  get #function(): MaskFunction {
    return MASK_FUNCTIONS[this.#settings.maskFunction];
  }

  /** How far each parameter has come towards the circuit: 0 for the edge that is furthest outside. */
  scores(): PruneScores {
    const sign = signOf(this.#settings);
    const towards = this.parameters.map((m) => -sign * m);
    const least = towards.reduce((a, x) => Math.min(a, x), Number.POSITIVE_INFINITY);
    return Object.freeze(
      tensorsByModule(
        this.#graph,
        Float32Array.from(towards, (x) => x - least),
        null,
      ),
    );
  }
}

/** 1 where a patched edge is out of the circuit, −1 where it is in it. */
const signOf = ({ patchType }: MaskTrainingSettings): 1 | -1 => (patchType === 'tree' ? 1 : -1);

const meanOf = (losses: Float32Array, value: BatchTarget['value']): number =>
  losses.reduce((sum, m, item) => sum + value(m, item), 0) / losses.length;

/** The rows of each batch. */
const denseRows = (targets: Tensor<Float32Array>, batches: readonly PromptBatch[]): Tensor<Float32Array>[] =>
  objectiveByBatch({ kind: 'mse', tokenFunction: 'logit', targets }, batches).flatMap((objective) =>
    objective.kind === 'mse' && objective.targets ? [objective.targets] : [],
  );
