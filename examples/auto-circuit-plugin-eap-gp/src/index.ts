import {
  definePlugin,
  definePruneAlgo,
  floatTensor,
  maskFromEdges,
  type Objective,
  objectiveByBatch,
  type PatchableModel,
  type PromptBatch,
  type PromptScores,
  type PruneAlgo,
  type PruneAlgoContext,
  ScoreAccumulator,
  type Tensor,
} from '@auto-circuit/core/plugin';

type Numbers = Tensor<Float32Array>;

/**
 * Edge scores along a path that the model itself gives (after EAP-GP, Zhang et al., 2025). EAP-IG goes from the clean to the
 * corrupt input in a straight line, on which gradients may stay near 0. Here each step goes where the squared distance of the
 * logits to those of the corrupt input falls fastest, by 1/steps of the distance between the two inputs.
 */
export const eapGp: PruneAlgo = definePruneAlgo({
  name: 'eap-gp',
  doc: 'mean gradient along the path on which the logits approach those of the corrupt input fastest',
  options: { steps: { type: 'int', default: 5, min: 1, doc: 'points of the path, the clean input among them' } },
  byPrompt: true,
  async score(context, { steps }) {
    const { model, graph, batches, objective, patch, progress, signal } = context;
    const objectives = objectiveByBatch(objective, batches);
    const total = new ScoreAccumulator(graph, context);
    for (const [i, batch] of batches.entries()) {
      const sums = new Map<string, Numbers>();
      const path = new GradPath(model, batch, patch, steps);
      for (let step = 0; step < steps; step++) {
        signal?.throwIfAborted(); // Ctrl-C
        const values = step === 0 ? await path.start() : await path.next();
        const request = { input: 'clean', patch, objective: objectives[i]!, at: { kind: 'start', values } } as const;
        addInto(sums, await model.maskGradient(batch, request), 1 / steps);
        progress.report(i * steps + step + 1, batches.length * steps, 'points');
      }
      total.add({ tensors: Object.fromEntries(sums) });
    }
    return total.result();
  },
});

/** What `Resid Start` writes at the points of one batch's path: [prompts, pos, dModel]. */
class GradPath {
  readonly #model: PatchableModel;
  readonly #batch: PromptBatch;
  readonly #patch: PruneAlgoContext['patch'];
  readonly #steps: number;
  #at: Numbers = floatTensor(new Float32Array(0), [0]);
  /** How far one step goes, by prompt. */
  #lengths: readonly number[] = [];
  #distance: Objective | null = null;

  constructor(model: PatchableModel, batch: PromptBatch, patch: PruneAlgoContext['patch'], steps: number) {
    this.#model = model;
    this.#batch = batch;
    this.#patch = patch;
    this.#steps = steps;
  }

  /** The clean input. */
  async start(): Promise<Numbers> {
    const [clean, corrupt] = await Promise.all([this.#written('clean'), this.#written('corrupt')]);
    const mask = maskFromEdges(this.#model.graph, [], { inside: 0, outside: 0 }); // nothing is patched
    const logits = await this.#model.patchedRun(this.#batch, { input: 'corrupt', patch: this.#patch, mask });
    this.#distance = {
      kind: 'fragment',
      name: 'distance',
      referenceLogits: logits,
      of: (b, own, reference) => {
        const apart = b.sub(own, reference); // [batch, positions?, outputs]
        return b.sum(b.mul(apart, apart), -1);
      },
    };
    this.#at = clean;
    this.#lengths = norms(
      floatTensor(
        clean.data.map((x, i) => corrupt.data[i]! - x),
        clean.shape,
      ),
    ).map((norm) => norm / this.#steps);
    return clean;
  }

  /** One step down the gradient; a prompt whose logits are there already stays where it is. */
  async next(): Promise<Numbers> {
    const { gradients } = await this.#model.valueGradients(this.#batch, {
      input: 'clean',
      objective: this.#distance!,
      roles: ['start.write'],
      start: this.#at,
    });
    const gradient = floatTensor(Object.values(gradients)[0]!.data, this.#at.shape);
    const each = this.#at.data.length / this.#lengths.length;
    const sizes = norms(gradient);
    const moved = this.#at.data.map((x, i) => {
      const prompt = Math.floor(i / each);
      const size = sizes[prompt]!;
      return size === 0 ? x : x - (this.#lengths[prompt]! * gradient.data[i]!) / size;
    });
    this.#at = floatTensor(moved, this.#at.shape);
    return this.#at;
  }

  async #written(side: 'clean' | 'corrupt'): Promise<Numbers> {
    const [written] = Object.values(await this.#model.readValues(this.#batch, side, ['start.write'])); // [prompts, 1, pos, dModel]
    const [prompts = 0, , pos = 0, dModel = 0] = written!.shape;
    return floatTensor(written!.data, [prompts, pos, dModel]);
  }
}

/** Euclidean norm of each prompt's numbers. */
function norms({ data, shape }: Numbers): number[] {
  const prompts = shape[0] ?? 0;
  const each = data.length / prompts;
  return Array.from({ length: prompts }, (_, i) =>
    Math.sqrt(data.subarray(i * each, (i + 1) * each).reduce((sum, x) => sum + x * x, 0)),
  );
}

/** sums += share · scores, module by module. */
function addInto(sums: Map<string, Numbers>, { tensors }: PromptScores, share: number): void {
  for (const [module, { data, shape }] of Object.entries(tensors)) {
    const before = sums.get(module)?.data;
    sums.set(
      module,
      floatTensor(
        Float32Array.from(data, (x, i) => (before?.[i] ?? 0) + share * x),
        shape,
      ),
    );
  }
}

export default definePlugin({ name: 'auto-circuit-plugin-eap-gp', contributes: [eapGp] });
