/** @file `auto-circuit cache`: what is kept on disk between runs, and clearing it. */
import { AutoCircuitError, unknownName } from '@auto-circuit/core/startup';
import type { CacheEntry } from '@auto-circuit/models';
import { Command } from 'commander';
import { openCaches } from '../context/cache-places.js';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { formatBytes } from '../terminal/numbers.js';
import { writeTable } from '../terminal/table.js';

const ACTIONS = ['list', 'clear'] as const;
const FLAGS = {
  olderThan: { type: 'string', placeholder: 'TIME', doc: 'only what was last used before: 12h, 30d, 8w', unset: 'any' },
  hub: { type: 'boolean', default: false, doc: 'clear downloads of the hub too, which Python tools share' },
  dryRun: { type: 'boolean', default: false, doc: 'say what would be cleared' },
} as const satisfies FlagTable;

const KINDS: Readonly<Record<CacheEntry['kind'], string>> = {
  weights: 'converted weights',
  unfinished: 'left unfinished',
  hub: 'hub download',
};

/** `auto-circuit cache`. */
export const cacheCommand: CliCommand = {
  build: () =>
    addFlags(new Command('cache').description('Models kept on disk: sizes, last use; clear them'), FLAGS)
      .argument('[action]', `one of ${ACTIONS.join(', ')}; list without`)
      .argument('[names...]', 'models, as listed; all converted weights without')
      .addHelpText(
        'after',
        `
What a running command uses is never cleared. Without names, "clear" leaves hub downloads alone: other tools may need them.

Examples:
  $ auto-circuit cache
  $ auto-circuit cache clear --older-than 30d --dry-run
  $ auto-circuit cache clear openai-community/gpt2`,
      ),
  async run(cli, command) {
    const [action = 'list', names] = command.processedArgs as [string | undefined, readonly string[]];
    if (action !== 'list' && action !== 'clear') throw unknownName('cache', 'action', action, ACTIONS);
    const { olderThan, hub, dryRun } = cli.flags(FLAGS);
    const all = await openCaches(cli);
    const named = await namedEntries(all, names);
    const before = olderThan === undefined ? Number.POSITIVE_INFINITY : Date.now() - duration(olderThan);
    const old = named.filter(({ lastUsed }) => Date.parse(lastUsed) < before);
    if (action === 'list') list(cli, old);
    else await clear(cli, names.length > 0 || hub ? old : old.filter(({ kind }) => kind !== 'hub'), dryRun);
  },
};

/** Those that the names mean. @throws AutoCircuitError for a name that means none */
async function namedEntries(all: readonly CacheEntry[], names: readonly string[]): Promise<readonly CacheEntry[]> {
  if (names.length === 0) return all;
  const { isNamed } = await import('@auto-circuit/models');
  for (const name of names) {
    if (!all.some((entry) => isNamed(entry, name)))
      throw unknownName(
        'cache',
        'cached model',
        name,
        all.map((entry) => entry.name),
      );
  }
  return all.filter((entry) => names.some((name) => isNamed(entry, name)));
}

function list(cli: Cli, entries: readonly CacheEntry[]): void {
  const { output } = cli;
  const total = sumOf(entries);
  if (output.jsonOnly) {
    output.json({ bytes: total, entries: entries.map(asJson) });
    return;
  }
  if (entries.length === 0) {
    output.line('nothing is cached');
    return;
  }
  writeTable(
    output,
    [{ title: 'model' }, { title: 'what' }, { title: 'size', align: 'right' }, { title: 'last used' }, { title: '' }],
    entries.map((entry) => [
      entry.name,
      KINDS[entry.kind],
      formatBytes(entry.bytes),
      entry.lastUsed.slice(0, 10),
      entry.inUse ? 'in use' : '',
    ]),
  );
  output.line(`\n${formatBytes(total)} in all`);
}

async function clear(cli: Cli, wanted: readonly CacheEntry[], dryRun: boolean): Promise<void> {
  const { output } = cli;
  const { clearCache } = await import('@auto-circuit/models');
  const cleared = dryRun ? wanted.filter(({ inUse }) => !inUse) : await clearCache(wanted);
  const kept = wanted.filter((entry) => !cleared.includes(entry));
  if (output.jsonOnly) {
    output.json({ dry_run: dryRun, bytes: sumOf(cleared), cleared: cleared.map(asJson), in_use: kept.map(asJson) });
    return;
  }
  for (const { name, kind, bytes } of cleared)
    output.line(`${dryRun ? 'would clear' : 'cleared'} ${name} (${KINDS[kind]}, ${formatBytes(bytes)})`);
  for (const { name, kind } of kept) output.warn(`${name} (${KINDS[kind]}) is in use and stays`);
  output.line(`${formatBytes(sumOf(cleared))} ${dryRun ? 'would be freed' : 'freed'}`);
}

const sumOf = (entries: readonly CacheEntry[]): number => entries.reduce((sum, { bytes }) => sum + bytes, 0);

const asJson = ({ kind, name, path, bytes, lastUsed, inUse }: CacheEntry) => ({
  ...{ kind, name, path, bytes },
  ...{ last_used: lastUsed, in_use: inUse },
});

const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { h: HOUR_MS, d: 24 * HOUR_MS, w: 7 * 24 * HOUR_MS };

/** `30d` in milliseconds. @throws AutoCircuitError for anything else */
function duration(text: string): number {
  const [, count, unit] = /^(\d{1,6})([hdw])$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * UNITS[unit!]!;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'olderThan', got: text },
    where: 'cache',
    what: '--older-than is no time',
    expected: 'a number of hours, days or weeks, such as 12h, 30d, 8w',
    got: text,
  });
}
