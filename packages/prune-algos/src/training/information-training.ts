/** @file Training how much each edge carries of what it carries, and how much noise: as little information as keeps the output. */
import {
  type Graph,
  type Pace,
  type PatchableModel,
  type PromptBatch,
  type PruneScores,
  Trainer,
  type TrainingEvaluation,
} from '@auto-circuit/core/plugin';
import type { ActivationNoise } from './activation-noise.js';
import { type BatchTarget, FAITHFULNESS_TARGETS } from './faithfulness-targets.js';
import { blockRanges, tensorsByModule } from './parameter-layout.js';

/** How it is trained. */
export interface InformationSettings {
  readonly seed: number;
  readonly noise: ActivationNoise;
  readonly learningRate: number;
  /** Each goes once through all batches, a step a batch. */
  readonly epochs: number;
  /** The price of a nat of information, in nats of divergence. */
  readonly beta: number;
  /** The parameters at the start: log odds of the share that is an edge's own. */
  readonly init: number;
  /** How much further inside the circuit each edge starts: [edges]. */
  readonly warmStart: Float64Array | null;
  readonly pace: Pace;
}

type Curve = 'loss' | 'faithfulness' | 'information';

/**
 * Minimises KL(clean output ‖ output with noise) + β · I by Adam (see `Trainer`), a step for each batch. An edge with parameter w
 * carries λ · (what its source writes) + (1 − λ) · noise, λ = σ(w); I is the mean over edges of `carriedInformation`.
 */
export class InformationTraining extends Trainer<'parameters', Curve> {
  /** Log odds, in the order of the score tensors, module after module: [edges]. */
  readonly parameters: Float64Array;
  readonly #graph: Graph;
  readonly #model: PatchableModel;
  readonly #settings: InformationSettings;
  readonly #targets: readonly BatchTarget[];

  private constructor(model: PatchableModel, targets: readonly BatchTarget[], settings: InformationSettings) {
    const { epochs, init, learningRate, pace, warmStart } = settings;
    const parameters = Float64Array.from({ length: model.graph.edgeCount }, (_, i) => init + (warmStart?.[i] ?? 0));
    super({
      where: 'ibcircuit',
      steps: epochs * targets.length,
      parameters: { parameters: { values: parameters, learningRate } },
      curves: { loss: [], faithfulness: [], information: [] },
      pace,
    });
    this.parameters = parameters;
    this.#model = model;
    this.#graph = model.graph;
    this.#settings = settings;
    this.#targets = targets;
  }

  static async create(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    settings: InformationSettings,
  ): Promise<InformationTraining> {
    const targets: BatchTarget[] = [];
    for (const batch of batches) targets.push(await FAITHFULNESS_TARGETS.kl(model, batch));
    return new InformationTraining(model, targets, settings);
  }

  /** The loss on the next batch under the noise of the next step, and its gradient. */
  override async evaluate(): Promise<TrainingEvaluation<'parameters', Curve>> {
    const { beta, noise, seed } = this.#settings;
    const { batch, objective } = this.#targets[this.done % this.#targets.length]!;
    const edges = this.parameters.length;
    const own = this.parameters.map(sigmoid);
    const noisy = Float32Array.from(own, (share) => 1 - share);
    const { tensors, losses } = await this.#model.maskGradient(batch, {
      input: 'clean',
      patch: noise.patch(batch, seed, this.done),
      at: { kind: 'mask', mask: { perItem: false, tensors: tensorsByModule(this.#graph, noisy, null) } },
      objective,
      losses: true,
    });
    const prompts = batch.prompts.length;
    const gradient = new Float64Array(edges);
    for (const { module, start, stop } of blockRanges(this.#graph)) {
      const { data } = tensors[module]!; // [prompts, …]: ∂KL/∂(share of noise)
      for (let i = start; i < stop; i++) {
        for (let at = i - start; at < data.length; at += stop - start) gradient[i]! -= data[at]! / prompts;
      }
    }
    let information = 0;
    for (const [i, w] of this.parameters.entries()) {
      const { nats, slope } = carriedInformation(w);
      information += nats / edges;
      gradient[i] = gradient[i]! * own[i]! * (1 - own[i]!) + (beta * slope) / edges;
    }
    const faithfulness = losses!.reduce((sum, loss) => sum + loss, 0) / prompts;
    return {
      gradients: { parameters: gradient },
      points: { loss: faithfulness + beta * information, faithfulness, information },
    };
  }

  /** How far each parameter is above that of the edge that carries the least. */
  scores(): PruneScores {
    const least = this.parameters.reduce((a, w) => Math.min(a, w), Number.POSITIVE_INFINITY);
    return Object.freeze(
      tensorsByModule(
        this.#graph,
        Float32Array.from(this.parameters, (w) => w - least),
        null,
      ),
    );
  }
}

/**
 * What an edge with log odds w still tells of what its source writes, in nats for each number, and ∂/∂w. With h of mean μ and
 * standard deviation σ over prompts the edge carries λh + (1 − λ)ε, ε normal with these; given h that is normal with mean
 * λh + (1 − λ)μ and deviation (1 − λ)σ. Its divergence from N(μ, σ²) is ½ ((1 − λ)² + λ² ((h − μ)/σ)² − 1) − ln(1 − λ), and the
 * mean of that over prompts, where ((h − μ)/σ)² has the mean 1, is λ² − λ − ln(1 − λ): from 0 at λ = 0 to ∞.
 */
export function carriedInformation(w: number): { readonly nats: number; readonly slope: number } {
  const share = sigmoid(w);
  const open = Math.max(w, 0) + Math.log1p(Math.exp(-Math.abs(w))); // −ln(1 − λ)
  const spread = share * sigmoid(-w); // λ(1 − λ) = ∂λ/∂w
  return { nats: open - spread, slope: spread * (2 * share - 1) + share };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
