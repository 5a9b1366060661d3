/** @file The engine of `PatchableModel`: what it is made of, what it refuses, and which run serves which request. */

import { totalmem } from 'node:os';
import type { Backend } from '../backend/backend.js';
import { AutoCircuitError } from '../errors/error.js';
import type { Graph } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import type { OutputPositions } from '../prompts/output-positions.js';
import { inputOf } from '../prompts/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../prompts/types.js';
import { ActivationCache } from './exec/activation-cache.js';
import { MemoryPlan, memoryLimitOf } from './exec/memory-plan.js';
import { tokenBudget } from './exec/micro-batches.js';
import { ProgramCache } from './exec/program-cache.js';
import type { RunContext } from './exec/run-context.js';
import { makeProgram } from './make-program.js';
import { PieceChoice } from './pieces/piece-choice.js';
import { PieceRuns } from './pieces/piece-runs.js';
import type { ProgramSpec } from './programs/program-spec.js';
import { modelRoles } from './programs/read-values.js';
import type { PatchDescription } from './requests/ablations.js';
import { checkKeys } from './requests/check-keys.js';
import type {
  ConstantGradientRequest,
  EdgeMeasure,
  MaskGradientRequest,
  MemoryLimit,
  PatchableModel,
  PatchedMasksRequest,
  PatchedRunRequest,
  PatchedVariantsRequest,
  ValueGradientRequest,
} from './requests/patchable-model.js';
import { constantGradient, constantMeans } from './runs/constant-gradient.js';
import { gradientsBetween, maskGradient } from './runs/mask-gradient.js';
import { maskWindows, type PatchedContext, patchedMasks, patchedMasksOfBatches, patchedRun } from './runs/patched.js';
import { capture, captureCuts, measureEdges, plainRun, sideRuns, sourceOutputs } from './runs/plain.js';
import { readValues, valueGradients } from './runs/values.js';
import { patchedVariants } from './runs/variants.js';
import { SparseRuns } from './sparse/index.js';

/** What a patchable model is made of. */
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
  /** Runs masks by one strategy always; default: the cheapest. Results do not depend on it but for rounding. */
  readonly way?: 'dense' | 'noising' | 'denoising';
  /**
   * Runs the model piece by piece always, or never; default: where one prompt does not fit in memory. Results do not depend on it
   * but for rounding.
   */
  readonly pieces?: boolean;
  /** Given lines about programs, memory and micro-batches. */
  readonly onDebug?: (line: string) => void;
}

/** Variants of a mask share the weights that a run reads, the unembedding's above all: so many tokens where a plain run has fewer. */
const VARIANT_TOKENS = 1024;

/**
 * A model that can be patched, on a backend. Nothing is compiled before it is needed.
 * @throws AutoCircuitError from its methods: `mixed-lengths` and `prompt-too-long` for batches that do not fit graph and model,
 *   `memory-limit` where one prompt does not fit
 */
export async function createPatchableModel(request: PatchableModelRequest): Promise<PatchableModel> {
  return new Engine(request);
}

class Engine implements PatchableModel {
  readonly graph: Graph;
  readonly outputSize: number;
  readonly outputs: OutputPositions;
  readonly memoryLimit: MemoryLimit;
  readonly #context: PatchedContext;
  readonly #pieces: PieceRuns;
  readonly #choice: PieceChoice;
  #roles: readonly string[] | null = null;
  #disposed = false;

