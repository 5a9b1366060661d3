/** @file Option tables: one source for an option's TypeScript type, its CLI flag, its help and its validation. */

interface OptionBase {
  readonly doc: string;
}
/** One option: its type, default and doc. */
export type OptionSpec = OptionBase &
  (
    | { readonly type: 'int'; readonly default: number; readonly min?: number; readonly max?: number }
    | { readonly type: 'number'; readonly default: number; readonly min?: number; readonly max?: number }
    | { readonly type: 'string'; readonly default: string }
    | { readonly type: 'boolean'; readonly default: boolean }
    | { readonly type: 'enum'; readonly values: readonly string[]; readonly default: string }
  );
/** Options by name, in camelCase. */
export type OptionTable = Readonly<Record<string, OptionSpec>>;

type ValueOf<S> = S extends { type: 'enum'; values: readonly (infer V)[] }
  ? V
  : S extends { type: 'int' | 'number' }
    ? number
    : S extends { type: 'string' }
      ? string
      : S extends { type: 'boolean' }
        ? boolean
        : never;
/** The values that a table describes. */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> };
