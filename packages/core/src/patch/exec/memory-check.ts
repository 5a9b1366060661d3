/** @file Whether a limit of memory can be kept, asked before anything is loaded: the programs are built, not compiled. */

import type { Graph } from '../../graph/types.js';
import { programMemory } from '../../ir/analysis/memory.js';
import type { ModelObject } from '../../model/model.js';
import { gradientProgram, patchedProgram } from '../programs/programs.js';
import { MemoryPlan } from './memory-plan.js';

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
 * Throws when one prompt does not fit below the limit, whatever is done for it.
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
  const most = Math.max(...needed);
  if (most > memoryBytes) throw plan.refusal(most, length);
}
