/** @file What an ablation is as a contribution: from a model and prompts to what is patched in. */
import { AutoCircuitError } from '../errors/error.js';
import { type PluginMember, pluginFailed, shown } from '../errors/plugin-failed.js';
import type { Graph } from '../graph/types.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { PromptBatch, Side } from '../prompts/types.js';
import type { Checkpoint } from './checkpoint.js';
import type { Explained } from './explained.js';
import { optionDefaults } from './option-values.js';
import type { OptionTable, OptionValues } from './options.js';
import { optionsText } from './options-text.js';

/** What an ablation is given. */
export interface AblationContext {
  readonly model: PatchableModel;
  /** The same as `model.graph`. */
  readonly graph: Graph;
  /** The training prompts: what means and constants are taken of. */
  readonly batches: readonly PromptBatch[];
  /** The side that values are to come from, where the ablation leaves it open. */
  readonly from: Side;
  /** The run's seed: every random choice follows from it. */
  readonly seed: number;
  /** Kept work of an ablation that trains. */
  readonly checkpoint?: Checkpoint | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What is patched in where an edge is patched. */
export interface AblationDefinition<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'ablation';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  /** Whether prompts must be of one length, as for a mean at each position. Default: no. */
  readonly oneLength?: boolean;
  /**
   * One of the engine's descriptions, or values of your own: `{ kind: 'made', … }` for each source block, `{ kind: 'prompts', … }`
   * by a run on other prompts. The same context gives the same.
   */
  patch(context: AblationContext, options: OptionValues<T>): PatchDescription | Promise<PatchDescription>;
}

/**
 * An ablation as a contribution. The option table's type is erased: the table itself checks values when they arrive.
 * @example
 * defineAblation({ name: 'half', doc: 'half of what is written', options: {}, patch: () => ({ kind: 'made', name: 'half',
 *   values: ({ clean }) => clean.map((x) => x / 2) }) });
 */
export const defineAblation = <const T extends OptionTable>(
  ablation: Omit<AblationDefinition<T>, 'kind'>,
): AblationDefinition => Object.freeze({ kind: 'ablation', ...ablation }) as unknown as AblationDefinition;

/** An ablation with its options, as runs take it. */
export interface ChosenAblation {
  /** Its name, with the options that are not at their defaults. */
  readonly text: string;
  readonly oneLength: boolean;
  patch(context: AblationContext): Promise<PatchDescription>;
}

/**
 * An ablation with its options. What it gives is checked.
 * @param options checked by the table; default: its defaults
 */
export function chooseAblation(
  definition: AblationDefinition,
  options: Readonly<Record<string, string | number | boolean>> = optionDefaults(definition.options),
): ChosenAblation {
  const { name, oneLength = false } = definition;
  return {
    text: optionsText(name, definition.options, options),
    oneLength,
    async patch(context) {
      const member: PluginMember = { kind: 'ablation', name, member: 'patch' };
      let given: PatchDescription;
      try {
        given = await definition.patch(context, options);
      } catch (cause) {
        if (cause instanceof AutoCircuitError || context.signal?.aborted) throw cause;
        const got = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
        throw pluginFailed(member, { what: 'threw an error', got, fix: 'correct its code', cause });
      }
      checkDescription(member, given);
      return given;
    },
  };
}

const KINDS: Readonly<Record<PatchDescription['kind'], readonly string[]>> = {
  resample: [],
  zero: [],
  'batch-mean': [],
  'batch-position-mean': [],
  mean: ['dispose'],
  constant: [],
  made: ['values'],
  prompts: ['tokens'],
};

/** @throws AutoCircuitError `plugin-failed` for anything but a description of what to patch in */
function checkDescription(member: PluginMember, given: unknown): asserts given is PatchDescription {
  const kind = (given as { readonly kind?: unknown } | null | undefined)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(KINDS, kind)) {
    const expected = `an object whose kind is one of ${Object.keys(KINDS).join(', ')}`;
    throw pluginFailed(member, { what: 'does not say what to patch in', expected, got: shown(given) });
  }
  for (const field of KINDS[kind as PatchDescription['kind']]) {
    const value = (given as Readonly<Record<string, unknown>>)[field];
    if (typeof value === 'function') continue;
    const what = `gives a patch of kind "${kind}" without "${field}"`;
    throw pluginFailed(member, { what, expected: 'a function', got: shown(value) });
  }
}
