/** @file The engine behind `PatchableModel`: micro-batches, programs by mode, pass 1 kept for many masks. */

import { totalmem } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { AutoCircuitError } from '../errors/error.js';
import type { Graph } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import type { OutputPositions } from '../prompts/output-positions.js';
import { inputOf } from '../prompts/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../tensor/tensor.js';
import { type SiteTensors, SourceStore } from './exec/activation-cache.js';
import { inputFeeds, prefixFeeds } from './exec/feeds.js';
import { MemoryPlan } from './exec/memory-plan.js';
import { floats, joinFloats, sliceRows, tensorOf } from './exec/micro-batches.js';
import { Executables, type NamedProgram } from './exec/program-cache.js';
import { captures, cutsFor, eachCut, named, ONCE, outputShape, siteFeeds } from './exec/run-context.js';
import { scoreTensors } from './exec/score-outputs.js';
import { measuredEdgesProgram } from './programs/measured-edges.js';
import { INPUT, LOGITS, patchInputName, plainProgram, projectProgram, sourceOutputName } from './programs/programs.js';
import type { PatchDescription } from './requests/ablations.js';
import type {
  ConstantGradient,
  ConstantGradientRequest,
  EdgeMeasure,
  MaskGradientRequest,
  PatchableModel,
  PatchedRunRequest,
  PatchedRunsRequest,
  PromptGradients,
} from './requests/patchable-model.js';
import { constantGradient, constantMeans } from './runs/constants.js';
import { gradientsBetween, maskGradient } from './runs/mask-gradient.js';
import { type PatchedRuns, patchedMasks, patchedRun, patchedVariants } from './runs/patched.js';
import { SparseRuns } from './sparse/index.js';

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
  readonly way?: 'dense' | 'noising' | 'denoising';
  readonly onDebug?: (line: string) => void;
}

/** A plain run is as fast with this many tokens as with more, and needs less memory: of a model of this width, or wider. */
const PLAIN_TOKENS = 256;
const PLAIN_WIDTH = 768;
/** Variants of a mask share the weights that a run reads, and the unembedding above all: so many tokens where a plain run has fewer. */
const VARIANT_TOKENS = 1024;
/** Differences of a micro-batch that stay in the cache mix twice as fast (docs/performance.md). */
const DIFFERENCE_BYTES = 64 * 2 ** 20;

/** Narrow models have less to do at a token: they take so many more at once. */
const plainTokensOf = (dModel: number): number => PLAIN_TOKENS * Math.max(1, Math.floor(PLAIN_WIDTH / dModel));
const mixedTokens = (sources: number, dModel: number): number =>
  Math.min(plainTokensOf(dModel), Math.max(1, Math.floor(DIFFERENCE_BYTES / (4 * dModel * Math.max(1, sources)))));

export async function createPatchableModel(request: PatchableModelRequest): Promise<PatchableModel> {
  return new Engine(request);
}

class Engine implements PatchableModel {
  readonly graph: Graph;
  readonly outputSize: number;
  readonly outputs: OutputPositions;
  readonly runsTogether: boolean;
  readonly #runs: PatchedRuns;

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
    const limit = { bytes: memoryBytes ?? totalmem() / 2, strict: memoryBytes !== undefined };
    const plan = new MemoryPlan(limit, model.weights, keepBytes);
    const executables = new Executables(backend, model.weights, plan, onDebug);
    const store = new SourceStore((...args) => this.#capture(...args), plan.keepBytes, executables.parallel);
    const tokensFor = (sources: number) => microBatchTokens ?? mixedTokens(sources, graph.layout.dModel);
    const plainTokens = microBatchTokens ?? plainTokensOf(graph.layout.dModel);
    const patchTokens = tokensFor(graph.sources.length);
    const shared = { model, graph, executables, store, keepBytes: plan.keepBytes, tokensFor, plainTokens, patchTokens };
    const selected =
      way !== 'dense' && !model.spec.prefix && backend.info.emptyAxes && SparseRuns.fits(graph)
        ? new SparseRuns({
            ...shared,
            tokens: plainTokens,
            variantTokens: limit.strict ? plainTokens : Math.max(plainTokens, VARIANT_TOKENS),
            keepBytes: plan.selectedBytes,
            always: way ?? null,
            onDebug,
          })
        : null;
    this.#runs = { ...shared, selected };
    this.runsTogether = selected !== null;
    onDebug(plan.describe());
    onDebug(
      `micro-batches: ${patchTokens} tokens patched, ${plainTokens} plain; ${graph.sources.length} sources of ${graph.layout.dModel}`,
    );
  }

