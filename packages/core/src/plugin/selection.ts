/** @file What a selection is as a contribution: from scores to circuits of any size. */
import { calledMember, type PluginMember, pluginFailed, shown } from '../errors/plugin-failed.js';
import { type EdgeSelection, type EdgeSelector, edgeSelection, type SelectionInput } from '../graph/edge-ranking.js';
import { SELECTIONS, type SelectionName } from '../graph/edge-ranking-names.js';
import type { Graph } from '../graph/types.js';
import type { Explained } from './explained.js';
import { optionDefaults } from './option-values.js';
import type { OptionTable, OptionValues } from './options.js';
import { optionsText } from './options-text.js';

/** How circuits of any size follow from scores. */
export interface SelectionDefinition<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'selection';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  /**
   * Either the canonical numbers of all edges in the order in which circuits grow, of which a circuit has the first n; or
   * `edges(n)` for circuits that do not contain each other.
   */
  select(
    input: SelectionInput,
    options: OptionValues<T>,
  ): ArrayLike<number> | (Pick<EdgeSelection, 'edges' | 'gap'> & Partial<Pick<EdgeSelection, 'count'>>);
  /** Loads what `select`, which does not wait, needs; the command line awaits it before anything is scored. */
  prepare?(): Promise<void>;
}

/**
 * A selection as a contribution. The option table's type is erased: the table itself checks values when they arrive.
 * @example
 * defineSelection({ name: 'first', doc: 'edges in canonical order', options: {},
 *   select: ({ graph }) => Array.from({ length: graph.edgeCount }, (_, edge) => edge) });
 */
export const defineSelection = <const T extends OptionTable>(
  selection: Omit<SelectionDefinition<T>, 'kind'>,
): SelectionDefinition => Object.freeze({ kind: 'selection', ...selection }) as unknown as SelectionDefinition;

/** The selections that core contributes. */
export const BUILT_IN_SELECTIONS: readonly SelectionDefinition[] = Object.freeze(
  (Object.keys(SELECTIONS) as SelectionName[]).map((name) =>
    defineSelection({
      name,
      doc: SELECTIONS[name],
      options: {},
      select: ({ graph, scores, ...rest }) => edgeSelection(graph, scores, name, rest),
    }),
  ),
);

/**
 * A selection with its options, as runs take it. What it gives is checked.
 * @param options checked by the table; default: its defaults
 */
export function chooseSelection(
  definition: SelectionDefinition,
  options: Readonly<Record<string, string | number | boolean>> = optionDefaults(definition.options),
): EdgeSelector {
  const { name } = definition;
  const member: PluginMember = { kind: 'selection', name, member: 'select' };
  return {
    text: optionsText(name, definition.options, options),
    select(input) {
      const given: unknown = calledMember(member, () => definition.select(input, options));
      if (Array.isArray(given) || ArrayBuffer.isView(given)) {
        const order = checkedEdges(member, input.graph, given as ArrayLike<unknown>, input.graph.edgeCount);
        return fromOrder(member, order);
      }
      const made = given as Partial<EdgeSelection> | null | undefined;
      if (typeof made?.edges !== 'function') {
        const expected = 'the numbers of all edges in order, or an object with edges(n)';
        throw pluginFailed(member, { what: 'gives no selection', expected, got: shown(given) });
      }
      const edges = (n: number): readonly number[] => {
        const list: unknown = calledMember({ ...member, member: 'select().edges' }, () => made.edges!(n));
        return checkedEdges({ ...member, member: 'select().edges' }, input.graph, list as ArrayLike<unknown>, null);
      };
      return {
        edges,
        count: made.count ? (n) => made.count!(n) : (n) => edges(n).length,
        ...(made.gap ? { gap: (n) => made.gap!(n) } : {}),
      };
    },
  };
}

function fromOrder(member: PluginMember, order: readonly number[]): EdgeSelection {
  const checked = (n: number): number => {
    if (Number.isInteger(n) && n >= 0 && n <= order.length) return n;
    throw pluginFailed(member, {
      what: 'is asked for a size there is not',
      expected: `0 to ${order.length}`,
      got: `${n}`,
    });
  };
  return { count: checked, edges: (n) => order.slice(0, checked(n)) };
}

/** Numbers of edges, each once. @param count how many there must be; null: any */
function checkedEdges(member: PluginMember, graph: Graph, given: ArrayLike<unknown>, count: number | null): number[] {
  const isList = Array.isArray(given) || ArrayBuffer.isView(given);
  if (!isList || (count !== null && given.length !== count)) {
    const expected = count === null ? 'a list of edge numbers' : `the numbers of all ${count} edges`;
    throw pluginFailed(member, { what: 'gives no edges', expected, got: shown(given) });
  }
  const list = Array.from(given);
  const bad = list.find((edge) => !(Number.isInteger(edge) && Number(edge) >= 0 && Number(edge) < graph.edgeCount));
  if (bad !== undefined || list.includes(undefined)) {
    const expected = `whole numbers from 0 to ${graph.edgeCount - 1}`;
    throw pluginFailed(member, { what: 'gives something that is no edge number', expected, got: shown(bad) });
  }
  const seen = new Set(list);
  if (seen.size === list.length) return list as number[];
  const twin = list.find((edge, i) => list.indexOf(edge) < i);
  throw pluginFailed(member, { what: 'gives an edge twice', expected: 'each edge once', got: shown(twin) });
}
