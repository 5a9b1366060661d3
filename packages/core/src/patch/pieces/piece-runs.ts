/** @file The requests that a model run in pieces answers, prompts by prompts as they fit; what it cannot answer is refused. */
import type { Backend } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import type { Mask } from '../../graph/types.js';
import { hostGradient, hostLosses } from '../../objectives/on-host.js';
import { readingCount, readingFeeds } from '../../objectives/readings.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { ModelInput, PromptBatch, Side } from '../../prompts/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { inputFeeds, maskFeeds, objectiveFeeds, withPatched } from '../exec/feeds.js';
import type { MemoryPlan } from '../exec/memory-plan.js';
import { type Cut, cutsOf, joinFloats, sliceRows } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { outputShape } from '../exec/run-plan.js';
import { INPUT } from '../programs/programs.js';
import type {
  GradientPoint,
  MaskGradientRequest,
  PatchedMasksRequest,
  PatchedVariantsRequest,
  PromptGradients,
  VariantGroup,
} from '../requests/patchable-model.js';
import { interpolatedInputFeeds, startFeeds } from '../runs/gradient-plan.js';
import { denseTarget } from '../runs/mask-gradient.js';
import { Differences } from './differences.js';
import { forwardPass } from './forward.js';
import { type PieceGradients, pieceGradients, residualStore } from './gradients.js';
import { patchedPass } from './patched.js';
import { type PieceContext, PieceTraces } from './piece-context.js';
import { bytesOfRun, type PieceWork } from './piece-memory.js';
import { PieceRunner } from './piece-runner.js';
import type { RowStore } from './row-store.js';

/** What runs by pieces work with. */
export interface PieceRunsRequest {
  readonly context: RunContext;
  readonly backend: Backend;
  readonly plan: MemoryPlan;
  readonly onDebug: (line: string) => void;
}

/** Runs a model by pieces. */
export class PieceRuns {
  readonly #pieces: PieceContext;
  readonly #plan: MemoryPlan;
  readonly #fit = new Map<string, number>();
  readonly #onDebug: (line: string) => void;

  constructor({ context, backend, plan, onDebug }: PieceRunsRequest) {
    const { model, graph } = context;
    const setting = { model, graph };
    const runner = new PieceRunner({ backend, weights: model.weights, plan });
    const traces = new PieceTraces(setting);
    this.#plan = plan;
    this.#onDebug = onDebug;
    const pieces: PieceContext = {
      ...{ setting, context, traces, runner },
      rowBytes: (prompts, length) => plan.roomBeside(bytesOfRun(pieces, plan, 'gradient', prompts, length)) / 2,
    };
    this.#pieces = pieces;
  }

  /** Prompts of a batch that one run takes: as a plain run, and as fit. @throws AutoCircuitError `memory-limit` */
  #cuts(work: PieceWork, prompts: number, length: number): Cut[] {
    const tokens = this.#pieces.context.budget.plain;
    const most = Math.min(prompts, Math.max(1, Math.floor(tokens / length)));
    const key = `${work} ${most} ${length}`;
    const fit =
      this.#fit.get(key) ??
      this.#plan.runsThatFit(most, length, (n) => bytesOfRun(this.#pieces, this.#plan, work, n, length));
    if (!this.#fit.has(key)) this.#onDebug(`${work} runs by pieces: ${fit} prompts of ${length} tokens at a time`);
    this.#fit.set(key, fit);
    return cutsOf(prompts, length, fit * length);
  }

