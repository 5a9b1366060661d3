/** @file From `--backend` and its fellow flags to a running backend. */
import { availableParallelism } from 'node:os';
import type { Backend } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { workerPlugin } from '../context/first-party.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { BACKEND_FLAGS, type BackendValues, backendSettings } from '../flags/shared-flags.js';
import { addTableOptions, parseTableFlags } from '../flags/table-flags.js';

const WORKER_FLAGS = {
  worker: {
    type: 'boolean',
    default: false,
    doc: 'run the backend in its own thread, so that Ctrl-C works while it computes',
  },
  workers: {
    type: 'int',
    min: 1,
    max: 256,
    doc: 'run the backend in N processes, which share the threads and one copy of the weights',
    unset: 'in this process',
  },
} as const satisfies FlagTable;
/** Not of the command line: set for the processes of an experiment, or of a pool. */
const PROCESS_FLAGS = {
  sharedWeights: { type: 'boolean', default: false, doc: 'other processes use the same weights' },
} as const satisfies FlagTable;
const GROUP = 'Backend:';
/** Adds `--backend`, `--device`, `--threads`, `--memory`, `--worker`, `--workers` and `--backend.OPTION`. */
export function addBackendFlags<C extends Command>(command: C): C {
  for (const table of [BACKEND_FLAGS, WORKER_FLAGS]) addFlags(command, table, GROUP);
  return addTableOptions(command, 'backend', 'the backend', GROUP);
}

/** The backend that is named, with its options; nothing is started. @throws AutoCircuitError for an unknown name or option */
export async function chosenBackend(cli: Cli) {
  const { backend } = cli.flags(BACKEND_FLAGS);
  const definition = (await cli.registry()).get('backend', backend);
  return { definition, options: parseTableFlags(cli.tableFlags, 'backend', definition.options, backend) };
}

/** The backend of the command line. The caller disposes it. @throws AutoCircuitError for an unknown name, option or device. */
export async function openBackend(cli: Cli): Promise<Backend> {
  const values = cli.flags(BACKEND_FLAGS);
  const registry = await cli.registry();
  const { definition, options } = await chosenBackend(cli);
  const { worker, workers } = cli.flags(WORKER_FLAGS);
  const sharedWeights = cli.flags(PROCESS_FLAGS).sharedWeights || workers !== undefined;
  const share = workers === undefined ? values : shareOf(values, workers);
  const settings = { ...backendSettings(share), ...(sharedWeights ? { sharedWeights } : {}) };
  if (!worker && workers === undefined) return definition.create(settings, options);
  const registered = registry.list('backend').find(({ item }) => item === definition)!;
  const plugin = workerPlugin(registered);
  if (!plugin) {
    const flag = workers === undefined ? '--worker' : '--workers';
    throw new AutoCircuitError({
      code: 'invalid-option',
      where: 'backend',
      what: `${flag} loads the backend again in a worker, and "${values.backend}" is an object of the plugin "${registered.plugin}", which has no file`,
      fix: `give the config file the path or the name of the plugin, or leave ${flag} out`,
      fields: { option: flag, got: values.backend },
    });
  }
  const { backendInThread, backendPool } = await import('@auto-circuit/workers');
  const start = { ...plugin, name: values.backend, settings, options };
  return workers === undefined ? backendInThread(start) : backendPool(start, workers);
}

/** Of `--memory`, what one process of the backend gets, in GiB. */
export function memoryShare(cli: Cli): number | undefined {
  const { memory } = cli.flags(BACKEND_FLAGS);
  return memory === undefined ? undefined : memory / (cli.flags(WORKER_FLAGS).workers ?? 1);
}

/** What one of several processes gets of the threads and of the memory. */
function shareOf(values: BackendValues, workers: number): BackendValues {
  const threads = Math.max(1, Math.floor((values.threads ?? availableParallelism()) / workers));
  return { ...values, threads, ...(values.memory === undefined ? {} : { memory: values.memory / workers }) };
}
