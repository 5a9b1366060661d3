/** @file What the registry and the packages hold, as lists of entries, and how one entry is shown with its options. */
import type { ContributionKind, ContributionMap, Explained, OptionTable, Paper } from '@auto-circuit/core/plugin';
import { expectedText, kebabCase } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { FIRST_PARTY_NAMES } from '../context/first-party.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';
import { wrapText } from '../terminal/wrap.js';

/** One of a list. */
export interface Entry extends Explained {
  readonly name: string;
  readonly doc: string;
  readonly from: string;
  readonly options?: OptionTable;
  /** Of a preset: the algorithm that it sets. */
  readonly algo?: string;
  /** More facts, by the kind of list. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Every list by the word on the command line. */
export const LISTS = {
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
      return { name, doc: `"${title}": ${what.join(', ')}`, from: '@auto-circuit/prune-algos', algo };
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
  executors: registered('executor', () => ({})),
} as const satisfies Readonly<Record<string, (cli: Cli) => Promise<readonly Entry[]>>>;
/** The word for a list on the command line. */
export type ListName = keyof typeof LISTS;
/** All of them. */
export const LIST_NAMES = Object.keys(LISTS) as ListName[];

/** By attribute name of a flag that takes names: where these are listed, and the prefix of the flags for their options. */
export const NAMING_FLAGS: Readonly<Record<string, { readonly lists: readonly ListName[]; readonly prefix?: string }>> =
  {
    task: { lists: ['tasks'] },
    generate: { lists: ['tasks'] },
    algo: { lists: ['algos', 'presets'], prefix: '--algo.' },
    algos: { lists: ['algos', 'presets'], prefix: '--algo.' },
    metric: { lists: ['metrics'] },
    ablation: { lists: ['ablations'] },
    objective: { lists: ['objectives'] },
    select: { lists: ['selections'] },
    backend: { lists: ['backends'], prefix: '--backend.' },
    executor: { lists: ['executors'], prefix: '--executor.' },
    model: { lists: ['models'] },
  };

/** All lists, from what is registered. */
export async function allLists(cli: Cli): Promise<Readonly<Record<string, readonly Entry[]>>> {
  const lists: Record<string, readonly Entry[]> = {};
  for (const list of LIST_NAMES) lists[list] = await LISTS[list](cli);
  return lists;
}

/** Whether it comes from a plugin that does not come with the tool; only then its origin is shown. */
export const isForeign = ({ from }: Entry): boolean => !FIRST_PARTY_NAMES.includes(from);

function registered<K extends ContributionKind>(
  kind: K,
  factsOf: (item: ContributionMap[K]) => Readonly<Record<string, unknown>>,
): (cli: Cli) => Promise<readonly Entry[]> {
  return async (cli) =>
    (await cli.registry()).list(kind).map(({ item, origin }) => ({
      name: item.name,
      doc: item.doc,
      from: origin,
      ...explanationOf(item),
      ...('options' in item ? { options: item.options } : {}),
      facts: factsOf(item),
    }));
}

/** What an entry is explained by, of whatever has it. */
export function explanationOf({ formula, papers, use }: Explained): Explained {
  return { ...(formula ? { formula } : {}), ...(papers ? { papers } : {}), ...(use ? { use } : {}) };
}

/** The lines under an entry that say its formula, when to use it, and where it comes from; none for what says nothing. */
export function showExplanation(output: Output, { formula, use, papers = [] }: Explained, indent = 0): void {
  const lines: (readonly [string, string])[] = [
    ...(formula ? [['formula', formula] as const] : []),
    ...(use ? [['use', use] as const] : []),
    ...papers.map((paper) => ['paper', cite(paper)] as const),
  ];
  const blanks = ' '.repeat(indent);
  for (const [what, text] of lines) {
    const [first = '', ...rest] = wrapText(`${what}: ${text}`, output.width - indent, what.length + 2);
    for (const line of [first, ...rest]) output.line(blanks + line);
  }
}

const cite = ({ authors, year, title, url }: Paper): string => `${authors} ${year}, “${title}”, ${url}`;

function factText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return Array.isArray(value) ? value.join(', ') || 'none' : String(value);
}

/**
 * An entry with its facts and its options.
 * @param prefix of the flags that give its options: `--algo.`; default: options by name
 */
export function showEntry(output: Output, entry: Entry, prefix = ''): void {
  output.line(`${output.colors.bold(entry.name)}: ${entry.doc}`);
  if (isForeign(entry)) output.line(`from ${entry.from}`);
  showExplanation(output, entry);
  for (const [fact, value] of Object.entries(entry.facts ?? {})) {
    if (value !== undefined) output.line(`${kebabCase(fact).replaceAll('-', ' ')}: ${factText(value)}`);
  }
  const options = Object.entries(entry.options ?? {});
  if (options.length === 0) return;
  output.line();
  const rows = options.map(([option, spec]) => [
    output.colors.bold(prefix + kebabCase(option)),
    spec.type === 'enum' ? spec.values.join(' | ') : expectedText(spec),
    spec.default === '' ? '""' : String(spec.default),
    spec.doc,
  ]);
  writeTable(output, [{ title: 'option' }, { title: 'takes' }, { title: 'default' }, { title: 'doc' }], rows);
}
