/** @file The engine behind `PatchableModel`: micro-batches, programs by mode, pass 1 kept for many masks. */

import { totalmem } from 'node:os';
import { type OutputPositions, positionsRead } from '../data/output-positions.js';
import { inputOf } from '../data/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../data/types.js';
import { AutoCircuitError } from '../error.js';
import type { Graph, Mask } from '../graph/types.js';
import type { Backend, Feeds } from '../ir/backend.js';
import { elementCount, floatTensor, type Tensor } from '../ir/tensor.js';
import type { Program } from '../ir/types.js';
import type { ModelObject } from '../plugin/contributions.js';
import { type ConstantGradient, type ConstantGradientRequest, constantGradient, constantMeans } from './constants.js';
import { Executables, type NamedProgram } from './executables.js';
import { filledMask, inputFeeds, maskFeeds, objectiveFeeds, withPatched } from './feeds.js';
import { gradientForward, gradientKey, mixedFeeds, startBetween } from './gradient-request.js';
import { inOrder } from './in-order.js';
import { type EdgeMeasure, measuredEdgesProgram } from './measured-edges.js';
import { MemoryPlan } from './memory-plan.js';
import { type Cut, cutsOf, floats, joinFloats, sliceRows, tensorOf } from './micro-batches.js';
import {
  captureProgram,
  currentInputName,
  gradientProgram,
  INPUT,
  LOGITS,
  LOSSES,
  PATCH_INPUT,
  type PatchSupply,
  patchedProgram,
  patchInputName,
  plainProgram,
  projectProgram,
  sourceOutputName,
} from './programs.js';
import { neuronTensors, scoreTensors } from './score-outputs.js';
import { SelectedRuns } from './selected/index.js';
import { prefixFeeds } from './shared-prefix.js';
import { type SiteTensors, SourceStore } from './source-store.js';
import type {
  MaskGradientRequest,
  PatchableModel,
  PatchDescription,
  PatchedRunRequest,
  PatchedRunsRequest,
  PromptGradients,
} from './types.js';

export interface PatchableModelRequest {
  readonly model: ModelObject;
  readonly graph: Graph;
  readonly backend: Backend;
  /**
   * Most resident memory of this process, in bytes: micro-batches, copies of weights and what pass 1 keeps are chosen to stay
   * below it, and what cannot is refused. Without it half of this machine's memory is aimed at, and nothing refused.
   */
  readonly memoryBytes?: number;
  /** Most bytes that pass 1 may keep; default by the memory, at most 1 GiB. */
  readonly keepBytes?: number;
  /** Tokens (prompts × positions) of one run; default by the size of the differences. Results do not depend on it. */
  readonly microBatchTokens?: number;
  /** Takes one way to run masks always; default: the cheapest. Results do not depend on it but for rounding. */
  readonly way?: 'dense' | 'current' | 'patch';
  readonly onDebug?: (line: string) => void;
}

/** A plain run is as fast with this many tokens as with more, and needs less memory. */
const PLAIN_TOKENS = 256;
/** Differences of a micro-batch that stay in the cache mix twice as fast (docs/performance.md). */
const DIFFERENCE_BYTES = 40 * 2 ** 20;

/** A run whose differences leave the cache by this much still gains by being larger. */
const FEW_SOURCES = 0.7;
const mixedTokens = (sources: number, dModel: number): number =>
  Math.min(PLAIN_TOKENS, Math.max(1, Math.floor(DIFFERENCE_BYTES / (4 * dModel * Math.max(1, sources)))));

/** Plain runs and pass 1 happen once for each micro-batch; patched runs again for every mask. */
const ONCE = { repeated: false } as const;

const suppliedBy = ({ kind }: PatchDescription): PatchSupply => (kind === 'zero' ? 'zero' : 'fed');
const named = (key: string, make: () => Program): NamedProgram => ({ key, make });

export async function createPatchableModel(request: PatchableModelRequest): Promise<PatchableModel> {
  return new Engine(request);
}

