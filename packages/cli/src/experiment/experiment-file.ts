/**
 * @file What an experiment file may hold: the types for `defineExperiment`, and the same as a zod schema made from the flag tables,
 * from which the published JSON schema follows.
 */
import { z } from 'zod';
import type { FlagSpec, FlagTable, FlagValues } from '../flags/flag-table.js';
import { RUN_SETTINGS } from '../run/run-flags.js';

/** The settings of `discover` by the names of its flags in camelCase; lists and numbers may stand where a flag has text. */
export type ExperimentSettings = Partial<
  Omit<FlagValues<typeof RUN_SETTINGS>, 'edges' | 'keep' | 'test'> & {
    readonly edges: number | string | readonly number[];
    readonly keep: number | 'auto';
    readonly test: number | 'same';
  }
>;
/** A registered task, or a prompt file with a model; settings here count more than those of the experiment. */
export interface ExperimentTask extends ExperimentSettings {
  /** How cells and tables call it. Default: the task's or the file's name. */
  readonly name?: string;
  readonly task?: string;
  /** A prompt file; its path starts at the experiment file. */
  readonly data?: string;
  readonly model?: string;
}
/** An algorithm with options of its own. */
export interface ExperimentAlgo {
  /** Default: the algorithm's. Needed for one algorithm with several options. */
  readonly name?: string;
  readonly algo: string;
  readonly options?: Readonly<Record<string, string | number | boolean>>;
}
/** Runs every task with every algorithm at every seed, and measures every metric. */
export interface Experiment {
  /** Default: the file's name. */
  readonly name?: string;
  readonly tasks: readonly (string | ExperimentTask)[];
  readonly algos: readonly (string | ExperimentAlgo)[];
  /** Default: kl, and logit-diff where prompts have wrong answers. */
  readonly metrics?: readonly string[];
  /** Default: 0. A seed decides the split into training and test prompts, and all noise. */
  readonly seeds?: readonly number[];
  readonly settings?: ExperimentSettings;
  /** Plugins by name or path, as in a config file. */
  readonly plugins?: readonly string[];
  readonly $schema?: string;
}

/** Types an experiment file: `export default defineExperiment({ tasks: ['ioi-mini'], algos: ['eap', 'exact'] })`. */
export const defineExperiment = (experiment: Experiment): Experiment => experiment;

type ZodTypes = { readonly [K in FlagSpec['type']]: (spec: Extract<FlagSpec, { readonly type: K }>) => z.ZodType };
const ZOD_TYPES: ZodTypes = {
  int: (spec) => ranged(z.int(), spec),
  number: (spec) => ranged(z.number(), spec),
  string: () => z.string(),
  boolean: () => z.boolean(),
  enum: ({ values }) => z.enum(values),
};
function ranged(type: z.ZodNumber, { min, max }: { readonly min?: number; readonly max?: number }): z.ZodNumber {
  const from = min === undefined ? type : type.min(min);
  return max === undefined || max === Number.POSITIVE_INFINITY ? from : from.max(max);
}

/** Where a flag's text stands for numbers. */
const NUMBERS: Readonly<Record<string, z.ZodType>> = {
  edges: z.union([z.string(), z.number(), z.array(z.number()).min(1)]),
  keep: z.union([z.int().min(0), z.literal('auto')]),
  test: z.union([z.int().min(1), z.literal('same')]),
};

const settingsShape = Object.fromEntries(
  Object.entries(RUN_SETTINGS as FlagTable).map(([name, spec]) => {
    const type = NUMBERS[name] ?? ZOD_TYPES[spec.type](spec as never);
    return [name, type.optional().describe(spec.doc)];
  }),
);
const nameSchema = z
  .string()
  .regex(/^[^/\s]+$/, 'a name has no blanks and no slash')
  .optional()
  .describe('how cells and tables call it');
const taskSchema = z.strictObject({
  name: nameSchema,
  task: z.string().optional().describe('a registered task; see "auto-circuit list tasks"'),
  data: z.string().optional().describe('a prompt file; its path starts at the experiment file'),
  model: z.string().optional().describe('a shipped name, a folder, or a hub name; default: the task’s own'),
  ...settingsShape,
});
const algoSchema = z.strictObject({
  name: nameSchema,
  algo: z.string().describe('an algorithm; see "auto-circuit list algos"'),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
/** What is read from a file; unknown keys are refused. */
export const experimentFileSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).optional().describe('default: the file’s name'),
    tasks: z.array(z.union([z.string(), taskSchema])).min(1),
    algos: z.array(z.union([z.string(), algoSchema])).min(1),
    metrics: z
      .array(z.string())
      .min(1)
      .optional()
      .describe('default: kl, and logit-diff where there are wrong answers'),
    seeds: z.array(z.int().min(0)).min(1).optional().describe('default: 0'),
    settings: z.strictObject(settingsShape).optional().describe('flags of discover, in camelCase'),
    plugins: z.array(z.string()).optional().describe('plugins by name or path, as in a config file'),
  })
  .describe('Runs every task with every algorithm at every seed, and measures every metric.');

/** The JSON schema that is published beside the program. */
export function experimentJsonSchema(): unknown {
  return { title: 'auto-circuit experiment', ...z.toJSONSchema(experimentFileSchema) };
}
