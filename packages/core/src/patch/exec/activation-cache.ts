/**
 * @file Pass 1: the source activations of a side of a batch, micro-batch by micro-batch (before the projection), kept while
 * they fit; and the ablations that are made of them.
 */

import { AutoCircuitError } from '../../errors/error.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { MadePatch, MeanHandle, OtherPrompts, PatchDescription } from '../requests/ablations.js';
import { PositionSums, repeatedConstants, repeatedOverBatch, type SiteTensors } from './activation-means.js';
import { ByteLru } from './byte-lru.js';
import { madeValues, replacedPrompts } from './made-patches.js';
import { mapLimit } from './map-limit.js';
import type { Cut } from './micro-batches.js';

/** Runs pass 1 on the prompts of a cut: [rows, batch, pos, width] by site. */
export type Capture = (batch: PromptBatch, side: Side, cut: Cut) => Promise<SiteTensors>;

/** A batch and its micro-batches. */
export interface CutBatch {
  readonly batch: PromptBatch;
  readonly cuts: readonly Cut[];
}

/** Means by site: [rows, 1, pos, width]. */
interface Mean extends MeanHandle {
  readonly sites: Map<string, Tensor<Float32Array>>;
}
type BatchMeanPatch = Extract<PatchDescription, { kind: 'batch-mean' | 'batch-position-mean' }>;

/** The source activations of batches, captured when first asked for. */
export class ActivationCache {
  readonly #capture: Capture;
  readonly #kept: ByteLru<SiteTensors>;
  readonly #parallel: number;
  readonly #batchIds = new WeakMap<PromptBatch, number>();
  readonly #keptCuts = new WeakMap<PromptBatch, readonly Cut[]>();
  readonly #batchMeans = new WeakMap<PromptBatch, Map<string, SiteTensors>>();
  readonly #patchIds = new WeakMap<MadePatch, number>();
  readonly #replacedBatches = new WeakMap<OtherPrompts, WeakMap<PromptBatch, PromptBatch>>();
  #nextId = 0;

  /**
   * @param limitBytes most bytes that are kept
   * @param parallel captures that run at once
   */
  constructor(capture: Capture, limitBytes: number, parallel = 1) {
    this.#capture = capture;
    this.#kept = new ByteLru(limitBytes);
    this.#parallel = parallel;
  }

  /** Most bytes that are kept. */
  get limitBytes(): number {
    return this.#kept.limitBytes;
  }

