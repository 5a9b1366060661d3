/** @file Whether a limit of memory can be kept, asked before anything is loaded: the programs are built, not compiled. */

import type { Graph } from '../../graph/types.js';
import { programMemory } from '../../ir/analysis/memory.js';
import type { Program } from '../../ir/program/program.js';
import type { ModelObject } from '../../model/model.js';
import { MemoryPlan } from '../exec/memory-plan.js';
import { gradientProgram, patchedProgram } from '../programs/programs.js';
import { PieceTraces } from './piece-context.js';
import { pieceBytes } from './piece-memory.js';

/** What is to be run, and below which limit. */
export interface MemoryCheck {
  readonly model: ModelObject;
  readonly graph: Graph;
  /** The limit. */
  readonly memoryBytes: number;
  /** Tokens of the longest prompt. */
  readonly length: number;
  /** Whether mask gradients will be taken: they need the most. */
  readonly gradients: boolean;
}

/**
 * Throws when one prompt does not fit below the limit, whatever is done for it: not as one program, and not piece by piece.
 * @throws AutoCircuitError `memory-limit`, with the least limit that would do
 */
export function checkMemory({ model, graph, memoryBytes, length, gradients }: MemoryCheck): void {
  const plan = new MemoryPlan({ bytes: memoryBytes, strict: true }, model.weights);
  const axes = { perItem: false, perPosition: graph.options.positions !== null };
  const setting = { model, graph, axes, supply: 'fused' } as const;
  const objective = { kind: 'answers', tokenFunction: 'logit' } as const;
  const programs = [
    patchedProgram(setting),
    ...(gradients ? [gradientProgram({ ...setting, forward: 'atZero', objective })] : []),
  ];
  const sizes = { batch: 1, pos: length, answers: 2 };
  const needed = programs.map((program) => plan.leastLimit({ program: programMemory(program), sizes, hostBytes: 0 }));
  const whole = Math.max(...needed);
  if (whole <= memoryBytes) return;
  const least = model.spec.prefix ? whole : Math.min(whole, leastByPieces({ model, graph, length, gradients }, plan));
  if (least > memoryBytes) throw plan.refusal(least, length);
}

/** The least limit under which the model runs piece by piece. */
function leastByPieces(
  { model, graph, length, gradients }: Omit<MemoryCheck, 'memoryBytes'>,
  plan: MemoryPlan,
): number {
  const setting = { model, graph };
  const programs = { memory: (_key: string, make: () => Program) => programMemory(make()) };
  const work = gradients ? 'gradient' : 'patched';
  return plan.limitFor(pieceBytes({ setting, traces: new PieceTraces(setting), programs }, plan, work, 1, length));
}