class Engine implements PatchableModel {
  readonly graph: Graph;
  readonly outputSize: number;
  readonly outputs: OutputPositions;
  readonly runsTogether: boolean;
  readonly #model: ModelObject;
  readonly #executables: Executables;
  readonly #store: SourceStore;
  /** null where the graph or the backend allows dense programs only. */
  readonly #selected: SelectedRuns | null;
  readonly #keepBytes: number;
  /** Tokens of one run that mixes so many sources. */
  readonly #tokensFor: (sources: number) => number;
  readonly #patchTokens: number;
  readonly #plainTokens: number;

  constructor({
    model,
    graph,
    backend,
    memoryBytes,
    keepBytes,
    microBatchTokens,
    way,
    onDebug = () => undefined,
  }: PatchableModelRequest) {
    this.graph = graph;
    this.outputSize = model.spec.outputSize;
    this.outputs = model.spec.outputs ?? 'last';
    this.#model = model;
    const limit = { bytes: memoryBytes ?? totalmem() / 2, strict: memoryBytes !== undefined };
    const plan = new MemoryPlan(limit, model.weights, keepBytes);
    this.#executables = new Executables(backend, model.weights, plan, onDebug);
    this.#tokensFor = (sources) => microBatchTokens ?? mixedTokens(sources, graph.layout.dModel);
    this.#patchTokens = this.#tokensFor(graph.sources.length);
    this.#plainTokens = microBatchTokens ?? PLAIN_TOKENS;
    this.#keepBytes = plan.keepBytes;
    this.#store = new SourceStore((...args) => this.#capture(...args), this.#keepBytes, this.#executables.parallel);
    this.#selected =
      way !== 'dense' && !model.spec.prefix && backend.info.emptyAxes && SelectedRuns.fits(graph)
        ? new SelectedRuns({
            model,
            graph,
            executables: this.#executables,
            store: this.#store,
            tokens: this.#plainTokens,
            keepBytes: plan.selectedBytes,
            always: way ?? null,
            onDebug,
          })
        : null;
    this.runsTogether = this.#selected !== null;
    onDebug(plan.describe());
    onDebug(
      `micro-batches: ${this.#patchTokens} tokens patched, ${this.#plainTokens} plain; ${graph.sources.length} sources of ${graph.layout.dModel}`,
    );
  }

