/** @file What the engine's runs work with, on a backend that counts: for tests of one part of the engine by itself. */
import type { Graph } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import { ActivationCache } from '../patch/exec/activation-cache.js';
import { MemoryPlan } from '../patch/exec/memory-plan.js';
import { tokenBudget } from '../patch/exec/micro-batches.js';
import { ProgramCache } from '../patch/exec/program-cache.js';
import type { RunContext } from '../patch/exec/run-context.js';
import { makeProgram } from '../patch/make-program.js';
import { capture } from '../patch/runs/plain.js';
import { countingBackend } from './counting-backend.js';

/** What may be kept, and how much runs at once. */
export interface TestContextSettings {
  /** Most bytes that pass 1 may keep; default 1 MiB. */
  readonly keepBytes?: number;
  /** Tokens of every run; default the engine's own. */
  readonly tokens?: number;
  readonly parallel?: number;
}

/** A context with plenty of memory. `runs` lists the names of the programs that were run. */
export function testContext(
  model: ModelObject,
  graph: Graph,
  { keepBytes = 2 ** 20, tokens, parallel = 1 }: TestContextSettings = {},
): { readonly context: RunContext; readonly runs: string[] } {
  const { backend, runs } = countingBackend(parallel);
  const { weights } = model;
  const plan = new MemoryPlan({ bytes: 2 ** 33, strict: false }, weights, keepBytes);
  const programs = new ProgramCache({
    backend,
    weights,
    plan,
    make: (spec) => makeProgram(spec, { model, graph }),
    onDebug: () => undefined,
  });
  const activations = new ActivationCache((...args) => capture(context, ...args), keepBytes, parallel);
  const budget = tokenBudget(graph.sources.length, graph.layout.dModel, tokens);
  const context: RunContext = { model, graph, programs, activations, budget };
  return { context, runs };
}
