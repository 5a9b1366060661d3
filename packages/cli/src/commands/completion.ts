/** @file `auto-circuit completion SHELL`: a completion script, made from the tree of commands and from what there is to name. */
import { kebabCase, unknownName } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { choicesOf } from '../flags/flag-table.js';
import { type CompletedCommand, type CompletedFlag, SHELLS } from './completion-scripts.js';
import { LIST_NAMES, LISTS, NAMING_FLAGS } from './list-entries.js';

/** `auto-circuit completion`. */
export const completionCommand: CliCommand = {
  build: () =>
    new Command('completion')
      .description('A completion script for bash, zsh or fish')
      .argument('<shell>', `one of ${Object.keys(SHELLS).join(', ')}`)
      .addHelpText(
        'after',
        `
It completes commands, flags and the names that flags take (algorithms, tasks, models, metrics, …), including those of the plugins
in use. Regenerate it after adding a plugin.

Example:
  $ auto-circuit completion bash >> ~/.bashrc`,
      ),
  async run(cli, command) {
    const [shell] = command.processedArgs as [string];
    if (!Object.hasOwn(SHELLS, shell)) throw unknownName('completion', 'shell', shell, Object.keys(SHELLS));
    const script = SHELLS[shell]!(await completedCommands(cli, command.parent ?? command));
    if (cli.output.jsonOnly) cli.output.json({ shell, script });
    else cli.output.line(script);
  },
};

/** Words that stand beside numbers. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  '--edges': ['log', 'all', 'groups'],
  '--keep': ['auto'],
  '--test': ['same'],
};
/** Words in place of an argument, by the command. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { list: LIST_NAMES, completion: Object.keys(SHELLS) };

async function completedCommands(cli: Cli, program: Command): Promise<CompletedCommand[]> {
  const names = new Map<string, readonly string[]>(Object.entries(WORDS));
  for (const [flag, { lists }] of Object.entries(NAMING_FLAGS)) {
    const entries = (await Promise.all(lists.map((list) => LISTS[list](cli)))).flat();
    names.set(`--${flag}`, [...new Set(entries.map(({ name }) => name))]);
  }
  names.set('--device', await devices());
  const tables = await optionFlags(cli);
  const globals = flagsOf(program, names, tables);
  const help = { flag: '--help', doc: 'help', takesValue: false, values: [] };
  return program.commands.map((command) => ({
    name: command.name(),
    doc: command.description(),
    flags: [...flagsOf(command, names, tables), ...globals, help],
    arguments: ARGUMENTS[command.name()] ?? [],
  }));
}

async function devices(): Promise<readonly string[]> {
  const { ONNX_DEVICES } = await import('@auto-circuit/backend-onnx');
  const { TFJS_DEVICES } = await import('@auto-circuit/backend-tfjs');
  return [...new Set<string>([...ONNX_DEVICES, ...TFJS_DEVICES])];
}

/** By `--algo.OPTION`, `--backend.OPTION` and `--executor.OPTION`: a flag for each option that any of them has. */
async function optionFlags(cli: Cli): Promise<ReadonlyMap<string, readonly CompletedFlag[]>> {
  const registry = await cli.registry();
  const flags = (prefix: string, kind: 'prune-algo' | 'backend' | 'executor'): readonly CompletedFlag[] => {
    const byFlag = new Map<string, CompletedFlag>();
    for (const { item } of registry.list(kind)) {
      for (const [name, spec] of Object.entries(item.options)) {
        const flag = `--${prefix}.${kebabCase(name)}`;
        const values = spec.type === 'enum' ? spec.values : spec.type === 'boolean' ? ['true', 'false'] : [];
        const known = byFlag.get(flag)?.values ?? [];
        byFlag.set(flag, { flag, doc: spec.doc, takesValue: true, values: [...new Set([...known, ...values])] });
      }
    }
    return [...byFlag.values()];
  };
  return new Map([
    ['--algo.OPTION', flags('algo', 'prune-algo')],
    ['--backend.OPTION', flags('backend', 'backend')],
    ['--executor.OPTION', flags('executor', 'executor')],
  ]);
}

function flagsOf(
  command: Command,
  names: ReadonlyMap<string, readonly string[]>,
  tables: ReadonlyMap<string, readonly CompletedFlag[]>,
): CompletedFlag[] {
  return command.options.flatMap((option): readonly CompletedFlag[] => {
    const { long: flag, description: doc } = option;
    if (!flag) return [];
    const table = tables.get(flag);
    if (table) return table;
    // `patch --edges` takes names of edges, which only a graph knows
    const words = command.name() === 'patch' && flag === '--edges' ? [] : (names.get(flag) ?? []);
    const takesValue = option.required || option.optional;
    return [{ flag, doc, takesValue, values: choicesOf(option) ?? words }];
  });
}
