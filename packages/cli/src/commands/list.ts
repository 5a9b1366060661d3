/** @file `auto-circuit list`: what the registry holds, with a line of doc and where each comes from. */
import { unknownName } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import { readCatalog } from '../context/catalog.js';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { writeTable } from '../terminal/table.js';
import {
  type Entry,
  explanationOf,
  isForeign,
  LIST_NAMES,
  LISTS,
  type ListName,
  showEntry,
  showExplanation,
} from './list-entries.js';

const TITLES: Partial<Readonly<Record<ListName, string>>> = {
  presets: 'presets: AutoCircuit’s names, which --algo also takes',
};
const FLAGS = {
  long: { type: 'boolean', default: false, doc: 'with formulas, papers and when to use each' },
} as const satisfies FlagTable;

/** `auto-circuit list`. */
export const listCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('list').description('Lists what is available: models, tasks, algorithms, metrics, backends, …'),
      FLAGS,
    )
      .argument('[what]', `one of ${LIST_NAMES.join(', ')} (default: all of them)`)
      .argument('[name]', 'one entry, with its options')
      .addHelpText(
        'after',
        '\nExamples:\n  $ auto-circuit list algos --long\n  $ auto-circuit list algos eap-ig-inputs',
      ),
  async run(cli, command) {
    const [what, name] = command.processedArgs as readonly (string | undefined)[];
    const lists = what === undefined ? LIST_NAMES : [listName(what)];
    const found = new Map<ListName, readonly Entry[]>();
    const catalog = cli.hasPlugins ? null : readCatalog();
    const entriesOf = async (list: ListName) => catalog?.lists[list] ?? (await LISTS[list](cli));
    for (const list of lists) found.set(list, await entriesOf(list));
    // What --algo takes is not only the algorithms.
    if (lists[0] === 'algos' && what !== undefined) found.set('presets', await entriesOf('presets'));
    if (name !== undefined) return showOne(cli, lists[0]!, name, [...found.values()].flat());
    if (cli.output.jsonOnly)
      return cli.output.json(Object.fromEntries([...found].map(([list, entries]) => [list, entries.map(asJson)])));
    const { long } = cli.flags(FLAGS);
    for (const [list, entries] of found) showList(cli, list, entries, { titled: found.size > 1, long });
  },
};

function listName(what: string): ListName {
  const known = LIST_NAMES.find((list) => list === what);
  if (known) return known;
  throw unknownName('list', 'kind', what, LIST_NAMES);
}

function showList(
  cli: Cli,
  list: ListName,
  entries: readonly Entry[],
  { titled, long }: { readonly titled: boolean; readonly long: boolean },
): void {
  const { output } = cli;
  const indent = titled ? 2 : 0;
  if (titled) output.line(output.colors.bold(TITLES[list] ?? list));
  if (entries.length === 0) output.line(`${' '.repeat(indent)}none`);
  else if (long) {
    for (const [i, entry] of entries.entries()) {
      if (i > 0) output.line();
      const origin = isForeign(entry) ? ` (from ${entry.from})` : '';
      output.line(`${' '.repeat(indent)}${output.colors.bold(entry.name)}: ${entry.doc}${origin}`);
      showExplanation(output, entry, indent + 2);
    }
  } else {
    const foreign = entries.some(isForeign);
    const columns = [{ title: 'name' }, { title: 'doc' }, ...(foreign ? [{ title: 'from' }] : [])];
    const rows = entries.map((entry) => [
      output.colors.bold(entry.name),
      entry.doc,
      ...(foreign ? [isForeign(entry) ? entry.from : ''] : []),
    ]);
    writeTable(output, columns, rows, { indent });
  }
  if (titled) output.line();
}

function showOne(cli: Cli, list: ListName, name: string, entries: readonly Entry[]): void {
  const entry = entries.find((candidate) => candidate.name === name);
  if (!entry) {
    const known = entries.map((one) => one.name);
    throw unknownName('list', `entry of ${list}`, name, known);
  }
  if (cli.output.jsonOnly) cli.output.json(asJson(entry));
  else showEntry(cli.output, entry);
}

function asJson(entry: Entry): Readonly<Record<string, unknown>> {
  const { name, doc, from, options = {}, facts = {} } = entry;
  return { name, doc, from, ...explanationOf(entry), ...facts, options };
}
