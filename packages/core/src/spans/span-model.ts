/**
 * @file A patchable model whose edges are those of spans: one graph for prompts of all lengths. For each length there is an engine
 * with edges for each token position; masks are spread over the tokens of a span, and scores of these are added up.
 */

import { AutoCircuitError } from '../errors/error.js';
import { buildGraph } from '../graph/build.js';
import type { Graph, Mask } from '../graph/types.js';
import { createPatchableModel, type PatchableModelRequest } from '../patch/engine.js';
import { withPatched } from '../patch/exec/feeds.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type {
  ConstantGradientRequest,
  EdgeMeasure,
  MaskGradientRequest,
  PatchableModel,
  PatchedMasksRequest,
  PatchedRunRequest,
  PatchedVariantsRequest,
  PromptGradients,
  ValueGradientRequest,
  VariantGroup,
} from '../patch/requests/patchable-model.js';
import type { OutputPositions } from '../prompts/output-positions.js';
import type { ModelInput, PromptBatch, Side } from '../prompts/types.js';
import type { Tensor } from '../tensor/tensor.js';
import { bySpan, maskOfTokens, type SpanNumbers, type SpanTotal } from './by-span.js';
import { spansOfBatch } from './spans.js';

/** Variants whose edges lie at other tokens in other prompts are run so many at a time. */
const VARIANTS = 8;

/**
 * A model with edges for each span. The same calls as any patchable model, for prompts that `withSpans` has given their spans: an
 * edge of a span is patched at all of the span's tokens, and its score is the sum of theirs.
 * @param request whose graph has as many positions as there are spans
 * @throws AutoCircuitError `unsupported-graph` for a graph without positions, `unsupported-model` for a model with a shared
 *   prefix; from its methods `invalid-prompt` for prompts without spans
 */
export async function createSpanModel(request: PatchableModelRequest): Promise<PatchableModel> {
  const { graph, model } = request;
  if (graph.options.positions === null)
    throw new AutoCircuitError({
      code: 'unsupported-graph',
      where: 'spans',
      what: 'the graph has no axis for spans',
      expected: 'a graph with as many positions as there are spans',
      got: 'a graph without positions',
      fix: 'build the graph with as many positions as there are spans',
    });
  if (model.spec.prefix)
    throw new AutoCircuitError({
      code: 'unsupported-model',
      where: 'spans',
      what: `the first ${model.spec.prefix} tokens were run before, and have no spans`,
      fix: 'use spans without a shared prefix',
      fields: { key: 'prefix' },
    });
  const whole = { ...graph.options, positions: null };
  const plain = await createPatchableModel({ ...request, graph: buildGraph(graph.layout, whole) });
  return new SpanModel(request, plain);
}

class SpanModel implements PatchableModel {
  readonly graph: Graph;
  readonly #request: PatchableModelRequest;
  readonly #spans: number;
  /** Of a graph without positions: for all that has nothing to do with edges. */
  readonly #plain: PatchableModel;
  readonly #byLength = new Map<number, Promise<PatchableModel>>();
  readonly #numbers = new WeakMap<PromptBatch, SpanNumbers>();

  constructor(request: PatchableModelRequest, plain: PatchableModel) {
    this.graph = request.graph;
    this.#request = request;
    this.#spans = request.graph.options.positions!;
    this.#plain = plain;
  }

