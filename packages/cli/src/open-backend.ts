/** @file From `--backend` and its fellow flags to a running backend. */
import type { Backend } from '@auto-circuit/core';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from './context.js';
import {
  addFlags,
  addTableOptions,
  BACKEND_FLAGS,
  backendSettings,
  type FlagTable,
  parseTableFlags,
} from './flags/index.js';

const WORKER_FLAGS = {
  worker: {
    type: 'boolean',
    default: false,
    doc: 'run the backend in a thread of its own: Ctrl-C is heard while it computes',
  },
} as const satisfies FlagTable;
/** Not of the command line: set for the processes of an experiment, or of a pool. */
const PROCESS_FLAGS = {
  sharedWeights: { type: 'boolean', default: false, doc: 'other processes use the same weights' },
} as const satisfies FlagTable;
/** Their backends can be made again in another thread; a plugin object of a config could not. */
const IN_WORKERS: readonly string[] = [
  '@auto-circuit/backend-onnx',
  '@auto-circuit/backend-tfjs',
  '@auto-circuit/core',
];

/** Adds `--backend`, `--device`, `--threads`, `--memory`, `--worker` and `--backend.OPTION`. */
export function addBackendFlags<C extends Command>(command: C): C {
  return addTableOptions(addFlags(addFlags(command, BACKEND_FLAGS), WORKER_FLAGS), 'backend', 'the backend');
}

/** The backend of the command line. The caller disposes it. @throws AutoCircuitError for an unknown name, option or device. */
export async function openBackend(cli: Cli): Promise<Backend> {
  const values = cli.flags(BACKEND_FLAGS);
  const registry = await cli.registry();
  const definition = registry.get('backend', values.backend);
  const options = parseTableFlags(cli.tableFlags, 'backend', definition.options, values.backend);
  const { sharedWeights } = cli.flags(PROCESS_FLAGS);
  const settings = { ...backendSettings(values), ...(sharedWeights ? { sharedWeights } : {}) };
  if (!cli.flags(WORKER_FLAGS).worker) return definition.create(settings, options);
  const { origin } = registry.list('backend').find(({ item }) => item === definition)!;
  if (!IN_WORKERS.includes(origin)) {
    throw new AutoCircuitError({
      where: 'backend',
      what: `--worker takes the backends that come with auto-circuit, and "${values.backend}" is of ${origin}`,
      fix: 'leave --worker out',
    });
  }
  const { backendInWorker } = await import('./backend-worker.js');
  return backendInWorker({ name: values.backend, settings, options });
}
