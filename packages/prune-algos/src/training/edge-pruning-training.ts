/** @file The training of Edge Pruning: masks of edges and of source nodes together, held to a sparsity by Lagrange multipliers. */
import {
  type Graph,
  HARD_CONCRETE,
  MASK_FUNCTIONS,
  type Pace,
  type PatchableModel,
  type PatchDescription,
  type PromptBatch,
  type PruneScores,
  seededRandom,
  Trainer,
  type TrainingEvaluation,
} from '@auto-circuit/core/plugin';
import { type BatchTarget, FAITHFULNESS_TARGETS } from './faithfulness-targets.js';
import { blockRanges, sourceOfEach, tensorsByModule } from './parameter-layout.js';

/** How masks are trained. */
export interface EdgePruningSettings {
  readonly patch: PatchDescription;
  readonly seed: number;
  readonly steps: number;
  /** Steps over which the sparsity asked for rises from 0. */
  readonly warmup: number;
  readonly learningRate: number;
  readonly multiplierRate: number;
  /** Share of edges to remove; above 1 it only presses harder. */
  readonly sparsity: number;
  /**
   * How the sparsity rises over the warm-up: by the same share of all edges in each step (the default), or by the same share
   * of the edges that are left, for a sparsity below 1.
   */
  readonly ramp?: 'linear' | 'geometric';
  /** The mean of the parameters at the start: log odds that an edge, or a node, is kept. Default 10. */
  readonly start?: number;
  /** How much above `start` the parameter of each edge starts: [edges]. Default: 0. */
  readonly warmStart?: Float64Array | null;
  /** λ₂ at the start. Default 0. */
  readonly stiffness?: number;
  /** How the learning rates change. Default: not. */
  readonly pace?: Pace;
}

type Curve = 'loss' | 'faithfulness' | 'sparsity';

const START_DEVIATION = 0.01;
const { value: sampled, slope: sampledSlope, probability, probabilitySlope } = MASK_FUNCTIONS['hard-concrete'];

/**
 * Minimises KL(clean ‖ circuit) + λ₁ (t − s) + λ₂ (t − s)² in the masks, and maximises it in λ₁ and λ₂; both by Adam (see
 * `Trainer`). What is left of an edge is its own mask times that of its source, both hard concrete with one sample for a
 * step. s = 1 − the mean over edges of the probability that both are above 0, which has a slope also where all samples are
 * clamped, as they are at the start; t rises from 0 to the sparsity asked for.
 */
export class EdgePruningTraining extends Trainer<'parameters' | 'multipliers', Curve> {
  /** Log odds that edges (in the order of the score tensors), then source nodes, are kept: [edges + nodes]. */
  readonly parameters: Float64Array;
  /** λ₁ and λ₂. */
  readonly multipliers: Float64Array;
  readonly #graph: Graph;
  readonly #model: PatchableModel;
  readonly #settings: EdgePruningSettings;
  readonly #targets: readonly BatchTarget[];
  readonly #source: Int32Array; // [edges]

  private constructor(model: PatchableModel, targets: readonly BatchTarget[], settings: EdgePruningSettings) {
    const { steps, seed, learningRate, multiplierRate, start = 10, warmStart, stiffness = 0, pace } = settings;
    const nodes = model.graph.sources.length * (model.graph.options.positions ?? 1);
    const random = seededRandom(seed, 'edge-pruning/start');
    const parameters = Float64Array.from(
      { length: model.graph.edgeCount + nodes },
      (_, i) => start + (warmStart?.[i] ?? 0) + START_DEVIATION * random.normal(), // nodes stand behind the edges
    );
    const multipliers = Float64Array.of(0, stiffness);
    super({
      where: 'edge-pruning',
      steps,
      parameters: {
        parameters: { values: parameters, learningRate },
        multipliers: { values: multipliers, learningRate: multiplierRate },
      },
      curves: { loss: [], faithfulness: [], sparsity: [] },
      ...(pace ? { pace } : {}),
    });
    this.parameters = parameters;
    this.multipliers = multipliers;
    this.#model = model;
    this.#graph = model.graph;
    this.#settings = settings;
    this.#targets = targets;
    this.#source = sourceOfEach(model.graph);
  }

