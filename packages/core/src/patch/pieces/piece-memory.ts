/** @file What a run by pieces needs: the largest piece, what is kept of the runs, and one chunk of differences. */

import type { ProgramMemory } from '../../ir/analysis/memory.js';
import { evaluateDim, sizeOf } from '../../ir/program/dims.js';
import type { MemoryPlan } from '../exec/memory-plan.js';
import type { Setting } from '../programs/programs.js';
import { CHUNK_BYTES, type PieceContext, type PieceTraces } from './piece-context.js';
import { type BackwardOptions, backwardPiece, forwardPiece } from './piece-programs.js';
import type { PieceRunner } from './piece-runner.js';

/** What is run by pieces; a gradient needs the most. */
export type PieceWork = 'patched' | 'gradient';

/** An objective that stands for all: what others need more is nothing beside a layer. */
const ANY_OBJECTIVE: BackwardOptions = {
  objective: { kind: 'answers', tokenFunction: 'logit' },
  losses: false,
  backward: [],
};
/** Chunks of differences that are alive at once: of the store, and of what a product copies. */
const CHUNKS = 4;

/** Programs of pieces by key, as `PieceRunner` has them. */
type Programs = Pick<PieceRunner, 'memory'>;

/**
 * Bytes of a run of so many prompts, beside the process and what may go to a file.
 * @param programs keeps what is built for the run itself
 */
export function pieceBytes(
  {
    setting,
    traces,
    programs,
  }: { readonly setting: Setting; readonly traces: PieceTraces; readonly programs: Programs },
  plan: MemoryPlan,
  work: PieceWork,
  prompts: number,
  length: number,
): number {
  const sizes = { batch: prompts, pos: length, answers: 2 };
  const bytesOf = (memory: ProgramMemory): number =>
    plan.programBytes({ program: memory, sizes, hostBytes: memory.outputBytes(sizes) }, false);
  const trace = work === 'gradient' ? traces.reading() : traces.patched();
  const largest = trace.pieces.map((_, place) => {
    const key = `size ${work} ${place}`;
    const make = () =>
      work === 'gradient' && place > 0
        ? backwardPiece(setting, trace, place, ANY_OBJECTIVE)
        : forwardPiece(setting, trace, place, { captures: true });
    return bytesOf(programs.memory(key, make));
  });
  const activations = trace.pieces.flatMap(({ writes }) =>
    writes.map(({ value }) => 4 * evaluateDim(sizeOf(value.shape), sizes)),
  );
  const sides = 2 * activations.reduce((sum, bytes) => sum + bytes, 0); // of both sides
  const row = 4 * prompts * length * setting.graph.layout.dModel;
  return Math.max(...largest) + sides + CHUNKS * Math.max(CHUNK_BYTES, row);
}

/** The same for the context of a model that runs. */
export const bytesOfRun = (
  { setting, traces, runner }: PieceContext,
  plan: MemoryPlan,
  work: PieceWork,
  prompts: number,
  length: number,
): number => pieceBytes({ setting, traces, programs: runner }, plan, work, prompts, length);