  #batchId(batch: PromptBatch): number {
    const id = this.#batchIds.get(batch) ?? this.#nextId++;
    this.#batchIds.set(batch, id);
    return id;
  }

  /** The source activations of a side, for the prompts of a cut. */
  side(batch: PromptBatch, side: Side, cut: Cut): Promise<SiteTensors> {
    const make = async () => this.#partOfKept(batch, side, cut) ?? this.#capture(batch, side, cut);
    return this.#kept.getOrMake(this.#sideKey(batch, side, cut), make, bytesOf);
  }

  /** Keeps the source activations of a side that another run came by. */
  keepSide(batch: PromptBatch, side: Side, cut: Cut, tensors: SiteTensors): void {
    if (!this.#kept.set(this.#sideKey(batch, side, cut), tensors, bytesOf(tensors))) return;
    const cuts = this.#keptCuts.get(batch) ?? [];
    this.#keptCuts.set(batch, [...cuts, cut]);
  }

  /** What is kept of a larger cut, as far as it is of these prompts. */
  #partOfKept(batch: PromptBatch, side: Side, [start, stop]: Cut): SiteTensors | null {
    for (const cut of this.#keptCuts.get(batch) ?? []) {
      if (cut[0] > start || cut[1] < stop) continue;
      const whole = this.#kept.get(this.#sideKey(batch, side, cut));
      if (whole) return promptsOf(whole, start - cut[0], stop - cut[0]);
    }
    return null;
  }

  #sideKey(batch: PromptBatch, side: Side, [start, stop]: Cut): string {
    return `${this.#batchId(batch)} ${side} ${start} ${stop}`;
  }

  /**
   * Pass 1 of a side for the whole batch before pass 2, so that their programs take turns once a batch, not once a
   * micro-batch. Does nothing more than its first piece when the batch does not fit in what may be kept.
   */
  async prepare(batch: PromptBatch, side: Side, cuts: readonly Cut[]): Promise<void> {
    const [first, ...others] = cuts;
    if (!first) return;
    const bytes = bytesOf(await this.side(batch, side, first));
    if (bytes * cuts.length > this.limitBytes) return;
    await mapLimit(others, this.#parallel, (cut) => this.side(batch, side, cut));
  }

  /**
   * What a patch puts in for the prompts of a cut, [rows, batch, pos, width] by site; null for zeros.
   * @param cuts all micro-batches of the batch: what means over it are taken from
   * @throws AutoCircuitError `mixed-lengths` when a mean is for prompts of another length
   */
  async patch(
    batch: PromptBatch,
    patch: PatchDescription,
    cut: Cut,
    cuts: readonly Cut[],
  ): Promise<SiteTensors | null> {
    const prompts = cut[1] - cut[0];
    switch (patch.kind) {
      case 'zero':
        return null;
      case 'resample':
        return this.side(batch, patch.from, cut);
      case 'mean':
        if (patch.length !== batch.length) throw otherLength(patch.length, batch.length);
        return repeatedOverBatch((patch as Mean).sites, prompts);
      case 'constant':
        return repeatedConstants(patch, prompts, batch.length);
      case 'made':
        return this.#made(batch, patch, cut);
      case 'prompts':
        return this.side(this.#replaced(batch, patch), 'corrupt', cut);
      case 'batch-mean':
      case 'batch-position-mean':
        return repeatedOverBatch(await this.#batchMean({ batch, cuts }, patch), prompts);
    }
  }

  /** Values of a plugin, made once for each micro-batch while they may be kept. */
  #made(batch: PromptBatch, patch: MadePatch, cut: Cut): Promise<SiteTensors> {
    const id = this.#patchIds.get(patch) ?? this.#nextId++;
    this.#patchIds.set(patch, id);
    const key = `${this.#batchId(batch)} made ${id} ${cut[0]} ${cut[1]}`;
    return this.#kept.getOrMake(
      key,
      () => madeValues(patch, batch, cut, (side) => this.side(batch, side, cut)),
      bytesOf,
    );
  }

  /** The batch with other prompts on its corrupt side. */
  #replaced(batch: PromptBatch, patch: OtherPrompts): PromptBatch {
    const known = this.#replacedBatches.get(patch) ?? new WeakMap<PromptBatch, PromptBatch>();
    this.#replacedBatches.set(patch, known);
    const made = known.get(batch) ?? replacedPrompts(patch, batch);
    known.set(batch, made);
    return made;
  }

  async #batchMean(of: CutBatch, patch: BatchMeanPatch): Promise<SiteTensors> {
    const means = this.#batchMeans.get(of.batch) ?? new Map<string, SiteTensors>();
    this.#batchMeans.set(of.batch, means);
    const key = `${patch.kind} ${patch.from}`;
    const known = means.get(key);
    if (known) return known;
    const sums = await this.#sums([of], [patch.from]);
    const mean = patch.kind === 'batch-mean' ? sums.means() : sums.meansOverPositions();
    means.set(key, mean);
    return mean;
  }

  /**
   * Means over a data set, one for each position.
   * @throws AutoCircuitError `mixed-lengths` for batches of several lengths, `no-prompts` for none
   */
  async meanOf(batches: readonly CutBatch[], of: Side | 'both'): Promise<MeanHandle> {
    const lengths = [...new Set(batches.map(({ batch }) => batch.length))].sort((a, b) => a - b);
    if (lengths.length !== 1) {
      throw new AutoCircuitError({
        code: lengths.length === 0 ? 'no-prompts' : 'mixed-lengths',
        where: 'core/patch',
        what: 'a mean for each position needs prompts of one length',
        got: lengths.length === 0 ? 'no prompts' : `lengths ${lengths.join(', ')}`,
        fix: 'use prompts of one length',
        fields: { lengths },
      });
    }
    const sums = await this.#sums(batches, of === 'both' ? ['clean', 'corrupt'] : [of]);
    const sites = new Map(sums.means());
    const handle: Mean = { kind: 'mean', of, length: lengths[0]!, sites, dispose: () => sites.clear() };
    return handle;
  }

  async #sums(batches: readonly CutBatch[], sides: readonly Side[]): Promise<PositionSums> {
    const sums = new PositionSums();
    for (const side of sides) {
      for (const { batch, cuts } of batches) for (const cut of cuts) sums.add(await this.side(batch, side, cut));
    }
    return sums;
  }

  /** Lets go of all that is kept. */
  dispose(): void {
    this.#kept.clear();
  }
}

/** Prompts `start` to `stop` of [rows, batch, pos, width] by site. */
const promptsOf = (tensors: SiteTensors, start: number, stop: number): SiteTensors =>
  new Map(
    [...tensors].map(([site, { data, shape }]) => {
      const [rows, batch, ...rest] = shape as [number, number, number, number];
      const prompt = elementCount(rest);
      const size = (stop - start) * prompt;
      const out = new Float32Array(rows * size);
      for (let r = 0; r < rows; r++) {
        const from = (r * batch + start) * prompt;
        out.set(data.subarray(from, from + size), r * size);
      }
      return [site, floatTensor(out, [rows, stop - start, ...rest])] as const;
    }),
  );

const bytesOf = (tensors: SiteTensors): number => [...tensors.values()].reduce((n, t) => n + t.data.byteLength, 0);

const otherLength = (expected: number, got: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'mixed-lengths',
    where: 'core/patch',
    what: 'the mean over the data set has a different length than the prompts',
    expected: `prompts of ${expected} tokens`,
    got: `${got}`,
    fix: 'use prompts of one length',
    fields: { lengths: [expected, got] },
  });
