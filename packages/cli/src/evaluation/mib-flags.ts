/** @file The flags of `evaluate --protocol mib`, and which others cannot stand beside it. */
import { AutoCircuitError, kebabCase } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import type { FlagTable } from '../flags/flag-table.js';
import { givenFlags } from '../run/run-defaults.js';

/** Measuring as a benchmark does. */
export const PROTOCOL_FLAGS = {
  protocol: {
    type: 'enum',
    values: ['mib'],
    doc: 'measure as a benchmark does; mib: ten shares of the edges, CPR of circuits ranked by signed score, CMD by |score|',
    unset: 'the sizes and metrics of the other flags',
  },
  level: {
    type: 'enum',
    values: ['edge', 'node'],
    default: 'edge',
    doc: 'with --protocol: whether circuits are made of the best edges, or of all edges out of the best nodes',
  },
  reference: {
    type: 'string',
    placeholder: 'FILE',
    doc: 'with --protocol: also the ROC against this circuit: a circuit file, an EAP-IG graph, a run, or official (the task’s)',
    unset: 'no ROC',
  },
} as const satisfies FlagTable;

const ALONE = ['edges', 'threshold'] as const;

/** Whether the protocol is asked for. @throws AutoCircuitError for flags that need it, or that it leaves nothing to decide for */
export function asksForProtocol(cli: Cli, command: Command): boolean {
  const given = givenFlags(command);
  if (cli.flags(PROTOCOL_FLAGS).protocol === undefined) {
    const lone = (['level', 'reference'] as const).find((name) => given.includes(name));
    if (lone === undefined) return false;
    throw new AutoCircuitError({
      code: 'missing-option',
      fields: { option: '--protocol' },
      where: 'evaluate',
      what: `--${lone} belongs to --protocol`,
      fix: 'give --protocol mib too, or leave it out',
    });
  }
  const other = ALONE.find((name) => given.includes(name));
  if (other === undefined) return true;
  throw new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: ['--protocol', `--${kebabCase(other)}`] },
    where: 'evaluate',
    what: `--protocol mib has its own sizes, so --${kebabCase(other)} cannot be used with it`,
  });
}
