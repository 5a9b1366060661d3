/** @file From `--backend` and its fellow flags to a running backend. */
import type { Backend } from '@auto-circuit/core';
import type { Command } from 'commander';
import type { Cli } from './context.js';
import { addFlags, addTableOptions, BACKEND_FLAGS, backendSettings, parseTableFlags } from './flags/index.js';

/** Adds `--backend`, `--device`, `--threads`, `--memory` and `--backend.OPTION`. */
export function addBackendFlags<C extends Command>(command: C): C {
  return addTableOptions(addFlags(command, BACKEND_FLAGS), 'backend', 'the backend');
}

/** The backend of the command line. The caller disposes it. @throws AutoCircuitError for an unknown name, option or device. */
export async function openBackend(cli: Cli): Promise<Backend> {
  const values = cli.flags(BACKEND_FLAGS);
  const definition = (await cli.registry()).get('backend', values.backend);
  const options = parseTableFlags(cli.tableFlags, 'backend', definition.options, values.backend);
  return definition.create(backendSettings(values), options);
}
