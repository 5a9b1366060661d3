/** @file Training a set of knock-outs inside a circuit that makes the model and the circuit behave as differently as can be. */
import {
  AutoCircuitError,
  floatTensor,
  MASK_FUNCTIONS,
  type Mask,
  type MaskFunctionName,
  type Objective,
  type PatchableModel,
  type PatchDescription,
  type PromptBatch,
  type PromptGradients,
  type PruneScores,
  type Tensor,
  Trainer,
  type TrainingEvaluation,
} from '@auto-circuit/core/plugin';
import type { MaskNoise } from './mask-noise.js';
import { blockRanges, placeOf, tensorsByModule } from './parameter-layout.js';

/** How knock-outs are trained. */
export interface KnockoutTrainingSettings {
  /** Canonical numbers of the circuit's edges: only these can be knocked out. */
  readonly circuit: readonly number[];
  readonly patch: PatchDescription;
  /** What is to differ: KL(model ‖ circuit), or the model's logit difference above the circuit's. */
  readonly target: 'kl' | 'logit-diff';
  readonly maskFunction: MaskFunctionName;
  readonly noise: MaskNoise;
  readonly learningRate: number;
  /** Each goes once through all batches, a step a batch. */
  readonly epochs: number;
  /** Every parameter at the start; below 0: few knock-outs. */
  readonly init: number;
  /** Weight of the knock-outs beyond those that are free. */
  readonly lambda: number;
  /** Share of the circuit that may be knocked out at no cost. */
  readonly free: number;
}

/** The parameter of an edge outside the circuit, which stays in the model and out of the circuit. */
export const OUTSIDE = -99;

type Curve = 'loss' | 'difference' | 'regularization';

const LOGIT_DIFF: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };

/**
 * The adversarial completeness of a circuit (Wang et al. 2022, https://arxiv.org/abs/2211.00593, trained as in
 * AutoCircuit): knock-outs K inside the circuit C are learned by Adam (see `Trainer`) so that the model without K and the
 * circuit without K differ most. Minimises −difference(model∖K, C∖K) + λ · ReLU(|K| − n) ÷ n, n being the knock-outs that
 * are free (AutoCircuit: a fifth of the circuit). A complete circuit leaves nothing to find. Gradients go through both runs.
 */
export class KnockoutTraining extends Trainer<'parameters', Curve> {
  /** In the order of the score tensors: [edges]; `OUTSIDE` for edges that are not in the circuit. */
  readonly parameters: Float64Array;
  readonly #model: PatchableModel;
  readonly #batches: readonly PromptBatch[];
  readonly #settings: KnockoutTrainingSettings;
  readonly #inside: readonly number[];

  /** @throws AutoCircuitError `circuit-mismatch` for a circuit without edges */
  constructor(model: PatchableModel, batches: readonly PromptBatch[], settings: KnockoutTrainingSettings) {
    if (settings.circuit.length === 0) {
      throw new AutoCircuitError({
        code: 'circuit-mismatch',
        where: 'adversarial-knockouts',
        what: 'the circuit has no edges to knock out',
      });
    }
    const inside = [...new Set(settings.circuit)].map((edge) => placeOf(model.graph, edge));
    const parameters = new Float64Array(model.graph.edgeCount).fill(OUTSIDE);
    for (const place of inside) parameters[place] = settings.init;
    super({
      where: 'adversarial-knockouts',
      steps: settings.epochs * batches.length,
      parameters: { parameters: { values: parameters, learningRate: settings.learningRate } },
      curves: { loss: [], difference: [], regularization: [] },
    });
    this.parameters = parameters;
    this.#model = model;
    this.#batches = batches;
    this.#settings = settings;
    this.#inside = inside;
  }