  constructor({ model, graph, backend, way, pieces, onDebug = () => undefined, ...sizes }: PatchableModelRequest) {
    this.graph = graph;
    this.outputSize = model.spec.outputSize;
    this.outputs = model.spec.outputs ?? 'last';
    const limit = memoryLimitOf(sizes.memoryBytes, totalmem());
    this.memoryLimit = limit;
    const { weights } = model;
    const plan = new MemoryPlan(limit, weights, sizes.keepBytes, backend.info.memory);
    const make = (spec: ProgramSpec) => makeProgram(spec, { model, graph });
    const programs = new ProgramCache({ backend, weights, plan, make, onDebug });
    const activations = new ActivationCache(
      (batch, side, cut) =>
        this.#choice.capture(batch.length)
          ? this.#pieces.capture(batch, side, cut)
          : capture(this.#context, batch, side, cut),
      plan.keepBytes,
      programs.parallel,
    );
    const { dModel } = graph.layout;
    const budget = tokenBudget(graph.sources.length, dModel, sizes.microBatchTokens);
    const context: RunContext = { model, graph, programs, activations, budget };
    const sparse =
      way !== 'dense' && !model.spec.prefix && backend.info.emptyAxes && SparseRuns.fits(graph)
        ? new SparseRuns(context, {
            variantTokens: limit.strict ? budget.plain : Math.max(budget.plain, VARIANT_TOKENS),
            keepBytes: plan.sparseBytes,
            always: way ?? null,
            onDebug,
          })
        : null;
    this.#context = { ...context, sparse };
    this.#pieces = new PieceRuns({ context, backend, plan, onDebug });
    this.#choice = new PieceChoice(context, pieces, onDebug);
    onDebug(plan.describe());
    onDebug(
      `micro-batches: ${budget.patched} tokens patched, ${budget.plain} plain; ${graph.sources.length} sources of ${dModel}`,
    );
  }

  async run(input: ModelInput, positions = this.outputs) {
    this.#checkAlive();
    this.#checkLength(input.shape[1]!);
    if (this.#choice.plain(input.shape[1]!, positions)) return this.#pieces.run(input, positions);
    return plainRun(this.#context, input, positions);
  }

  async runSide(batches: readonly PromptBatch[], side: Side, signal?: AbortSignal, all = batches) {
    for (const batch of batches) this.#checkBatch(batch);
    if (!all.some(({ length }) => this.#choice.capture(length)))
      return sideRuns(this.#context, batches, side, signal, all);
    const logits: Awaited<ReturnType<Engine['run']>>[] = [];
    for (const batch of batches) {
      signal?.throwIfAborted();
      logits.push(await this.run(inputOf(batch, side)));
    }
    return logits;
  }

  // ---- pass 1 -------------------------------------------------------------------------------------------------
  async meanOf(batches: readonly PromptBatch[], of: Side | 'both') {
    return this.#context.activations.meanOf(batches.map(this.#withCuts), of);
  }

  async constantMeans(batches: readonly PromptBatch[], from: Side) {
    return constantMeans(this.#context.activations, batches.map(this.#withCuts), from);
  }

  async sourceOutputs(batch: PromptBatch, what: Side | PatchDescription) {
    this.#checkAlive();
    return sourceOutputs(this.#context, batch, what);
  }

  async readValues(batch: PromptBatch, side: Side, roles: readonly string[]) {
    this.#checkBatch(batch);
    return readValues(this.#context, batch, side, roles);
  }

  async valueGradients(batch: PromptBatch, request: ValueGradientRequest) {
    this.#checkBatch(batch);
    return valueGradients(this.#context, batch, request, () => this.run(inputOf(batch, 'clean')));
  }

  get roles(): readonly string[] {
    this.#roles ??= modelRoles(this.#context);
    return this.#roles;
  }

  async measureEdges(batch: PromptBatch, side: Side, measure: EdgeMeasure) {
    this.#checkBatch(batch);
    return measureEdges(this.#context, batch, side, measure);
  }

  // ---- pass 2 -------------------------------------------------------------------------------------------------
  async patchedRun(batch: PromptBatch, request: PatchedRunRequest) {
    checkKeys('patchedRun', request);
    this.#checkBatch(batch);
    const { mask, frozen = [], ...shared } = request;
    if (this.#choice.patched(batch, { ...shared, frozen }, mask.perItem)) {
      const [logits] = await this.#pieces.patchedRuns(batch, { ...shared, masks: [mask] });
      return logits!;
    }
    return patchedRun(this.#context, batch, request);
  }

  async patchedRuns(batch: PromptBatch, request: PatchedMasksRequest) {
    checkKeys('patchedRuns', request);
    this.#checkBatch(batch);
    if (this.#choice.patched(batch, request, request.masks[0]?.perItem))
      return this.#pieces.patchedRuns(batch, request);
    return patchedMasks(this.#context, batch, request);
  }

  async patchedRunsOn(batches: readonly PromptBatch[], requests: readonly PatchedMasksRequest[], signal?: AbortSignal) {
    for (const request of requests) checkKeys('patchedRuns', request);
    for (const batch of batches) this.#checkBatch(batch);
    if (batches.some((batch, i) => this.#choice.patched(batch, requests[i]!, requests[i]!.masks[0]?.perItem))) {
      const results: Awaited<ReturnType<PieceRuns['patchedRuns']>>[] = [];
      for (const [i, batch] of batches.entries()) {
        signal?.throwIfAborted();
        results.push(await this.patchedRuns(batch, requests[i]!));
      }
      return results;
    }
    return patchedMasksOfBatches(this.#context, batches, requests, signal);
  }

  async *patchedVariants(batch: PromptBatch, request: PatchedVariantsRequest) {
    checkKeys('patchedVariants', request);
    this.#checkBatch(batch);
    if (this.#choice.patched(batch, request, request.mask.perItem)) {
      yield* this.#pieces.variants(batch, request);
      return;
    }
    yield* patchedVariants(this.#context, batch, request);
  }

  maskWindows(batches: readonly PromptBatch[], count: number) {
    return maskWindows(this.#context, batches, count);
  }

  async maskGradient(batch: PromptBatch, request: MaskGradientRequest) {
    checkKeys('maskGradient', request);
    this.#checkBatch(batch);
    if (this.#choice.gradient(batch, request)) {
      const { at, ...shared } = request;
      for await (const one of this.#pieces.gradients(batch, shared, [at])) return one;
    }
    return maskGradient(this.#context, batch, request, () => this.run(inputOf(batch, 'clean')));
  }

  async *gradientsBetween(batch: PromptBatch, request: Omit<MaskGradientRequest, 'at'>, alphas: readonly number[]) {
    checkKeys('maskGradient', request);
    this.#checkBatch(batch);
    const points = alphas.map((alpha) => ({ kind: 'input', alpha }) as const);
    if (points.some((at) => this.#choice.gradient(batch, { ...request, at }))) {
      yield* this.#pieces.gradients(batch, request, points);
      return;
    }
    yield* gradientsBetween(this.#context, batch, request, alphas, () => this.run(inputOf(batch, 'clean')));
  }

  async constantGradient(batch: PromptBatch, request: ConstantGradientRequest) {
    this.#checkBatch(batch);
    return constantGradient(this.#context, batch, request);
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const { activations, programs, sparse } = this.#context;
    activations.dispose();
    sparse?.dispose();
    await programs.dispose();
    await this.#pieces.dispose();
  }

  // ---- what is refused ----------------------------------------------------------------------------------------
  readonly #withCuts = (batch: PromptBatch) => {
    this.#checkAlive();
    if (this.#choice.capture(batch.length)) return { batch, cuts: this.#pieces.captureCuts(batch) };
    return captureCuts(this.#context, batch);
  };

  #checkAlive(): void {
    if (!this.#disposed) return;
    throw new AutoCircuitError({
      code: 'already-disposed',
      where: 'core/patch',
      what: 'the model was used after dispose()',
      fix: 'dispose it when all work is done, or make another',
      kind: 'internal',
    });
  }

  #checkBatch({ length }: PromptBatch): void {
    this.#checkAlive();
    this.#checkLength(length);
    const { positions } = this.graph.options;
    if (positions === null || positions === length) return;
    throw new AutoCircuitError({
      code: 'mixed-lengths',
      where: 'core/patch',
      what: 'the graph has edges for each token position, of prompts of another length',
      expected: `prompts of ${positions} tokens`,
      got: `${length}`,
      fix: 'use prompts of one length',
      fields: { lengths: [positions, length] },
    });
  }

  #checkLength(length: number): void {
    const { model } = this.#context;
    const { maxPositions, tablePositions } = model.spec;
    if (tablePositions !== undefined && length > tablePositions && length <= (maxPositions ?? length)) {
      throw new AutoCircuitError({
        code: 'prompt-too-long',
        where: 'core/patch',
        what: `a prompt is longer than what model "${model.name}" was loaded for`,
        expected: `at most ${tablePositions} tokens`,
        got: `${length}`,
        fix: `load it for more positions (${maxPositions === null ? 'it has no limit' : `it has ${maxPositions}`})`,
        fields: { length, limit: tablePositions, model: model.name },
      });
    }
    const limit = maxPositions;
    if (limit === null || length <= limit) return;
    throw new AutoCircuitError({
      code: 'prompt-too-long',
      where: 'core/patch',
      what: `a prompt is too long for model "${model.name}"`,
      expected: `at most ${limit} tokens`,
      got: `${length}`,
      fields: { length, limit, model: model.name },
    });
  }
}
