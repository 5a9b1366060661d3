/** @file `auto-circuit list`: what the registry holds, with a line of doc and where each comes from. */
import type { ContributionKind, ContributionMap, OptionTable } from '@auto-circuit/core/plugin';
import { kebabCase, unknownName } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { Cli, CliCommand } from '../context/context.js';
import { FIRST_PARTY_NAMES } from '../context/first-party.js';
import { writeTable } from '../terminal/table.js';

interface Entry {
  readonly name: string;
  readonly doc: string;
  readonly from: string;
  readonly options?: OptionTable;
  /** More facts, by the kind of list. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Every list by the word on the command line. */
const LISTS = {
  models: async () => {
    const { knownModels, namedModels } = await import('@auto-circuit/models');
    return [...knownModels(), ...namedModels()].map((model): Entry => ({ ...model, from: '@auto-circuit/models' }));
  },
  architectures: registered('architecture', ({ modelTypes }) => ({ modelTypes })),
  tasks: registered('task', ({ model, objective, officialCircuits = {} }) => ({
    model: typeof model === 'string' ? model : model.name,
    objective,
    circuits: Object.keys(officialCircuits),
  })),
  algos: registered('prune-algo', ({ signed = true }) => ({ signed })),
  presets: async () => {
    const { PRESETS } = await import('@auto-circuit/prune-algos');
    return PRESETS.map((preset): Entry => {
      const { name, title, algo, options, sizes, isKnownCircuit } = preset;
      const settings = Object.entries({ ...options, ...(sizes ? { sizes: sizes.join(',') } : {}) });
      const text = settings.map(([option, value]) => `${kebabCase(option)} ${value}`).join(', ');
      const what = [algo, text, isKnownCircuit ? 'edges of the task’s known circuit' : ''].filter(Boolean);
      return { name, doc: `"${title}": ${what.join(', ')}`, from: '@auto-circuit/prune-algos' };
    });
  },
  metrics: async (cli) => [
    ...(await registered('metric', ({ unit, higherIsBetter, needsWrongAnswers }) => ({
      unit: typeof unit === 'string' ? unit : 'by options',
      higherIsBetter,
      needsWrongAnswers,
    }))(cli)),
    ...(await registered('score-metric', ({ unit, higherIsBetter, needsKnownCircuit = false }) => ({
      unit: typeof unit === 'string' ? unit : 'by options',
      higherIsBetter,
      of: 'scores',
      needsKnownCircuit,
    }))(cli)),
  ],
  objectives: registered('objective', ({ needsWrongAnswers = false }) => ({ needsWrongAnswers })),
  selections: registered('selection', () => ({})),
  backends: registered('backend', () => ({})),
  ablations: registered('ablation', () => ({})),
} as const satisfies Readonly<Record<string, (cli: Cli) => Promise<readonly Entry[]>>>;
type ListName = keyof typeof LISTS;
const LIST_NAMES = Object.keys(LISTS) as ListName[];

const TITLES: Partial<Readonly<Record<ListName, string>>> = {
  presets: 'presets: names of AutoCircuit, for --algo too',
};
/** Whether it comes from a plugin that does not come with the tool; only then its origin is shown. */
const isForeign = ({ from }: Entry): boolean => !FIRST_PARTY_NAMES.includes(from);

/** `auto-circuit list`. */
export const listCommand: CliCommand = {
  build: () =>
    new Command('list')
      .description('What there is to use: models, tasks, algorithms, metrics, backends, …')
      .argument('[what]', `one of ${LIST_NAMES.join(', ')}; all of them without`)
      .argument('[name]', 'one entry, with its options')
      .addHelpText('after', '\nExamples:\n  $ auto-circuit list algos\n  $ auto-circuit list algos eap-ig-inputs'),
  async run(cli, command) {
    const [what, name] = command.processedArgs as readonly (string | undefined)[];
    const lists = what === undefined ? LIST_NAMES : [listName(what)];
    const found = new Map<ListName, readonly Entry[]>();
    for (const list of lists) found.set(list, await LISTS[list](cli));
    // What --algo takes is not only the algorithms.
    if (lists[0] === 'algos' && what !== undefined) found.set('presets', await LISTS.presets());
    if (name !== undefined) return showOne(cli, lists[0]!, name, [...found.values()].flat());
    if (cli.output.jsonOnly)
      return cli.output.json(Object.fromEntries([...found].map(([list, entries]) => [list, entries.map(asJson)])));
    for (const [list, entries] of found) showList(cli, list, entries, found.size > 1);
  },
};

function registered<K extends ContributionKind>(
  kind: K,
  factsOf: (item: ContributionMap[K]) => Readonly<Record<string, unknown>>,
): (cli: Cli) => Promise<readonly Entry[]> {
  return async (cli) =>
    (await cli.registry()).list(kind).map(({ item, origin }) => ({
      name: item.name,
      doc: item.doc,
      from: origin,
      ...('options' in item ? { options: item.options } : {}),
      facts: factsOf(item),
    }));
}

function listName(what: string): ListName {
  const known = LIST_NAMES.find((list) => list === what);
  if (known) return known;
  throw unknownName('list', 'kind', what, LIST_NAMES);
}

function showList(cli: Cli, list: ListName, entries: readonly Entry[], titled: boolean): void {
  const { output } = cli;
  const indent = titled ? 2 : 0;
  if (titled) output.line(output.colors.bold(TITLES[list] ?? list));
  if (entries.length === 0) output.line(`${' '.repeat(indent)}none`);
  else {
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
  if (!entry)
    throw unknownName(
      'list',
      `entry of ${list}`,
      name,
      entries.map((e) => e.name),
    );
  const { output } = cli;
  if (output.jsonOnly) {
    output.json(asJson(entry));
    return;
  }
  output.line(`${output.colors.bold(entry.name)}: ${entry.doc}`);
  if (isForeign(entry)) output.line(`from ${entry.from}`);
  for (const [fact, value] of Object.entries(entry.facts ?? {})) {
    if (value !== undefined) output.line(`${kebabCase(fact).replaceAll('-', ' ')}: ${factText(value)}`);
  }
  const options = Object.entries(entry.options ?? {});
  if (options.length === 0) return;
  output.line();
  const rows = options.map(([option, spec]) => [
    output.colors.bold(option),
    spec.type === 'enum' ? spec.values.join(' | ') : spec.type,
    spec.default === '' ? '""' : String(spec.default),
    spec.doc,
  ]);
  writeTable(output, [{ title: 'option' }, { title: 'type' }, { title: 'default' }, { title: 'doc' }], rows);
}

function factText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function asJson({ name, doc, from, options = {}, facts = {} }: Entry): Readonly<Record<string, unknown>> {
  return { name, doc, from, ...facts, options };
}