  /** The loss on the next batch, and its gradient; `difference` is the curve that is to grow. */
  override async evaluate(): Promise<TrainingEvaluation<'parameters', Curve>> {
    const batch = this.#batches[this.done % this.#batches.length]!;
    const { knocked, slopes, samples } = this.#sample(batch);
    const whole = this.#mask(knocked, samples, 0); // the model: what is outside the circuit stays
    const part = this.#mask(knocked, samples, 1); // the circuit: what is outside is patched
    const { differences, gradient } = await DIFFERENCES[this.#settings.target](this.#gradients(batch, whole, part));
    const n = batch.prompts.length;
    const total = this.#contract(gradient, slopes, n).map((x) => -x);
    const regularization = this.#regularize(total);
    const difference = differences.reduce((sum, x) => sum + x, 0) / n;
    return {
      gradients: { parameters: total },
      points: { loss: regularization - difference, difference, regularization },
    };
  }

  /** How much each edge is knocked out, and its slope: [samples, edges], a sample for each prompt or one for all. */
  #sample({ prompts }: PromptBatch): { knocked: Float32Array; slopes: Float64Array; samples: number } {
    const f = MASK_FUNCTIONS[this.#settings.maskFunction];
    const size = this.parameters.length;
    const samples = f.usesNoise ? prompts.length : 1;
    const knocked = new Float32Array(samples * size);
    const slopes = new Float64Array(samples * size);
    const uniforms = new Float64Array(size);
    for (let item = 0; item < samples; item++) {
      if (f.usesNoise) this.#settings.noise.forward(this.done, prompts[item]!, item, uniforms);
      for (const i of this.#inside) {
        knocked[item * size + i] = f.value(this.parameters[i]!, uniforms[i]!);
        slopes[item * size + i] = f.slope(this.parameters[i]!, uniforms[i]!);
      }
    }
    return { knocked, slopes, samples };
  }

  #mask(knocked: Float32Array, samples: number, outside: number): Mask {
    const size = this.parameters.length;
    const values = new Float32Array(samples * size).fill(outside);
    for (let item = 0; item < samples; item++) {
      for (const i of this.#inside) values[item * size + i] = knocked[item * size + i]!;
    }
    const perItem = MASK_FUNCTIONS[this.#settings.maskFunction].usesNoise;
    return { perItem, tensors: tensorsByModule(this.#model.graph, values, perItem ? samples : null) };
  }

  #gradients(batch: PromptBatch, whole: Mask, part: Mask): Runs {
    const { patch } = this.#settings;
    const mask = { whole, part };
    return {
      outputSize: this.#model.outputSize,
      logits: (which) => this.#model.patchedRun(batch, { input: 'clean', patch, mask: mask[which] }),
      gradient: (which, objective) =>
        this.#model.maskGradient(batch, {
          input: 'clean',
          patch,
          at: { kind: 'mask', mask: mask[which] },
          objective,
          losses: true,
        }),
    };
  }

  /** The mean over prompts of ∂difference/∂mask · ∂mask/∂parameter: [edges]. */
  #contract(summands: readonly SignedGradients[], slopes: Float64Array, prompts: number): Float64Array {
    const size = this.parameters.length;
    const gradient = new Float64Array(size);
    const stride = slopes.length === size ? 0 : size;
    for (const { sign, gradients } of summands) {
      for (const { module, start, stop } of blockRanges(this.#model.graph)) {
        const { data } = gradients.tensors[module]!; // [prompts, …]
        for (let p = 0, at = 0; p < prompts; p++) {
          for (let i = start; i < stop; i++, at++)
            gradient[i]! += (sign * data[at]! * slopes[p * stride + i]!) / prompts;
        }
      }
    }
    return gradient;
  }

  /** λ · ReLU(knock-outs in one sample − n) ÷ n; adds its gradient. */
  #regularize(gradient: Float64Array): number {
    const { lambda, free, noise, maskFunction } = this.#settings;
    const f = MASK_FUNCTIONS[maskFunction];
    const uniforms = new Float64Array(this.parameters.length);
    if (f.usesNoise) noise.regularizer(this.done, uniforms);
    const n = Math.max(1, Math.trunc(free * this.#inside.length));
    const count = this.#inside.reduce((sum, i) => sum + f.value(this.parameters[i]!, uniforms[i]!), 0);
    if (count <= n) return 0;
    for (const i of this.#inside) gradient[i]! += (lambda * f.slope(this.parameters[i]!, uniforms[i]!)) / n;
    return (lambda * (count - n)) / n;
  }

  /** How likely each edge is knocked out, 0 outside the circuit. */
  scores(): PruneScores {
    const { probability } = MASK_FUNCTIONS[this.#settings.maskFunction];
    const values = new Float32Array(this.parameters.length);
    for (const i of this.#inside) values[i] = probability(this.parameters[i]!);
    return Object.freeze(tensorsByModule(this.#model.graph, values, null));
  }
}

/** The two runs of a step: the model without the knock-outs, and the circuit without them. */
interface Runs {
  readonly outputSize: number;
  logits(which: 'whole' | 'part'): Promise<Tensor<Float32Array>>;
  gradient(which: 'whole' | 'part', objective: Objective): Promise<PromptGradients>;
}
interface SignedGradients {
  readonly sign: 1 | -1;
  readonly gradients: PromptGradients;
}
interface Difference {
  /** By prompt. */
  readonly differences: readonly number[];
  /** Whose sum is ∂difference/∂mask. */
  readonly gradient: readonly SignedGradients[];
}

const DIFFERENCES: Readonly<Record<KnockoutTrainingSettings['target'], (runs: Runs) => Promise<Difference>>> = {
  async kl(runs) {
    const reference = await runs.logits('whole');
    const part = await runs.gradient('part', { kind: 'kl', referenceLogits: reference });
    const targets = pullOf(reference, await runs.logits('part'), runs.outputSize);
    const whole = await runs.gradient('whole', { kind: 'mse', tokenFunction: 'logit', targets });
    return {
      differences: Array.from(part.losses!),
      gradient: [
        { sign: 1, gradients: part },
        { sign: 1, gradients: whole },
      ],
    };
  },
  async 'logit-diff'(runs) {
    const [whole, part] = [await runs.gradient('whole', LOGIT_DIFF), await runs.gradient('part', LOGIT_DIFF)];
    // M is minus the logit difference
    return {
      differences: Array.from(part.losses!, (m, i) => m - whole.losses![i]!),
      gradient: [
        { sign: 1, gradients: part },
        { sign: -1, gradients: whole },
      ],
    };
  },
};

/**
 * Targets t of a mean squared difference whose gradient at the logits z is that of KL(softmax z ‖ softmax y) with respect to z,
 * p · (ln p − ln q − KL): since d mean (z − t)² / dz = 2 (z − t) / size, t = z − size/2 of it. Rows of `size` numbers.
 */
function pullOf(z: Tensor<Float32Array>, y: Tensor<Float32Array>, size: number): Tensor<Float32Array> {
  const targets = new Float32Array(z.data.length);
  for (let start = 0; start < z.data.length; start += size) {
    const p = logSoftmax(z.data.subarray(start, start + size));
    const q = logSoftmax(y.data.subarray(start, start + size));
    const kl = p.reduce((sum, logP, i) => sum + Math.exp(logP) * (logP - q[i]!), 0);
    for (let i = 0; i < size; i++) {
      targets[start + i] = z.data[start + i]! - (size / 2) * Math.exp(p[i]!) * (p[i]! - q[i]! - kl);
    }
  }
  return floatTensor(targets, z.shape);
}

function logSoftmax(row: Float32Array): Float64Array {
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return Float64Array.from(row, (x) => x - most - total);
}
