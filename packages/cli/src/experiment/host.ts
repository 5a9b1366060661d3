/** @file What the processes that run cells are given of a command line: plugins, backend, threads, memory. */
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import type { FlagTable } from '../flags/flag-table.js';
import { BACKEND_FLAGS } from '../flags/shared-flags.js';
import { givenFlags } from '../run/run-defaults.js';
import type { CellHost } from './cell-cli.js';

/** Flags of the command line that go over those of the file. */
export const SESSION_FLAGS = {
  backend: { ...BACKEND_FLAGS.backend, doc: 'what runs the programs; overrides the file' },
  device: { ...BACKEND_FLAGS.device, unset: 'the file’s, or the backend chooses' },
  threads: { ...BACKEND_FLAGS.threads, doc: 'threads in total, shared by the workers', unset: 'as many as cores' },
  memory: { ...BACKEND_FLAGS.memory, doc: 'memory limit in total, in GiB' },
} as const satisfies FlagTable;

/** What `hostOf` needs beside the command line. */
export interface HostRequest {
  /** The experiment file, and its plugins. */
  readonly file: string;
  readonly plugins: readonly string[];
  /** Of each process. */
  readonly threads: number;
  /** Processes that share the memory. */
  readonly workers: number;
}

/** The host of the cells of a command line that has `SESSION_FLAGS`. */
export function hostOf(cli: Cli, command: Command, { file, plugins, threads, workers }: HostRequest): CellHost {
  const { backend, device, memory } = cli.flags(SESSION_FLAGS);
  const given = givenFlags(command);
  const named = command.optsWithGlobals() as { readonly plugin?: readonly string[]; readonly config?: string };
  return {
    cwd: cli.cwd,
    config: named.config ?? null,
    plugins: named.plugin ?? [],
    file,
    filePlugins: plugins,
    flags: {
      threads,
      sharedWeights: true,
      ...(memory === undefined ? {} : { memory: memory / Math.max(1, workers) }),
      ...(given.includes('backend') ? { backend } : {}),
      ...(given.includes('device') && device !== undefined ? { device } : {}),
    },
    backendFlags: cli.tableFlags.filter(({ prefix }) => prefix === 'backend'),
  };
}