  // ---- what has nothing to do with edges ------------------------------------------------------------------------
  get outputSize() {
    return this.#plain.outputSize;
  }
  get outputs() {
    return this.#plain.outputs;
  }
  get roles() {
    return this.#plain.roles;
  }
  get memoryLimit() {
    return this.#plain.memoryLimit!;
  }
  run(input: ModelInput, positions?: OutputPositions) {
    return positions === undefined ? this.#plain.run(input) : this.#plain.run(input, positions);
  }
  /** By the models that run masks: they keep what is patched in. */
  async runSide(batches: readonly PromptBatch[], side: Side, signal?: AbortSignal) {
    const logits: Tensor<Float32Array>[] = [];
    for (const batch of batches) {
      const [own] = await (await this.#of(batch)).runSide([batch], side, signal);
      logits.push(own!);
    }
    return logits;
  }
  readValues(batch: PromptBatch, side: Side, roles: readonly string[]) {
    return this.#plain.readValues(batch, side, roles);
  }
  valueGradients(batch: PromptBatch, request: ValueGradientRequest) {
    return this.#plain.valueGradients(batch, request);
  }
  meanOf(batches: readonly PromptBatch[], of: Side | 'both') {
    return this.#plain.meanOf(batches, of);
  }
  constantMeans(batches: readonly PromptBatch[], from: Side) {
    return this.#plain.constantMeans(batches, from);
  }
  sourceOutputs(batch: PromptBatch, what: Side | PatchDescription) {
    return this.#plain.sourceOutputs(batch, what);
  }
  maskWindows(batches: readonly PromptBatch[], count: number) {
    return this.#plain.maskWindows(batches, count);
  }

  // ---- masks, spread over tokens --------------------------------------------------------------------------------
  async patchedRun(batch: PromptBatch, request: PatchedRunRequest) {
    const model = await this.#of(batch);
    return model.patchedRun(batch, { ...request, mask: this.#tokens(batch, request.mask) });
  }
  async patchedRuns(batch: PromptBatch, request: PatchedMasksRequest) {
    const model = await this.#of(batch);
    return model.patchedRuns(batch, this.#masks(batch, request));
  }
  async patchedRunsOn(batches: readonly PromptBatch[], requests: readonly PatchedMasksRequest[], signal?: AbortSignal) {
    const results = [];
    for (const [b, batch] of batches.entries()) {
      signal?.throwIfAborted();
      results.push(await this.patchedRuns(batch, requests[b]!));
    }
    return results;
  }
  async *patchedVariants(batch: PromptBatch, request: PatchedVariantsRequest): AsyncGenerator<VariantGroup> {
    const { input, patch, mask, variants, baseline = false } = request;
    const more = baseline ? [mask] : [];
    let group: (readonly number[])[] = [];
    const run = async (): Promise<VariantGroup> => {
      const masks = [...more, ...group.map((edges) => withPatched(this.graph, mask, edges))];
      const logits = await this.patchedRuns(batch, { input, patch, masks });
      return { logits: logits.slice(more.length), baseline: baseline ? logits[0]! : null };
    };
    for (const edges of variants) {
      group.push(edges);
      if (group.length < VARIANTS) continue;
      yield await run();
      group = [];
    }
    if (group.length > 0) yield await run();
  }
  async constantGradient(batch: PromptBatch, request: ConstantGradientRequest) {
    const model = await this.#of(batch);
    return model.constantGradient(batch, { ...request, mask: this.#tokens(batch, request.mask) });
  }

  // ---- scores, added up over tokens -----------------------------------------------------------------------------
  async maskGradient(batch: PromptBatch, request: MaskGradientRequest) {
    const model = await this.#of(batch);
    const { at } = request;
    const masked = at?.kind === 'mask' && typeof at.mask === 'object';
    const own = masked ? { ...request, at: { ...at, mask: this.#tokens(batch, at.mask as Mask) } } : request;
    return this.#total(batch, await model.maskGradient(batch, own));
  }
  async *gradientsBetween(batch: PromptBatch, request: Omit<MaskGradientRequest, 'at'>, alphas: readonly number[]) {
    const model = await this.#of(batch);
    for await (const gradients of model.gradientsBetween(batch, request, alphas)) yield this.#total(batch, gradients);
  }
  async measureEdges(batch: PromptBatch, side: Side, measure: EdgeMeasure) {
    const model = await this.#of(batch);
    return this.#total(batch, await model.measureEdges(batch, side, measure), 'mean');
  }

  async dispose(): Promise<void> {
    await this.#plain.dispose();
    for (const model of this.#byLength.values()) await (await model).dispose();
  }

  #of({ length }: PromptBatch): Promise<PatchableModel> {
    const known = this.#byLength.get(length);
    if (known) return known;
    const { layout, options } = this.graph;
    const made = createPatchableModel({
      ...this.#request,
      graph: buildGraph(layout, { ...options, positions: length }),
    });
    this.#byLength.set(length, made);
    return made;
  }
  #numbersOf(batch: PromptBatch): SpanNumbers {
    const known = this.#numbers.get(batch) ?? spansOfBatch(batch, this.#spans);
    this.#numbers.set(batch, known);
    return known;
  }
  #tokens(batch: PromptBatch, mask: Mask): Mask {
    return maskOfTokens(this.graph, mask, this.#numbersOf(batch), batch.prompts.length);
  }
  #masks(batch: PromptBatch, request: PatchedMasksRequest): PatchedMasksRequest {
    return { ...request, masks: request.masks.map((mask) => this.#tokens(batch, mask)) };
  }
  #total(batch: PromptBatch, gradients: PromptGradients, total: SpanTotal = 'sum'): PromptGradients {
    const spans = this.#spans;
    const numbers = this.#numbersOf(batch);
    return {
      ...gradients,
      tensors: bySpan(gradients.tensors, spans, numbers, total),
      ...(gradients.neurons ? { neurons: bySpan(gradients.neurons, spans, numbers, total) } : {}),
    };
  }
}
