/** @file Runs under a mask piece by piece: what the edges add to each destination is summed before its piece runs. */
import type { Feeds } from '../../backend/backend.js';
import { AutoCircuitError } from '../../errors/error.js';
import { blocksAt, blocksBySite } from '../../graph/site-blocks.js';
import type { OutputReadings } from '../../objectives/readings.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { floats, tensorOf } from '../exec/micro-batches.js';
import type { MaskAxes } from '../modes/activation-differences.js';
import { maskInputName } from '../modes/patched.js';
import { rowsOf } from '../modes/points.js';
import { LOGITS, sourceOutputName } from '../programs/programs.js';
import { Differences } from './differences.js';
import type { PieceContext } from './piece-context.js';
import {
  DIFFERENCES,
  edgeSumProgram,
  forwardPiece,
  NEXT_RESIDUAL,
  RESIDUAL,
  RESULT,
  WEIGHTS,
} from './piece-programs.js';
import { edgeSumInputName } from './piece-trace.js';

/** One run of some prompts under a mask. */
export interface PiecePatchedRequest {
  readonly prompts: number;
  readonly length: number;
  /** The model's input, and what readings are fed. */
  readonly feeds: Feeds;
  /** The masks of every site by `maskInputName`: [batch?, pos?, rows, sources]. */
  readonly masks: Readonly<Record<string, Tensor>>;
  readonly axes: MaskAxes;
  /** What is patched in; null for zeros. */
  readonly patch: SiteTensors | null;
  readonly readings?: OutputReadings | undefined;
}

/** Logits of some prompts, or what is read of them. */
export async function patchedPass(pieces: PieceContext, request: PiecePatchedRequest): Promise<Float32Array> {
  const { setting, runner, traces } = pieces;
  const { prompts, length, feeds, masks, patch } = request;
  const trace = traces.patched();
  const used = usedSources(pieces, masks);
  const differences = new Differences(setting.graph, prompts, length, pieces.rowBytes(prompts, length));
  const readings = request.readings ? { references: request.readings.references.length } : undefined;
  let residual: Tensor<Float32Array> | null = null;
  try {
    for (const [place, { after, sites, writes }] of trace.pieces.entries()) {
      const sums = new Map<string, Tensor<Float32Array>>();
      for (const site of sites)
        sums.set(edgeSumInputName(site), await edgeSum(pieces, request, differences, used, site));
      const make = () => forwardPiece(setting, trace, place, { captures: true, readings });
      const results = await runner.run(`forward patched ${place} ${after ? '' : (readings?.references ?? '')}`, make, {
        ...feeds,
        ...(residual ? { [RESIDUAL]: residual } : {}),
        ...Object.fromEntries(sums),
      });
      if (!after) return floats(results, LOGITS);
      residual = tensorOf(results, NEXT_RESIDUAL);
      for (const source of writes) {
        const { start, stop, site } = source.block;
        if (!used.subarray(start, stop).some(Boolean)) continue;
        await differences.add(pieces, trace, source, tensorOf(results, sourceOutputName(site)), patch);
      }
    }
  } finally {
    differences.close();
  }
  throw new AutoCircuitError({
    code: 'internal',
    where: 'core/patch',
    what: 'the trace has no last piece',
    kind: 'internal',
  });
}

/** Which sources some edge patches. */
function usedSources({ setting: { graph } }: PieceContext, masks: PiecePatchedRequest['masks']): Uint8Array {
  const used = new Uint8Array(graph.sources.length);
  for (const [site, [block]] of blocksBySite(graph)) {
    const { sources } = block!;
    const width = sources.stop - sources.start;
    for (const [i, weight] of masks[maskInputName(site)]!.data.entries())
      if (weight !== 0) used[sources.start + (i % width)] = 1;
  }
  return used;
}

/** Σ mask · D over the sources upstream of a site, [rows, batch, pos, dModel]. */
async function edgeSum(
  { setting, runner }: PieceContext,
  { prompts, length, masks, axes }: PiecePatchedRequest,
  differences: Differences,
  used: Uint8Array,
  site: string,
): Promise<Tensor<Float32Array>> {
  const { graph } = setting;
  const blocks = blocksAt(graph, site);
  const { start, stop } = blocks[0]!.sources;
  const mask = masks[maskInputName(site)]!;
  const shape = [rowsOf(blocks), prompts, length, graph.layout.dModel];
  const sum = new Float32Array(shape.reduce((n, d) => n * d, 1));
  for (const chunk of usedChunks(differences, used, start, stop)) {
    const weights = columns(mask, chunk.start - start, chunk.stop - start);
    if (weights.data.every((weight) => weight === 0)) continue;
    const make = () => edgeSumProgram(setting, axes);
    const key = `edge sum ${axes.perItem} ${axes.perPosition}`;
    const results = await runner.run(key, make, { [WEIGHTS]: weights, [DIFFERENCES]: chunk.value });
    const own = floats(results, RESULT);
    for (let i = 0; i < sum.length; i++) sum[i]! += own[i]!;
  }
  return floatTensor(sum, shape);
}

/** D of the runs of sources that some edge patches: the others were never computed. */
function* usedChunks(differences: Differences, used: Uint8Array, start: number, stop: number) {
  for (let from = start; from < stop; ) {
    if (!used[from]) {
      from++;
      continue;
    }
    let to = from;
    while (to < stop && used[to]) to++;
    yield* differences.chunks(from, to);
    from = to;
  }
}

/** Columns `start` to `stop` of a mask [..., rows, sources]. */
function columns({ data, shape }: Tensor, start: number, stop: number): Tensor<Float32Array> {
  const width = shape.at(-1)!;
  const rows = data.length / width;
  const out = new Float32Array(rows * (stop - start));
  for (let row = 0; row < rows; row++)
    for (let i = start; i < stop; i++) out[row * (stop - start) + i - start] = data[row * width + i]!;
  return floatTensor(out, shape.with(-1, stop - start));
}
