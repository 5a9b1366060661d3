/** @file What selected runs need over and over: residuals along the patching run, and differences of known sources; kept up to a number of bytes. */

import type { Graph } from '../../graph/types.js';
import type { ModelObject } from '../../model/model.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors, SourceStore } from '../exec/activation-cache.js';
import { promptFeed } from '../exec/feeds.js';
import type { Cut } from '../exec/micro-batches.js';
import type { Executables } from '../exec/program-cache.js';
import { INPUT, patchInputName, projectProgram, sourceOutputName } from '../programs/programs.js';
import type { PatchDescription } from '../requests/ablations.js';
import { carriedProgram } from './programs.js';

export type Carried = Readonly<Record<string, Tensor<Float32Array>>>;

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}

export class KeptRuns {
  readonly #model: ModelObject;
  readonly #graph: Graph;
  readonly #executables: Executables;
  readonly #store: SourceStore;
  readonly #keepBytes: number;
  readonly #entries = new Map<string, Entry>();
  readonly #ids = new WeakMap<object, number>();
  #nextId = 0;
  #bytes = 0;

  constructor(model: ModelObject, graph: Graph, executables: Executables, store: SourceStore, keepBytes: number) {
    this.#model = model;
    this.#graph = graph;
    this.#executables = executables;
    this.#store = store;
    this.#keepBytes = keepBytes;
  }

  /** The residual at every site and stream point of a run that writes these parts, [items, pos, dModel] each. */
  async carried(batch: PromptBatch, patch: PatchDescription, cut: Cut, parts: SiteTensors | null): Promise<Carried> {
    return this.#once(`carried ${this.#name(batch, patch, cut)}`, async () => {
      const supply = parts ? 'fed' : 'zero';
      const feeds = parts ? named(parts) : { [INPUT]: promptFeed(this.#model.spec, batch, 'clean', ...cut) };
      const results = await this.#executables.run(
        { key: `carried-${supply}`, make: () => carriedProgram({ model: this.#model, graph: this.#graph, supply }) },
        feeds,
        { repeated: false },
      );
      const value = results as Carried;
      return { value, bytes: Object.values(value).reduce((n, { data }) => n + data.byteLength, 0) };
    });
  }

  /** D = patch − this side's outputs of every source: [sources, items, pos, dModel]. */
  async differences(
    batch: PromptBatch,
    side: Side,
    patch: PatchDescription,
    cut: Cut,
    parts: SiteTensors | null,
  ): Promise<Tensor<Float32Array>> {
    return this.#once(`differences ${side} ${this.#name(batch, patch, cut)}`, async () => {
      const current = await this.#store.side(batch, side, ...cut);
      const subtracted = new Map(
        [...current].map(([site, { data, shape }]) => {
          const patched = parts?.get(site)?.data;
          return [site, floatTensor(patched ? data.map((x, i) => patched[i]! - x) : data.map((x) => -x), shape)];
        }),
      );
      const results = await this.#executables.run(
        { key: 'project', make: () => projectProgram({ model: this.#model, graph: this.#graph }) },
        named(subtracted),
      );
      const slab = (cut[1] - cut[0]) * batch.length * this.#graph.layout.dModel;
      const data = new Float32Array(this.#graph.sources.length * slab);
      for (const block of this.#graph.sourceBlocks) {
        data.set(results[sourceOutputName(block.site)]!.data as Float32Array, block.start * slab);
      }
      const shape = [this.#graph.sources.length, cut[1] - cut[0], batch.length, this.#graph.layout.dModel];
      return { value: floatTensor(data, shape), bytes: data.byteLength };
    });
  }

  async #once<T>(key: string, make: () => Promise<{ value: T; bytes: number }>): Promise<T> {
    const known = this.#entries.get(key);
    if (known) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.value as T;
    }
    const made = await make();
    for (const [old, { bytes }] of this.#entries) {
      if (this.#bytes + made.bytes <= this.#keepBytes) break;
      this.#entries.delete(old);
      this.#bytes -= bytes;
    }
    this.#entries.set(key, made);
    this.#bytes += made.bytes;
    return made.value;
  }

  #name(batch: PromptBatch, patch: PatchDescription, [start, stop]: Cut): string {
    const isObject = patch.kind === 'mean' || patch.kind === 'constant';
    const what = isObject ? `${patch.kind} ${this.#id(patch)}` : Object.values(patch).join(' ');
    return `${this.#id(batch)} ${what} ${start} ${stop}`;
  }
  #id(object: object): number {
    const id = this.#ids.get(object) ?? this.#nextId++;
    this.#ids.set(object, id);
    return id;
  }
  dispose(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}

const named = (parts: SiteTensors): Record<string, Tensor> =>
  Object.fromEntries([...parts].map(([site, tensor]) => [patchInputName(site), tensor]));
