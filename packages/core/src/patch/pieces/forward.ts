/** @file Forward passes piece by piece: plain ones, pass 1, and the residuals that a backward pass starts from. */
import type { Feeds } from '../../backend/backend.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { floats, tensorOf } from '../exec/micro-batches.js';
import { LOGITS, START_INPUT, sourceOutputName } from '../programs/programs.js';
import type { PieceContext } from './piece-context.js';
import { forwardPiece, NEXT_RESIDUAL, RESIDUAL } from './piece-programs.js';

/** What is wanted of a forward pass; what is fed says which one it is. */
export interface ForwardRequest {
  /** The model's input, and what `Resid Start` writes where it is fed. */
  readonly feeds: Feeds;
  /** Default: those of the model. */
  readonly positions?: OutputPositions | undefined;
  /** Whether logits are wanted; otherwise pieces behind the last source are left out. */
  readonly logits: boolean;
  /** Whether the activations of every source block are wanted. */
  readonly captures: boolean;
  /** Gets the residual at which each piece but the first starts [batch, pos, dModel]. */
  readonly onResidual?: (piece: number, residual: Tensor<Float32Array>) => void;
}

/** What a forward pass gave. */
export interface ForwardResults {
  readonly logits: Float32Array | null;
  /** [rows, batch, pos, width] by site; empty where they were not wanted. */
  readonly sites: SiteTensors;
}

/** Runs the pieces of the model in turn. */
export async function forwardPass(
  { setting, traces, runner }: PieceContext,
  { feeds, positions, logits, captures, onResidual }: ForwardRequest,
): Promise<ForwardResults> {
  const plain = traces.plain(positions);
  const sites = new Map<string, Tensor<Float32Array>>();
  let residual: Tensor<Float32Array> | null = null;
  for (const [place, piece] of plain.pieces.entries()) {
    if (!logits && !piece.after && piece.writes.length === 0) break;
    // Where what Resid Start writes is fed, the first piece alone is another one.
    const isFed = place === 0 && START_INPUT in feeds;
    const trace = isFed ? traces.started() : plain;
    const key = `forward ${isFed ? 'started' : 'plain'} ${piece.after ? '' : (positions ?? '')} ${place} ${captures}`;
    const results = await runner.run(key, () => forwardPiece(setting, trace, place, { captures }), {
      ...feeds,
      ...(residual ? { [RESIDUAL]: residual } : {}),
    });
    if (captures)
      for (const { block } of piece.writes) sites.set(block.site, tensorOf(results, sourceOutputName(block.site)));
    if (!piece.after) return { logits: floats(results, LOGITS), sites };
    residual = tensorOf(results, NEXT_RESIDUAL);
    onResidual?.(place + 1, residual);
  }
  return { logits: null, sites };
}
