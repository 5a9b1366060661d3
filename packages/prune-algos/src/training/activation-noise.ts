/** @file Noise like a model's own activations: normal numbers with the mean and spread that each number has over the clean prompts. */
import {
  type Graph,
  type MadePatch,
  type PatchableModel,
  type PromptBatch,
  type PruneAlgoContext,
  seededRandom,
} from '@auto-circuit/core/plugin';

/** Mean and standard deviation over prompts of all that a site writes: [rows, pos, width] each. */
interface SiteSpread {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}
/** By site, of the prompts of one length. */
type Spreads = ReadonlyMap<string, SiteSpread>;

/** What clean prompts write, as noise to be patched in. */
export class ActivationNoise {
  readonly #byLength: ReadonlyMap<number, Spreads>;

  private constructor(byLength: ReadonlyMap<number, Spreads>) {
    this.#byLength = byLength;
  }

  /** Means and deviations over all clean prompts of a length, position by position. */
  static async of(
    model: PatchableModel,
    batches: readonly PromptBatch[],
    { signal }: Pick<PruneAlgoContext, 'signal'>,
  ): Promise<ActivationNoise> {
    const byLength = new Map<number, Spreads>();
    for (const length of new Set(batches.map((batch) => batch.length))) {
      const own = batches.filter((batch) => batch.length === length);
      byLength.set(length, await spreadsOf(model, own, signal));
    }
    return new ActivationNoise(byLength);
  }

  /** Noise for every source at every position of a batch's prompts; the same for the same seed and step, however prompts are cut. */
  patch({ length }: PromptBatch, seed: number, step: number): MadePatch {
    const spreads = this.#byLength.get(length)!;
    return {
      kind: 'made',
      name: 'activation noise',
      seed,
      values({ site, shape: [rows, prompts, pos, width], prompts: own }) {
        const { mean, deviation } = spreads.get(site)!;
        const out = new Float32Array(rows * prompts * pos * width);
        for (const [p, { index }] of own.entries()) {
          const random = seededRandom(seed, `activation noise/step ${step}/${site}/prompt ${index}`);
          for (let row = 0; row < rows; row++) {
            const at = (row * prompts + p) * pos * width;
            const from = row * pos * width;
            for (let i = 0; i < pos * width; i++)
              out[at + i] = mean[from + i]! + deviation[from + i]! * random.normal();
          }
        }
        return out;
      },
    };
  }
}

async function spreadsOf(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  signal: AbortSignal | undefined,
): Promise<Spreads> {
  const sums = new Map<string, { readonly sum: Float64Array; readonly square: Float64Array; first: Float32Array }>();
  let count = 0;
  for (const batch of batches) {
    signal?.throwIfAborted();
    const written = await model.readValues(batch, 'clean', rolesOf(model.graph));
    for (const { site } of model.graph.sourceBlocks) {
      const { data } = written[`${site}.write`]!; // [prompts, rows, pos, width]
      const each = data.length / batch.prompts.length;
      let own = sums.get(site);
      if (!own) {
        // differences from the first prompt: squares of what hardly varies lose no digits
        own = { sum: new Float64Array(each), square: new Float64Array(each), first: data.slice(0, each) };
        sums.set(site, own);
      }
      for (const [i, x] of data.entries()) {
        const from = x - own.first[i % each]!;
        own.sum[i % each]! += from;
        own.square[i % each]! += from * from;
      }
    }
    count += batch.prompts.length;
  }
  return new Map(
    [...sums].map(([site, { sum, square, first }]) => [
      site,
      {
        mean: sum.map((x, i) => first[i]! + x / count),
        deviation: sum.map((x, i) => Math.sqrt(Math.max(0, square[i]! / count - (x / count) ** 2))),
      },
    ]),
  );
}

const rolesOf = ({ sourceBlocks }: Graph): string[] => sourceBlocks.map(({ site }) => `${site}.write`);