  /** A plain run of any input. */
  async run(input: ModelInput, positions: OutputPositions): Promise<Tensor<Float32Array>> {
    const [n, length] = input.shape as [number, number];
    const rows: Float32Array[] = [];
    for (const [start, stop] of this.#cuts('patched', n, length)) {
      const feeds = { [INPUT]: sliceRows(input, start, stop) };
      const { logits } = await forwardPass(this.#pieces, { feeds, positions, logits: true, captures: false });
      rows.push(logits!);
    }
    return floatTensor(joinFloats(rows), outputShape(this.#pieces.setting.model.spec, n, length, positions));
  }

  /** Pass 1 on the prompts of a cut: source activations by site, [rows, batch, pos, width]. */
  async capture(batch: PromptBatch, side: Side, cut: Cut): Promise<SiteTensors> {
    const feeds = inputFeeds(INPUT, this.#pieces.setting.model.spec, batch, side, cut);
    const { sites } = await forwardPass(this.#pieces, { feeds, logits: false, captures: true });
    return sites;
  }

  /** The micro-batches of pass 1. */
  captureCuts({ prompts, length }: PromptBatch): Cut[] {
    return this.#cuts('patched', prompts.length, length);
  }

  /** Logits under each of several masks, or what is read of them. */
  async patchedRuns(batch: PromptBatch, { masks, input, patch, readings }: PatchedMasksRequest) {
    const { context, setting } = this.#pieces;
    const { graph, model } = setting;
    const { prompts, length } = batch;
    const cuts = this.#cuts('patched', prompts.length, length);
    const rows = masks.map((): Float32Array[] => []);
    for (const cut of cuts) {
      const patched = await context.activations.patch(batch, patch, cut, cuts);
      await context.programs.dispose(); // of pass 1: pieces need the memory
      for (const [i, mask] of masks.entries()) {
        const axes = { perItem: mask.perItem, perPosition: graph.options.positions !== null };
        const logits = await patchedPass(this.#pieces, {
          ...{ prompts: cut[1] - cut[0], length, axes, patch: patched, readings },
          masks: Object.fromEntries(maskFeeds(graph, mask, prompts.length, cut)),
          feeds: {
            ...inputFeeds(INPUT, model.spec, batch, input, cut),
            ...(readings ? readingFeeds(readings, prompts, model.spec.outputSize, cut) : {}),
          },
        });
        rows[i]!.push(logits);
      }
    }
    const shape = readings
      ? [prompts.length, readingCount(readings, prompts)]
      : outputShape(model.spec, prompts.length, length);
    return rows.map((chunks) => floatTensor(joinFloats(chunks), shape));
  }

  /** Logits under a mask with each variant's edges patched, too: one after the other. */
  async *variants(
    batch: PromptBatch,
    { variants, baseline = false, mask, input, patch }: PatchedVariantsRequest,
  ): AsyncGenerator<VariantGroup> {
    const run = (one: Mask) => this.patchedRuns(batch, { input, patch, masks: [one] });
    const alone = baseline ? (await run(mask))[0]! : null;
    for (const edges of variants)
      yield { logits: await run(withPatched(this.#pieces.setting.graph, mask, edges)), baseline: alone };
  }

  /** ∂M/∂mask at each of several points, in order; what sources write in the two runs is computed once for all. */
  async *gradients(
    batch: PromptBatch,
    request: Omit<MaskGradientRequest, 'at'>,
    points: readonly (GradientPoint | undefined)[],
  ): AsyncGenerator<PromptGradients> {
    for (const at of points) {
      const unanswered = unansweredGradient({ ...request, ...(at ? { at } : {}) });
      if (unanswered) throw needsWholeProgram(unanswered);
    }
    const { prompts, length } = batch;
    const cuts = this.#cuts('gradient', prompts.length, length);
    const dense = await denseTarget(this.#pieces.context, request, () => this.#cleanLogits(batch));
    if (cuts.length === 1) {
      yield* this.#gradientsOfCut(batch, request, points, cuts, cuts[0]!, dense);
      return;
    }
    const byPoint = points.map((): PromptGradients[] => []);
    for (const cut of cuts) {
      let point = 0;
      for await (const one of this.#gradientsOfCut(batch, request, points, cuts, cut, dense))
        byPoint[point++]!.push(one);
    }
    for (const chunks of byPoint) yield joined(chunks);
  }

  async #cleanLogits(batch: PromptBatch): Promise<Tensor<Float32Array>> {
    const { spec } = this.#pieces.setting.model;
    const feeds = inputFeeds(INPUT, spec, batch, 'clean', [0, batch.prompts.length]);
    return this.run(feeds[INPUT] as ModelInput, spec.outputs ?? 'last');
  }

  async *#gradientsOfCut(
    batch: PromptBatch,
    request: Omit<MaskGradientRequest, 'at'>,
    points: readonly (GradientPoint | undefined)[],
    cuts: readonly Cut[],
    cut: Cut,
    dense: Tensor<Float32Array> | undefined,
  ): AsyncGenerator<PromptGradients> {
    const { context, setting, traces } = this.#pieces;
    const { graph, model } = setting;
    const { activations } = context;
    const prompts = cut[1] - cut[0];
    const { length } = batch;
    const differences = new Differences(graph, prompts, length, this.#pieces.rowBytes(prompts, length));
    // At the inputs as they are, one forward pass gives what sources write and where the backward pass starts.
    const own = points.every((at) => !at || at.kind === 'mask');
    const residuals = own ? residualStore(this.#pieces, prompts, length) : undefined;
    const input = inputFeeds(INPUT, model.spec, batch, request.input, cut);
    try {
      const onResidual = (piece: number, { data }: Tensor<Float32Array>): void => residuals!.write(piece, data);
      const current = residuals
        ? (await forwardPass(this.#pieces, { feeds: input, logits: false, captures: true, onResidual })).sites
        : await activations.side(batch, request.input, cut);
      const patch = await activations.patch(batch, request.patch, cut, cuts);
      await context.programs.dispose(); // of pass 1: pieces need the memory
      const trace = traces.plain();
      for (const source of trace.pieces.flatMap(({ writes }) => writes))
        await differences.add(this.#pieces, trace, source, current.get(source.block.site)!, patch);
      for (const at of points) {
        const feeds = {
          ...input,
          ...(at?.kind === 'input' ? interpolatedInputFeeds(current, patch, at.alpha) : {}),
          ...(at?.kind === 'start' ? startFeeds(graph, batch, at.values, cut) : {}),
        };
        yield await this.#gradientAt(batch, request, { feeds, cut, dense, differences, residuals });
      }
    } finally {
      differences.close();
      residuals?.close();
    }
  }

  async #gradientAt(
    batch: PromptBatch,
    request: Omit<MaskGradientRequest, 'at'>,
    {
      feeds,
      cut,
      dense,
      differences,
      residuals,
    }: {
      readonly feeds: Readonly<Record<string, Tensor>>;
      readonly cut: Cut;
      readonly dense: Tensor<Float32Array> | undefined;
      readonly differences: Differences;
      readonly residuals: RowStore | undefined;
    },
  ): Promise<PromptGradients> {
    const { objective } = request;
    const { spec } = this.#pieces.setting.model;
    const prompts = cut[1] - cut[0];
    const { length } = batch;
    const shared = { request, prompts, length, feeds, differences, residuals };
    const only = ({ tensors, losses }: PieceGradients): PromptGradients => ({
      tensors,
      ...(request.losses ? { losses } : {}),
    });
    if (objective.kind !== 'host') {
      const own = Object.fromEntries(objectiveFeeds(spec, objective, batch, cut, dense));
      return only(await pieceGradients(this.#pieces, { ...shared, objectiveFeeds: own }));
    }
    // a loss on the host: logits first, of which it gives the gradient
    const { logits } = await forwardPass(this.#pieces, { feeds, logits: true, captures: false });
    const own = { length, prompts: batch.prompts.slice(...cut) };
    const outputs = floatTensor(logits!, outputShape(spec, prompts, length));
    const cotangent = hostGradient(objective, outputs, own);
    const objectiveFeed = Object.fromEntries(objectiveFeeds(spec, objective, own, [0, prompts], cotangent));
    const losses = Float32Array.from(hostLosses(objective, outputs, own));
    const found = await pieceGradients(this.#pieces, { ...shared, objectiveFeeds: objectiveFeed });
    return only({ ...found, losses });
  }

  dispose(): Promise<void> {
    return this.#pieces.runner.dispose();
  }
}

/** Gradients of several cuts as those of one batch. */
function joined(chunks: readonly PromptGradients[]): PromptGradients {
  const [first] = chunks as [PromptGradients];
  const tensors = Object.entries(first.tensors).map(([module, { shape }]) => {
    const data = joinFloats(chunks.map((chunk) => chunk.tensors[module]!.data));
    return [
      module,
      floatTensor(data, [data.length / (shape.slice(1).reduce((n, d) => n * d, 1) || 1), ...shape.slice(1)]),
    ] as const;
  });
  return {
    tensors: Object.fromEntries(tensors),
    ...(first.losses ? { losses: joinFloats(chunks.map(({ losses }) => losses!)) } : {}),
  };
}

/** What of a gradient's request a backward pass by pieces does not give, in words; null where it gives all. */
export function unansweredGradient({ at, neurons }: Pick<MaskGradientRequest, 'at' | 'neurons'>): string | null {
  if (at?.kind === 'mask' && at.mask !== 0) return 'a gradient under a mask other than 0';
  if (at?.kind === 'activations') return 'a gradient at interpolated activations';
  return neurons ? 'scores of the single numbers that nodes write' : null;
}

/** The error for a request that pieces cannot answer. */
export const needsWholeProgram = (request: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'needs-whole-program',
    where: 'core/patch',
    what: `${request} needs the whole model in one program, which does not fit in memory`,
    expected:
      'a request that runs piece by piece: patched runs, and gradients at the inputs (EAP, integrated gradients over inputs)',
    fix: 'allow more memory, use shorter prompts or a smaller model, or another algorithm',
    fields: { request },
  });