  // ---- plain runs ---------------------------------------------------------------------------------------------
  async run(input: ModelInput, positions = this.outputs): Promise<Tensor<Float32Array>> {
    const [n, pos] = input.shape as [number, number];
    const { model, graph, executables, plainTokens } = this.#runs;
    this.#checkLength(pos);
    const plain = named(`plain-${positions}`, () => plainProgram({ model, graph }, positions));
    const shape = outputShape(model.spec, n, pos, positions);
    const size = { prompts: n, length: pos, results: elementCount(shape), tokens: plainTokens };
    const rows = await eachCut(this.#runs, cutsFor(this.#runs, plain, size), async ([start, stop]) => {
      const feeds = { [INPUT]: sliceRows(input, start, stop), ...prefixFeeds(input.prompts?.slice(start, stop) ?? []) };
      return floats(await executables.run(plain, feeds, ONCE), LOGITS);
    });
    return floatTensor(joinFloats(rows), shape);
  }

  // ---- pass 1 -------------------------------------------------------------------------------------------------
  async #capture(batch: PromptBatch, side: Side, start: number, stop: number): Promise<SiteTensors> {
    const { model, executables } = this.#runs;
    const feeds = { ...inputFeeds(INPUT, model.spec, batch, side, start, stop) };
    const results = await executables.run(captures(this.#runs), feeds, ONCE);
    return new Map(
      this.graph.sourceBlocks.map(({ site }) => [site, tensorOf(results, sourceOutputName(site))] as const),
    );
  }

  async meanOf(batches: readonly PromptBatch[], of: Side | 'both') {
    return this.#runs.store.meanOf(batches.map(this.#withCuts), of);
  }

  async constantMeans(batches: readonly PromptBatch[], from: Side) {
    return constantMeans(this.#runs.store, batches.map(this.#withCuts), from);
  }

  async sourceOutputs(batch: PromptBatch, what: Side | PatchDescription): Promise<Tensor<Float32Array>> {
    const { model, graph, executables, store } = this.#runs;
    const patch: PatchDescription = typeof what === 'string' ? { kind: 'resample', from: what } : what;
    const n = batch.prompts.length;
    const slab = batch.length * graph.layout.dModel;
    const out = new Float32Array(graph.sources.length * n * slab); // [sources, prompts, pos, dModel]
    const project = named('project', () => projectProgram({ model, graph }));
    const cuts = cutsFor(this.#runs, project, { prompts: n, length: batch.length, results: out.length });
    for (const [start, stop] of cuts) {
      const parts = await store.patch(batch, patch, start, stop, cuts);
      if (!parts) continue;
      const results = await executables.run(project, siteFeeds(parts, patchInputName));
      for (const block of graph.sourceBlocks) {
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
    return floatTensor(out, [graph.sources.length, n, batch.length, graph.layout.dModel]);
  }

  // ---- pass 2 -------------------------------------------------------------------------------------------------
  async patchedRun(batch: PromptBatch, request: PatchedRunRequest): Promise<Tensor<Float32Array>> {
    this.#checkBatch(batch);
    return patchedRun(this.#runs, batch, request);
  }

  async patchedRuns(batch: PromptBatch, request: PatchedRunsRequest): Promise<Tensor<Float32Array>[]> {
    this.#checkBatch(batch);
    if ('masks' in request) return patchedMasks(this.#runs, batch, request, request.masks);
    return patchedVariants(this.#runs, batch, request, request.variants);
  }

  runsAtOnce({ prompts, length }: PromptBatch): number {
    return Math.max(1, Math.floor(this.#runs.plainTokens / (prompts.length * length)));
  }

  async maskGradient(batch: PromptBatch, request: MaskGradientRequest): Promise<PromptGradients> {
    this.#checkBatch(batch);
    return maskGradient(this.#runs, batch, request, () => this.run(inputOf(batch, 'clean')));
  }

  async gradientsBetween(
    batch: PromptBatch,
    request: Omit<MaskGradientRequest, 'inputAlpha'>,
    alphas: readonly number[],
  ): Promise<PromptGradients[]> {
    this.#checkBatch(batch);
    return gradientsBetween(this.#runs, batch, request, alphas, () => this.run(inputOf(batch, 'clean')));
  }

  async constantGradient(batch: PromptBatch, request: ConstantGradientRequest): Promise<ConstantGradient> {
    this.#checkBatch(batch);
    const size = { prompts: batch.prompts.length, length: batch.length, results: 0 };
    const cuts = (program: NamedProgram) => cutsFor(this.#runs, program, size);
    return constantGradient({ ...this.#runs, cuts }, batch, request);
  }

  async measureEdges(batch: PromptBatch, side: Side, measure: EdgeMeasure): Promise<PromptGradients> {
    this.#checkBatch(batch);
    const { model, graph, executables } = this.#runs;
    const program = named(`measure-${measure.name}`, () => measuredEdgesProgram({ model, graph }, measure));
    const n = batch.prompts.length;
    const cuts = cutsFor(this.#runs, program, { prompts: n, length: batch.length, results: n * graph.edgeCount });
    const chunks = await eachCut(this.#runs, cuts, ([start, stop]) => {
      const feeds = { ...inputFeeds(INPUT, model.spec, batch, side, start, stop) };
      return executables.run(program, feeds, ONCE);
    });
    return { tensors: scoreTensors(graph, chunks, n) };
  }

  // ---- the small print ----------------------------------------------------------------------------------------
  readonly #withCuts = (batch: PromptBatch) => {
    const size = { prompts: batch.prompts.length, length: batch.length, results: 0 };
    return { batch, cuts: cutsFor(this.#runs, captures(this.#runs), size) };
  };
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
    const { model } = this.#runs;
    const most = model.spec.maxPositions;
    if (most === null || length <= most) return;
    throw new AutoCircuitError({
      where: 'core/patch',
      what: `a prompt is too long for model "${model.name}"`,
      expected: `at most ${most} tokens`,
      got: `${length}`,
    });
  }
  async dispose(): Promise<void> {
    const { store, selected, executables } = this.#runs;
    store.dispose();
    selected?.dispose();
    await executables.dispose();
  }
}
