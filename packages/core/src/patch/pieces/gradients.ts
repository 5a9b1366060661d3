/** @file Gradients at mask 0 piece by piece: forward, keeping the residuals at the cuts, and back through each piece alone. */
import type { Feeds } from '../../backend/backend.js';
import { scoreShape } from '../../graph/build.js';
import type { Graph } from '../../graph/types.js';
import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import { floats, tensorOf } from '../exec/micro-batches.js';
import { rowsOf } from '../modes/points.js';
import { objectiveShape, programKey } from '../programs/program-spec.js';
import { LOSSES } from '../programs/programs.js';
import type { MaskGradientRequest } from '../requests/patchable-model.js';
import type { Differences } from './differences.js';
import { forwardPass } from './forward.js';
import type { PieceContext } from './piece-context.js';
import {
  backwardPiece,
  checkOverrides,
  DIFFERENCES,
  GRADIENT,
  NEXT_GRADIENT,
  RESIDUAL,
  RESULT,
  readGradientName,
  scoreProgram,
} from './piece-programs.js';
import type { PieceRead } from './piece-trace.js';
import { type RowStore, rowStore } from './row-store.js';

/** One gradient of some prompts. */
export interface PieceGradientRequest {
  readonly request: Pick<MaskGradientRequest, 'objective' | 'losses' | 'backward'>;
  readonly prompts: number;
  readonly length: number;
  /** The model's input, and what `Resid Start` writes where it is fed. */
  readonly feeds: Feeds;
  /** What the objective is fed. */
  readonly objectiveFeeds: Feeds;
  readonly differences: Differences;
  /** The residual at which each piece starts, where a forward pass at this point has been run already. */
  readonly residuals?: RowStore | undefined;
}

/** ∂M/∂mask by destination module [prompts, position?, head?, sources], and M of each prompt. */
export interface PieceGradients {
  readonly tensors: Readonly<Record<string, Tensor<Float32Array>>>;
  readonly losses: Float32Array;
}

/** What of a gradient's spec is the same for all that run in pieces. */
const SPEC = { kind: 'gradient', forward: 'atZero', supply: 'fed', neurons: false } as const;

/** Room for the residual at which each piece starts. */
export function residualStore(pieces: PieceContext, prompts: number, length: number): RowStore {
  const { setting, traces } = pieces;
  const numbers = prompts * length * setting.graph.layout.dModel;
  return rowStore(traces.plain().pieces.length, numbers, pieces.rowBytes(prompts, length) / 4);
}

/** The gradient of some prompts. */
export async function pieceGradients(pieces: PieceContext, request: PieceGradientRequest): Promise<PieceGradients> {
  const { setting, runner, traces } = pieces;
  const { graph } = setting;
  const { prompts, length, feeds, differences } = request;
  const { objective, losses = false, backward = [] } = request.request;
  const trace = traces.reading(backward);
  checkOverrides(trace, backward);
  const tensors = emptyScores(graph, prompts);
  let found = new Float32Array(0);
  const residuals = request.residuals ?? residualStore(pieces, prompts, length);
  try {
    if (!request.residuals) {
      const onResidual = (piece: number, { data }: Tensor<Float32Array>): void => residuals.write(piece, data);
      await forwardPass(pieces, { feeds, logits: false, captures: false, onResidual });
    }
    let gradient: Tensor<Float32Array> | null = null;
    const shape = objectiveShape(objective);
    const kind = programKey({ ...SPEC, objective: shape, losses, backward });
    for (let place = trace.pieces.length - 1; place > 0; place--) {
      const { after, reads } = trace.pieces[place]!;
      const make = () => backwardPiece(setting, trace, place, { objective: shape, losses, backward });
      const results = await runner.run(`backward ${place} ${kind}`, make, {
        ...feeds,
        ...(after ? { [GRADIENT]: gradient! } : request.objectiveFeeds),
        [RESIDUAL]: floatTensor(residuals.read(place, place + 1), [prompts, length, graph.layout.dModel]),
      });
      if (!after && losses) found = floats(results, LOSSES) as Float32Array<ArrayBuffer>;
      gradient = tensorOf(results, NEXT_GRADIENT);
      for (const [i, read] of reads.entries())
        await addScores(pieces, read, tensorOf(results, readGradientName(i)), differences, tensors);
    }
  } finally {
    if (!request.residuals) residuals.close();
  }
  return { tensors, losses: found };
}

const emptyScores = (graph: Graph, prompts: number): Record<string, Tensor<Float32Array>> =>
  Object.fromEntries(
    graph.destinationBlocks.map((block) => {
      const shape = [prompts, ...scoreShape(graph, block)];
      return [block.module, floatTensor(new Float32Array(elementCount(shape)), shape)];
    }),
  );

/** The scores of all edges to what one read reads, chunk by chunk of the sources upstream. */
async function addScores(
  { setting, runner }: PieceContext,
  { blocks }: PieceRead,
  gradient: Tensor<Float32Array>,
  differences: Differences,
  tensors: Readonly<Record<string, Tensor<Float32Array>>>,
): Promise<void> {
  const { start, stop } = blocks[0]!.sources;
  const sources = stop - start;
  const rows = rowsOf(blocks);
  for (const chunk of differences.chunks(start, stop)) {
    const feeds = { [GRADIENT]: gradient, [DIFFERENCES]: chunk.value };
    const results = await runner.run('scores', () => scoreProgram(setting), feeds);
    const scores = floats(results, RESULT); // [prompts, position?, rows, sources of the chunk]
    const width = chunk.stop - chunk.start;
    let first = 0;
    for (const block of blocks) {
      const { data } = tensors[block.module]!;
      const own = rowsOf([block]);
      for (let at = 0; at < data.length / (own * sources); at++) {
        for (let row = 0; row < own; row++) {
          const from = (at * rows + first + row) * width;
          data.set(scores.subarray(from, from + width), (at * own + row) * sources + chunk.start - start);
        }
      }
      first += own;
    }
  }
}
