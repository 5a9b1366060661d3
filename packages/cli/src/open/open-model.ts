/** @file From flags to a model that can be run and patched: name → weights and tokenizer → graph → backend → engine. */
import type { Backend, Graph, ModelObject, PatchableModel, Prompt } from '@auto-circuit/core';
import type { OutputPositions } from '@auto-circuit/core/plugin';
import type { MemoryCheck } from '@auto-circuit/core/run';
import type { LoadedModel } from '@auto-circuit/models';
import type { Cli } from '../context/context.js';
import { type GraphValues, graphOptions, memoryBytes } from '../flags/shared-flags.js';
import { createProgress } from '../terminal/progress.js';
import { guardMappedFile } from './mapped-file-guard.js';
import { chosenBackend, memoryShare, openBackend } from './open-backend.js';

export type { LoadedModel };

/**
 * Loads a model: a shipped name, a folder, a hub name, or an object (which is taken as it is, without a tokenizer).
 * @param process whether layer norms are folded and weights centred (`--process`).
 * @param how for more positions than usual, or only for its shape
 */
export async function loadNamedModel(
  cli: Cli,
  model: string | ModelObject,
  process: boolean,
  how: { readonly positions?: number; readonly shapeOnly?: boolean; readonly again?: boolean } = {},
): Promise<LoadedModel> {
  await chosenBackend(cli); // a mistake in its name is told before anything is loaded
  if (typeof model !== 'string') return { model, tokenizer: null };
  const { again = false, positions = FIRST_POSITIONS, ...settings } = how;
  const { loadModel } = await import('@auto-circuit/models');
  const bar = createProgress(cli.output, 'model');
  try {
    return await loadModel(model, {
      ...settings,
      positions,
      cwd: cli.cwd,
      process: process ? 'all' : 'none',
      registry: await cli.registry(),
      progress: bar,
      hub: { signal: cli.signal, onWarning: cli.output.warn },
      onWarning: again ? () => undefined : cli.output.warn,
    });
  } finally {
    bar.stop();
  }
}

/** Rows of the tables of positions that a model is first loaded with: prompts of tasks are shorter, and others are known only with its tokenizer. */
const FIRST_POSITIONS = 256;

/** The model for these prompts: loaded again, with longer tables of positions, where it was loaded for shorter ones. */
export async function loadedFor(
  cli: Cli,
  process: boolean,
  loaded: LoadedModel,
  prompts: readonly Pick<Prompt, 'clean' | 'corrupt'>[],
): Promise<LoadedModel> {
  const { tablePositions, maxPositions } = loaded.model.spec;
  const length = prompts.reduce((most, { clean, corrupt }) => Math.max(most, clean.length, corrupt.length), 0);
  if (tablePositions === undefined || length <= tablePositions || length > (maxPositions ?? length)) return loaded;
  return loadNamedModel(cli, loaded.model.name, process, { positions: 2 ** Math.ceil(Math.log2(length)), again: true });
}

/** A model with its graph on a backend. `dispose` frees all of it. */
export interface OpenedModel {
  readonly model: ModelObject;
  readonly graph: Graph;
  readonly backend: Backend;
  readonly patchable: PatchableModel;
  dispose(): Promise<void>;
}

/** The model with its outputs read at other positions than its own. */
const readAt = (model: ModelObject, outputs: OutputPositions | undefined): ModelObject =>
  outputs === undefined ? model : Object.freeze({ ...model, spec: Object.freeze({ ...model.spec, outputs }) });

/** The file that the weights lie in; null where they are in memory. Stored weights come before computed tables. */
function mappedFile({ weights }: ModelObject): string | null {
  const [first] = weights.names;
  const entry = first === undefined ? null : weights.entry(first);
  return entry && 'file' in entry ? entry.file : null;
}

/** What decides how much memory a run needs: tokens of the longest prompt, and whether gradients are taken. */
export type MemoryNeeds = Pick<MemoryCheck, 'length' | 'gradients'>;

/**
 * Puts a model on the backend of the command line.
 * @param graphValues the graph flags; null for commands that only run the model.
 * @param axis tokens of every prompt, for `--token-positions`, null when there is no one length; or how many spans there are
 * @param needs what must fit in `--memory`; null where the prompts are not known yet
 * @throws AutoCircuitError before anything is loaded when `--memory` cannot be kept
 */
export async function openPatchable(
  cli: Cli,
  plainModel: ModelObject,
  graphValues: GraphValues | null,
  axis: number | { readonly spans: number } | null,
  needs: MemoryNeeds | null = null,
): Promise<OpenedModel> {
  const { buildGraph, checkMemory, optionsFor } = await import('@auto-circuit/core/run');
  const { createPatchableModel } = await import('@auto-circuit/core');
  const { createSpanModel } = await import('@auto-circuit/core/run');
  const spans = typeof axis === 'object' ? (axis?.spans ?? null) : null;
  const length = typeof axis === 'number' ? axis : null;
  const model = readAt(plainModel, graphValues?.outputs as OutputPositions | undefined);
  const asked = graphValues === null ? optionsFor(model.spec.layout) : graphOptions(graphValues, length);
  const options = spans === null ? asked : { ...asked, positions: spans };
  const graph = buildGraph(model.spec.layout, options);
  const memory = memoryShare(cli);
  if (memory !== undefined && needs) checkMemory({ model, graph, memoryBytes: memoryBytes(memory), ...needs });
  const mapped = mappedFile(model);
  const endGuard = mapped === null ? () => undefined : guardMappedFile(mapped);
  const backend = await openBackend(cli);
  const patchable = await (spans === null ? createPatchableModel : createSpanModel)({
    model,
    graph,
    backend,
    onDebug: cli.trace,
    ...(memory === undefined ? {} : { memoryBytes: memoryBytes(memory) }),
  });
  const dispose = async (): Promise<void> => {
    await patchable.dispose();
    await backend.dispose();
    endGuard();
  };
  return Object.freeze({ model, graph, backend, patchable, dispose });
}