  // ---- plain runs ---------------------------------------------------------------------------------------------
  async run(input: ModelInput, positions = this.outputs): Promise<Tensor<Float32Array>> {
    const [n, pos] = input.shape as [number, number];
    this.#checkLength(pos);
    const plain = named(`plain-${positions}`, () => plainProgram(this.#setting, positions));
    const shape = this.#outputShape(n, pos, positions);
    const cuts = this.#cuts(plain, n, pos, elementCount(shape), this.#plainTokens);
    const rows = await this.#eachCut(cuts, async ([start, stop]) => {
      const feeds = { [INPUT]: sliceRows(input, start, stop), ...prefixFeeds(input.prompts?.slice(start, stop) ?? []) };
      return floats(await this.#executables.run(plain, feeds, ONCE), LOGITS);
    });
    return floatTensor(joinFloats(rows), shape);
  }

  // ---- pass 1 -------------------------------------------------------------------------------------------------
  async #capture(batch: PromptBatch, side: Side, start: number, stop: number): Promise<SiteTensors> {
    const feeds = { ...inputFeeds(INPUT, this.#model.spec, batch, side, start, stop) };
    const results = await this.#executables.run(this.#captures, feeds, ONCE);
    return new Map(
      this.graph.sourceBlocks.map(({ site }) => [site, tensorOf(results, sourceOutputName(site))] as const),
    );
  }

  async meanOf(batches: readonly PromptBatch[], of: Side | 'both') {
    return this.#store.meanOf(batches.map(this.#withCuts), of);
  }

  async constantMeans(batches: readonly PromptBatch[], from: Side) {
    return constantMeans(this.#store, batches.map(this.#withCuts), from);
  }

  async sourceOutputs(batch: PromptBatch, what: Side | PatchDescription): Promise<Tensor<Float32Array>> {
    const patch: PatchDescription = typeof what === 'string' ? { kind: 'resample', from: what } : what;
    const n = batch.prompts.length;
    const slab = batch.length * this.graph.layout.dModel;
    const out = new Float32Array(this.graph.sources.length * n * slab); // [sources, prompts, pos, dModel]
    const project = named('project', () => projectProgram(this.#setting));
    const cuts = this.#cuts(project, n, batch.length, out.length);
    for (const [start, stop] of cuts) {
      const parts = await this.#store.patch(batch, patch, start, stop, cuts);
      if (!parts) continue;
      const results = await this.#executables.run(project, this.#named(parts, patchInputName));
      for (const block of this.graph.sourceBlocks) {
        const rows = floats(results, sourceOutputName(block.site)); // [rows, items, pos, dModel]
        const items = stop - start;
        for (let r = block.start; r < block.stop; r++) {
          out.set(
            rows.subarray((r - block.start) * items * slab, (r - block.start + 1) * items * slab),
            (r * n + start) * slab,
          );
        }
      }
    }
    return floatTensor(out, [this.graph.sources.length, n, batch.length, this.graph.layout.dModel]);
  }

  // ---- pass 2 -------------------------------------------------------------------------------------------------
  async patchedRun(batch: PromptBatch, { input, patch, mask }: PatchedRunRequest): Promise<Tensor<Float32Array>> {
    this.#checkBatch(batch);
    const axes = this.#axes(mask);
    const supply = this.#supplyOf(batch, patch, false);
    const patched = named(`patched-${supply}${axes.perItem ? '-by-item' : ''}`, () =>
      patchedProgram({ ...this.#setting, supply, axes }),
    );
    const n = batch.prompts.length;
    const shape = this.#outputShape(n, batch.length);
    // Selected runs need what pass 1 wrote.
    const selection = supply === 'fused' ? null : this.#selected?.choose(mask, patch, batch);
    if (selection) {
      // One of two sizes, so that circuits of a curve share pass 1.
      const few = this.#tokensFor(selection.sources) >= FEW_SOURCES * this.#plainTokens;
      const tokens = few ? this.#plainTokens : this.#patchTokens;
      const cuts = this.#cuts(patched, n, batch.length, elementCount(shape), tokens);
      return floatTensor(joinFloats(await this.#selected!.run(batch, { input, patch, mask }, selection, cuts)), shape);
    }
    const cuts = this.#cuts(patched, n, batch.length, elementCount(shape));
    if (supply === 'fed' && patch.kind === 'resample') await this.#store.prepare(batch, patch.from, cuts);
    const rows = await this.#eachCut(cuts, async ([start, stop]) => {
      const parts = supply === 'fused' ? null : await this.#store.patch(batch, patch, start, stop, cuts);
      const results = await this.#executables.run(patched, {
        ...inputFeeds(INPUT, this.#model.spec, batch, input, start, stop),
        ...this.#firstPass(supply, batch, patch, start, stop),
        ...(parts ? this.#named(parts, patchInputName) : {}),
        ...Object.fromEntries(maskFeeds(this.graph, mask, batch.prompts.length, start, stop)),
      });
      return floats(results, LOGITS);
    });
    return floatTensor(joinFloats(rows), shape);
  }

  async patchedRuns(batch: PromptBatch, request: PatchedRunsRequest): Promise<Tensor<Float32Array>[]> {
    this.#checkBatch(batch);
    const { mask, variants } = request;
    const fused = this.#supplyOf(batch, request.patch, false) === 'fused';
    const site = fused ? null : this.#selected?.siteOf(mask, variants);
    if (!this.#selected || !site) {
      const runs: Tensor<Float32Array>[] = [];
      for (const edges of variants) {
        runs.push(await this.patchedRun(batch, { ...request, mask: withPatched(this.graph, mask, edges) }));
      }
      return runs;
    }
    const shape = this.#outputShape(batch.prompts.length, batch.length);
    const cuts = cutsOf(batch.prompts.length, batch.length, this.#plainTokens);
    const size = elementCount(shape.slice(1));
    const logits = await this.#selected.variants(batch, request, { site, edges: variants }, cuts, size);
    return logits.map((data) => floatTensor(data, shape));
  }

  async maskGradient(batch: PromptBatch, request: MaskGradientRequest): Promise<PromptGradients> {
    this.#checkBatch(batch);
    const { input, patch, objective, inputAlpha, mixed, losses = false, neurons = false, backward = [] } = request;
    const mask = typeof request.mask === 'number' ? filledMask(this.graph, request.mask) : request.mask;
    const forward = gradientForward(request);
    const axes = mask ? this.#axes(mask) : { perItem: false, perPosition: this.graph.options.positions !== null };
    const needsCurrent = forward === 'interpolated' || forward === 'mixed';
    // At mask 0 both passes are wanted once. Otherwise pass 1 is kept for the next mask or step.
    const supply = needsCurrent ? suppliedBy(patch) : this.#supplyOf(batch, patch, forward === 'atZero');
    const shape =
      objective.kind === 'kl'
        ? { kind: objective.kind }
        : { kind: objective.kind, tokenFunction: objective.tokenFunction };
    const setting = { ...this.#setting, supply, axes, forward, objective: shape, losses, neurons, backward } as const;
    const gradient = named(gradientKey(setting), () => gradientProgram(setting));
    const n = batch.prompts.length;
    const scores = n * this.graph.edgeCount * (this.graph.options.positions ?? 1);
    const tokens = forward === 'patched' ? this.#patchTokens : this.#plainTokens;
    const cuts = this.#cuts(gradient, n, batch.length, scores, tokens);
    const dense =
      objective.kind === 'kl' && !objective.referenceLogits ? await this.run(inputOf(batch, 'clean')) : undefined;
    if (supply === 'fed' && patch.kind === 'resample') await this.#store.prepare(batch, patch.from, cuts);
    if (needsCurrent) await this.#store.prepare(batch, input, cuts);
    const chunks = await this.#eachCut(cuts, async ([start, stop]) => {
      const parts = supply === 'fused' ? null : await this.#store.patch(batch, patch, start, stop, cuts);
      const current = needsCurrent ? await this.#store.side(batch, input, start, stop) : null;
      return this.#executables.run(
        gradient,
        {
          ...inputFeeds(INPUT, this.#model.spec, batch, input, start, stop),
          ...this.#firstPass(supply, batch, patch, start, stop),
          ...(parts ? this.#named(parts, patchInputName) : {}),
          ...(forward === 'patched'
            ? Object.fromEntries(maskFeeds(this.graph, mask!, batch.prompts.length, start, stop))
            : {}),
          ...(current ? this.#named(current, currentInputName) : {}),
          ...(forward === 'interpolated' ? startBetween(current!, parts, inputAlpha!) : {}),
          ...(mixed ? mixedFeeds(this.graph, mixed) : {}),
          ...Object.fromEntries(objectiveFeeds(this.#model.spec, objective, batch, start, stop, dense)),
        },
        { big: true },
      );
    });
    return {
      tensors: scoreTensors(this.graph, chunks, n),
      ...(losses ? { losses: joinFloats(chunks.map((results) => floats(results, LOSSES))) } : {}),
      ...(neurons ? { neurons: neuronTensors(this.graph, chunks, n) } : {}),
    };
  }

  async constantGradient(batch: PromptBatch, request: ConstantGradientRequest): Promise<ConstantGradient> {
    this.#checkBatch(batch);
    const cuts = (program: NamedProgram) => this.#cuts(program, batch.prompts.length, batch.length, 0);
    const runs = { ...this.#setting, executables: this.#executables, store: this.#store, cuts };
    return constantGradient(runs, batch, request);
  }

  async measureEdges(batch: PromptBatch, side: Side, measure: EdgeMeasure): Promise<PromptGradients> {
    this.#checkBatch(batch);
    const program = named(`measure-${measure.name}`, () => measuredEdgesProgram(this.#setting, measure));
    const n = batch.prompts.length;
    const cuts = this.#cuts(program, n, batch.length, n * this.graph.edgeCount);
    const chunks = await this.#eachCut(cuts, ([start, stop]) => {
      const feeds = { ...inputFeeds(INPUT, this.#model.spec, batch, side, start, stop) };
      return this.#executables.run(program, feeds, ONCE);
    });
    return { tensors: scoreTensors(this.graph, chunks, n) };
  }

  // ---- the small print ----------------------------------------------------------------------------------------
  get #setting() {
    return { model: this.#model, graph: this.graph };
  }
  /** Of n prompts: [n, outputSize] at the last position, or [n, positions, outputSize]. */
  #outputShape(n: number, length: number, outputs = this.outputs): number[] {
    const count = positionsRead(outputs, length);
    return outputs === 'last' ? [n, this.outputSize] : [n, count, this.outputSize];
  }
  readonly #withCuts = (batch: PromptBatch) => ({
    batch,
    cuts: this.#cuts(this.#captures, batch.prompts.length, batch.length, 0),
  });
  #axes(mask: Mask) {
    return { perItem: mask.perItem, perPosition: this.graph.options.positions !== null };
  }
  #named(tensors: SiteTensors, name: (site: string) => string): Feeds {
    return Object.fromEntries([...tensors].map(([site, tensor]) => [name(site), tensor]));
  }
  /** One program for both passes where the first one's values are wanted `once`, or are too many to be kept. */
  #supplyOf(batch: PromptBatch, patch: PatchDescription, once: boolean): PatchSupply {
    const supply = suppliedBy(patch);
    if (patch.kind !== 'resample') return supply;
    if (once) return 'fused';
    const bytes = this.#executables.outputBytes(this.#captures, batch.prompts.length, batch.length);
    return bytes > this.#keepBytes ? 'fused' : supply;
  }
  #firstPass(supply: PatchSupply, batch: PromptBatch, patch: PatchDescription, start: number, stop: number): Feeds {
    if (supply !== 'fused' || patch.kind !== 'resample') return {};
    return inputFeeds(PATCH_INPUT, this.#model.spec, batch, patch.from, start, stop);
  }
  get #captures(): NamedProgram {
    return named('capture', () => captureProgram(this.#setting, 'parts'));
  }
  /**
   * The micro-batches of a program, by tokens and by what fits in memory.
   * @param results numbers that all of them give: they are there twice while they are joined
   */
  #cuts(program: NamedProgram, prompts: number, length: number, results: number, tokens = this.#patchTokens): Cut[] {
    const most = Math.min(prompts, Math.max(1, Math.floor(tokens / Math.max(1, length))));
    const fit = this.#executables.promptsPerRun(program, { prompts: most, length, hostBytes: 8 * results });
    return cutsOf(prompts, length, fit * length);
  }
  #eachCut<R>(cuts: readonly Cut[], work: (cut: Cut) => Promise<R>): Promise<readonly R[]> {
    return inOrder(cuts, this.#executables.parallel, work);
  }
  #checkBatch(batch: PromptBatch): void {
    this.#checkLength(batch.length);
    const { positions } = this.graph.options;
    if (positions !== null && positions !== batch.length) {
      throw new AutoCircuitError({
        where: 'core/patch',
        what: 'the graph has edges for each token position, and prompts of another length',
        expected: `prompts of ${positions} tokens`,
        got: `${batch.length}`,
        fix: 'pick one length with --length N',
      });
    }
  }
  #checkLength(length: number): void {
    const most = this.#model.spec.maxPositions;
    if (most === null || length <= most) return;
    throw new AutoCircuitError({
      where: 'core/patch',
      what: `a prompt is too long for model "${this.#model.name}"`,
      expected: `at most ${most} tokens`,
      got: `${length}`,
    });
  }
  async dispose(): Promise<void> {
    this.#store.dispose();
    this.#selected?.dispose();
    await this.#executables.dispose();
  }
}