  static async create(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    settings: EdgePruningSettings,
  ): Promise<EdgePruningTraining> {
    const targets: BatchTarget[] = [];
    for (const batch of batches) targets.push(await FAITHFULNESS_TARGETS.kl(model, batch));
    return new EdgePruningTraining(model, targets, settings);
  }

  /** The loss on the batch and under the noise of the next step, and its gradient; the multipliers go up along theirs. */
  override async evaluate(): Promise<TrainingEvaluation<'parameters' | 'multipliers', Curve>> {
    const { patch } = this.#settings;
    const edges = this.#graph.edgeCount;
    const { batch, objective } = this.#targets[this.done % this.#targets.length]!;
    const { kept, slopes } = this.#sample(); // [edges + nodes] each
    const patched = Float32Array.from(this.#source, (node, e) => 1 - kept[e]! * kept[edges + node]!);
    const mask = { perItem: false, tensors: tensorsByModule(this.#graph, patched, null) };
    const { tensors, losses } = await this.#model.maskGradient(batch, {
      input: 'clean',
      patch,
      at: { kind: 'mask', mask },
      objective,
      losses: true,
    });
    const open = this.parameters.map(probability); // [edges + nodes]
    const removed = 1 - this.#source.reduce((sum, node, e) => sum + open[e]! * open[edges + node]!, 0) / edges;
    const short = this.#sparsityNow() - removed;
    const [first = 0, second = 0] = this.multipliers;
    const perOpen = (first + 2 * second * short) / edges; // ∂penalty/∂(probability of one edge)
    const gradient = new Float64Array(this.parameters.length);
    for (const { module, start, stop } of blockRanges(this.#graph)) {
      const { data } = tensors[module]!; // [prompts, …]
      for (let e = start; e < stop; e++) {
        let sum = 0;
        for (let at = e - start; at < data.length; at += stop - start) sum += data[at]!;
        const perKept = -sum / batch.prompts.length;
        const node = edges + this.#source[e]!;
        for (const [own, other] of [
          [e, node],
          [node, e],
        ] as const) {
          gradient[own]! += perKept * kept[other]! * slopes[own]!;
          gradient[own]! += perOpen * open[other]! * probabilitySlope(this.parameters[own]!);
        }
      }
    }
    const faithfulness = losses!.reduce((a, x) => a + x, 0) / batch.prompts.length;
    return {
      gradients: { parameters: gradient, multipliers: Float64Array.of(-short, -(short ** 2)) },
      points: { loss: faithfulness + first * short + second * short ** 2, faithfulness, sparsity: removed },
    };
  }

  /** The share of edges to remove in this step. */
  #sparsityNow(): number {
    const { warmup, sparsity, ramp = 'linear' } = this.#settings;
    const share = Math.min(1, this.done / Math.max(1, warmup));
    return ramp === 'linear' ? share * sparsity : 1 - (1 - sparsity) ** share;
  }

  /** One hard concrete sample of each mask, and its slope: [edges + nodes] each. */
  #sample(): { kept: Float64Array; slopes: Float64Array } {
    const { lowest } = HARD_CONCRETE;
    const random = seededRandom(this.#settings.seed, `edge-pruning/step ${this.done}`);
    const uniforms = this.parameters.map(() => lowest + (1 - 2 * lowest) * random.uniform());
    return {
      kept: this.parameters.map((a, i) => sampled(a, uniforms[i]!)),
      slopes: this.parameters.map((a, i) => sampledSlope(a, uniforms[i]!)),
    };
  }

  /**
   * Without noise, what is left of an edge is σ(0.8 a / T) of its own a, times that of its source. The scores are the log odds
   * of this product, from that of the edge that is furthest outside: the same order, and no ties near 1.
   */
  scores(): PruneScores {
    const edges = this.#graph.edgeCount;
    const logKept = (a: number): number => -softplus((-0.8 * a) / HARD_CONCRETE.temperature);
    const odds = Array.from(this.#source, (node, e) => {
      const log = logKept(this.parameters[e]!) + logKept(this.parameters[edges + node]!);
      return log - Math.log(-Math.expm1(log));
    });
    const least = odds.reduce((a, x) => Math.min(a, x), Number.POSITIVE_INFINITY);
    return Object.freeze(
      tensorsByModule(
        this.#graph,
        Float32Array.from(odds, (x) => x - least),
        null,
      ),
    );
  }
}

/** ln(1 + eˣ) */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
