/**
 * @file What sparse runs need over and over: the residual stream along the patching run, and the activation differences of
 * sources that are not run; kept while they fit.
 */

import type { PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { ByteLru } from '../exec/byte-lru.js';
import { promptFeed } from '../exec/feeds.js';
import type { Cut } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { siteFeeds } from '../exec/run-plan.js';
import { INPUT, patchInputName, sourceOutputName } from '../programs/programs.js';
import type { PatchDescription } from '../requests/ablations.js';

/** The residual stream by input name (`residualInput`), [batch, pos, dModel] each. */
export type Residuals = Readonly<Record<string, Tensor<Float32Array>>>;

/** Residuals and activation differences of batches, made when first asked for. */
export class ResidualCache {
  readonly #context: RunContext;
  readonly #residuals: ByteLru<Residuals>;
  readonly #ids = new WeakMap<object, number>();
  #nextId = 0;

  /** @param limitBytes most bytes that are kept */
  constructor(context: RunContext, limitBytes: number) {
    this.#context = context;
    this.#residuals = new ByteLru(limitBytes);
  }

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#residuals.bytes;
  }

  /**
   * The residual stream at every site, and between layers, of a run that writes what is patched in.
   * @param patched the source activations of that run; null for zeros
   */
  residuals(batch: PromptBatch, patch: PatchDescription, cut: Cut, patched: SiteTensors | null): Promise<Residuals> {
    const { model, programs } = this.#context;
    const make = async (): Promise<Residuals> => {
      const feeds = patched
        ? siteFeeds(patched, patchInputName)
        : { [INPUT]: promptFeed(model.spec, batch, 'clean', cut) };
      const spec = { kind: 'residuals', supply: patched ? 'fed' : 'zero' } as const;
      return (await programs.run(spec, feeds, { repeated: false })) as Residuals;
    };
    return this.#residuals.getOrMake(`residuals ${this.#name(batch, patch, cut)}`, make, bytesOf);
  }

  /** D = patch − this side's outputs, of every source: [sources, batch, pos, dModel]. */
  async differences(
    batch: PromptBatch,
    side: Side,
    patch: PatchDescription,
    cut: Cut,
    patched: SiteTensors | null,
  ): Promise<Tensor<Float32Array>> {
    const key = `differences ${side} ${this.#name(batch, patch, cut)}`;
    const make = async (): Promise<Residuals> => ({ D: await this.#makeDifferences(batch, side, cut, patched) });
    const { D } = await this.#residuals.getOrMake(key, make, bytesOf);
    return D!;
  }

  async #makeDifferences(
    batch: PromptBatch,
    side: Side,
    cut: Cut,
    patched: SiteTensors | null,
  ): Promise<Tensor<Float32Array>> {
    const { activations, graph, programs } = this.#context;
    const { dModel } = graph.layout;
    const current = await activations.side(batch, side, cut);
    const subtracted = new Map(
      [...current].map(([site, { data, shape }]) => {
        const there = patched?.get(site)?.data;
        return [site, floatTensor(there ? data.map((x, i) => there[i]! - x) : data.map((x) => -x), shape)];
      }),
    );
    const results = await programs.run({ kind: 'project' }, siteFeeds(subtracted, patchInputName));
    const prompts = cut[1] - cut[0];
    const slab = prompts * batch.length * dModel;
    const data = new Float32Array(graph.sources.length * slab);
    for (const block of graph.sourceBlocks) {
      data.set(results[sourceOutputName(block.site)]!.data as Float32Array, block.start * slab);
    }
    return floatTensor(data, [graph.sources.length, prompts, batch.length, dModel]);
  }

  #name(batch: PromptBatch, patch: PatchDescription, [start, stop]: Cut): string {
    const isObject = ['mean', 'constant', 'made', 'prompts'].includes(patch.kind);
    const what = isObject ? `${patch.kind} ${this.#id(patch)}` : Object.values(patch).join(' ');
    return `${this.#id(batch)} ${what} ${start} ${stop}`;
  }
  #id(object: object): number {
    const id = this.#ids.get(object) ?? this.#nextId++;
    this.#ids.set(object, id);
    return id;
  }

  /** Lets go of all that is kept. */
  dispose(): void {
    this.#residuals.clear();
  }
}

const bytesOf = (tensors: Residuals): number => Object.values(tensors).reduce((n, { data }) => n + data.byteLength, 0);
