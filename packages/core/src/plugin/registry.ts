/** @file The registry: what the plugins in use contribute, by kind and name. Built in main, passed down; there is no global one. */
import { AutoCircuitError } from '../errors/error.js';
import { unknownName } from '../errors/names.js';
import { checkPlugin } from './check-plugin.js';
import type { Contribution, ContributionKind, ContributionMap, Plugin } from './contributions.js';
import { guardContribution } from './guard.js';

/** A contribution and where it comes from. */
export interface Registered<K extends ContributionKind = ContributionKind> {
  readonly item: ContributionMap[K];
  /** The plugin's name. */
  readonly plugin: string;
  /** How the plugin came in: a package, a file, `first-party`, … */
  readonly origin: string;
  /** Stands for the plugin's code (`codeHash`); null for what has a version of its own: first-party plugins, objects of a program. */
  readonly code: string | null;
  /** Its version and that of its core, in words; null for what comes with the tool and for objects of a program. */
  readonly version: string | null;
  /** The file whose default export the plugin is, where it can be loaded again from, as in another process; null for an object of a program. */
  readonly file: string | null;
}

/** How sentences name a kind. */
export const KIND_WORDS: Readonly<Record<ContributionKind, string>> = Object.freeze({
  'prune-algo': 'pruning algorithm',
  metric: 'metric',
  'score-metric': 'score metric',
  objective: 'objective',
  selection: 'selection',
  ablation: 'ablation',
  task: 'task',
  architecture: 'architecture',
  backend: 'backend',
  executor: 'executor',
});

/** Kinds whose names stand in one place: `--metric` takes metrics of both. */
const NAMED_TOGETHER: readonly (readonly ContributionKind[])[] = [['metric', 'score-metric']];

/**
 * What the plugins in use contribute.
 * @example
 * const registry = new Registry().use(pruneAlgosPlugin).use(metricsPlugin);
 * const eap = registry.get('prune-algo', 'eap');
 */
export class Registry {
  readonly #contributions = new Map<ContributionKind, Map<string, Registered>>();
  readonly #plugins = new Set<Plugin>();
  readonly #reserved = new Map<string, string>();

  /**
   * Adds all that a plugin contributes, or nothing. The same plugin object a second time changes nothing.
   * @param origin where it was found, for lists and errors; default: the plugin's name.
   * @param code stands for its code, where that may change without a version; what such a plugin's functions throw names the plugin
   * @param version of it and of its core, in words
   * @param file whose default export it is, so that another process can load it again
   * @throws AutoCircuitError for an object that is no plugin, another API version, or a name that is taken (naming both plugins).
   */
  use(
    candidate: Plugin,
    origin?: string,
    code: string | null = null,
    version: string | null = null,
    file: string | null = null,
  ): this {
    if (this.#plugins.has(candidate)) return this;
    const plugin = checkPlugin(candidate, `plugin ${origin ?? nameOf(candidate)}`);
    const from = origin ?? plugin.name;
    const added = plugin.contributes.map(
      (item): Registered => ({
        item: code === null ? item : guardContribution(item, from),
        plugin: plugin.name,
        origin: from,
        code,
        version,
        file,
      }),
    );
    const taken = new Map<string, Registered>();
    for (const entry of added) {
      const key = `${entry.item.kind} ${entry.item.name}`;
      const first = this.#firstOf(entry, taken);
      if (first) throw nameTwice(entry, first);
      const meaning = this.#reserved.get(key);
      if (meaning !== undefined) throw nameReserved(entry, meaning);
      taken.set(key, entry);
    }
    for (const entry of added) this.#ofKind(entry.item.kind).set(entry.item.name, entry);
    this.#plugins.add(candidate);
    return this;
  }

  /**
   * Refuses a name to the plugins that come from now on.
   * @param meaning what the name means already: `a preset`
   */
  reserve(kind: ContributionKind, name: string, meaning: string): void {
    this.#reserved.set(`${kind} ${name}`, meaning);
  }

  /** Whether something of this kind has the name. */
  has(kind: ContributionKind, name: string): boolean {
    return this.#contributions.get(kind)?.has(name) ?? false;
  }

  /** @throws AutoCircuitError for an unknown name, with the nearest and the known ones. */
  get<K extends ContributionKind>(kind: K, name: string): ContributionMap[K] {
    const entry = this.#contributions.get(kind)?.get(name);
    if (!entry) throw unknownName('registry', KIND_WORDS[kind], name, this.names(kind));
    return entry.item as ContributionMap[K];
  }

  /** All of one kind with their origins, by name. */
  list<K extends ContributionKind>(kind: K): readonly Registered<K>[] {
    const entries = [...(this.#contributions.get(kind)?.values() ?? [])] as unknown as Registered<K>[];
    return entries.sort((a, b) => (a.item.name < b.item.name ? -1 : 1));
  }

  /** The names of one kind, sorted. */
  names(kind: ContributionKind): string[] {
    return this.list(kind).map(({ item }) => item.name);
  }

  /** What has the name already: of the same kind, or of one that is named in the same place. */
  #firstOf({ item: { kind, name } }: Registered, taken: ReadonlyMap<string, Registered>): Registered | undefined {
    const kinds = NAMED_TOGETHER.find((group) => group.includes(kind)) ?? [kind];
    return kinds
      .map((one) => taken.get(`${one} ${name}`) ?? this.#contributions.get(one)?.get(name))
      .find((found) => found !== undefined);
  }

  #ofKind(kind: ContributionKind): Map<string, Registered> {
    const known = this.#contributions.get(kind);
    if (known) return known;
    const made = new Map<string, Registered>();
    this.#contributions.set(kind, made);
    return made;
  }
}

function nameTwice(
  second: Registered<Contribution['kind']>,
  first: Registered<Contribution['kind']>,
): AutoCircuitError {
  const both = first.plugin === second.plugin && first.origin === second.origin ? 'twice by' : 'by both';
  const named = (entry: Registered) => `"${entry.plugin}"${entry.origin === entry.plugin ? '' : ` (${entry.origin})`}`;
  const plugins = both === 'twice by' ? named(first) : `${named(first)} and ${named(second)}`;
  return new AutoCircuitError({
    code: 'duplicate-name',
    fields: { kind: first.item.kind, name: first.item.name, plugins: [first.plugin, second.plugin] },
    where: 'registry',
    what: `the ${KIND_WORDS[first.item.kind]} "${first.item.name}" is contributed ${both} ${plugins}`,
    fix: 'leave one of them out, or rename one',
  });
}

function nameReserved({ item, plugin, origin }: Registered, meaning: string): AutoCircuitError {
  const named = `"${plugin}"${origin === plugin ? '' : ` (${origin})`}`;
  return new AutoCircuitError({
    code: 'duplicate-name',
    fields: { kind: item.kind, name: item.name, plugins: [plugin], meaning },
    where: 'registry',
    what: `${named} contributes a ${KIND_WORDS[item.kind]} "${item.name}", a name that means ${meaning} already`,
    fix: 'rename it',
  });
}

function nameOf(candidate: unknown): string {
  const name = (candidate as { readonly name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name ? name : '(unnamed)';
}
