/** @file What the JSON files of a run folder hold, as zod schemas and the types that follow from them. */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { checkJson, type JsonOrigin, parseJson } from '../files/json-file.js';
import { PROMPT_SCORE_DTYPES } from '../plugin/prompt-scores.js';

/** A number; ∞ is written `"inf"`, and there is no NaN. */
export const numberSchema = z.union([z.number(), z.enum(['inf', '-inf'])]);
/** A number as a file has it. */
export type JsonNumber = z.infer<typeof numberSchema>;

const plainSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const optionsSchema = z.record(z.string(), plainSchema);
const namedSchema = z.object({ name: z.string(), options: optionsSchema });

/** How the circuit sizes were asked for. */
export const sizesSchema = z.discriminatedUnion('by', [
  z.object({ by: z.literal('rule'), rule: z.enum(['default', 'log', 'all', 'groups']) }),
  z.object({ by: z.literal('list'), counts: z.array(z.number()) }),
  z.object({ by: z.literal('threshold'), threshold: z.number() }),
]);
/** How circuit sizes are asked for: by a rule, a list or a threshold on |score|. */
export type CircuitSizes = z.infer<typeof sizesSchema>;

/** All that decides the numbers of a run. Two runs of equal requests write equal files. */
export const requestSchema = z.object({
  model: z.object({ name: z.string(), key: z.string(), processing: z.array(z.string()) }),
  data: z.object({ name: z.string(), hash: z.string(), bos: z.string() }),
  graph: z.record(z.string(), plainSchema),
  algo: namedSchema,
  metrics: z.array(namedSchema),
  objective: z.string(),
  ablation: z.string(),
  ablateFrom: z.enum(['clean', 'corrupt']),
  patchType: z.enum(['tree', 'edge']),
  reverse: z.boolean(),
  /** How edges are chosen by their scores. */
  select: z.string().default('threshold'),
  /** What edges are ranked by: |score|, or the score itself. */
  rankBy: z.enum(['absolute', 'signed']).default('absolute'),
  sizes: sizesSchema,
  keep: z.union([z.number(), z.literal('auto')]),
  /** How the scores of single prompts are kept, where they are. */
  perPrompt: z.enum(PROMPT_SCORE_DTYPES).optional(),
  batchSize: z.number(),
  limit: z.number().nullable(),
  length: z.number().nullable(),
  train: z.number().nullable(),
  test: z.union([z.number(), z.literal('same')]).nullable(),
  seed: z.number(),
  backend: z.object({ name: z.string(), device: z.string(), threads: z.number() }),
  /** By plugin that is not of the tool itself: a hash of its code. */
  plugins: z.record(z.string(), z.string()).optional(),
});
/** What a run was asked, as `run.json` has it. */
export type RunRequest = z.infer<typeof requestSchema>;

/** A prompt that circuits were measured on, as text. */
const promptExampleSchema = z.object({
  /** Its place among the values by prompt of `measurements.json`. */
  at: z.number(),
  /** Its place in the data set. */
  index: z.number(),
  clean: z.string(),
  corrupt: z.string(),
  /** At the last position. */
  answers: z.array(z.string()),
  wrongAnswers: z.array(z.string()),
});
/** A prompt that circuits were measured on, as text. */
export type PromptExample = z.infer<typeof promptExampleSchema>;

/** `run.json`: what was asked and with what; no timings, so that equal runs write equal files. */
export const runSchema = z.object({
  format: z.literal('auto-circuit run 1'),
  asked: requestSchema,
  /** What the command needs to open model and data again: names and paths as they were found. */
  sources: z.record(z.string(), plainSchema),
  graph: z.object({ sources: z.number(), destinations: z.number(), edges: z.number() }),
  prompts: z.object({
    train: z.number(),
    test: z.number(),
    lengths: z.record(z.string(), z.number()),
    /** Places in the data set of prompts that did not fit and were left out (`--skip-unfit`). */
    leftOut: z.array(z.number()).optional(),
    /** What stands at each token position, where that is known and positions have edges of their own. */
    labels: z.array(z.string()).optional(),
    /** Positions of words (`word_idxs`), likewise. */
    words: z.record(z.string(), z.number()).optional(),
    /** Some of the test prompts, where they are text. */
    examples: z.array(promptExampleSchema).optional(),
  }),
  /** Whether scores have a sign: above 0 where the edge supports the answer. Runs of early versions do not say it. */
  signed: z.boolean().optional(),
  /** By package: of the tool, of plugins from outside with the core that they use, of Node. */
  versions: z.record(z.string(), z.string()),
  runtime: z.string(),
  /**
   * What the run may take, and whether that was asked for (else it is half of the machine's): what does not fit is run in more
   * parts, and sums in parts have other last digits. Runs of early versions do not say it.
   */
  memory: z.object({ bytes: z.number(), asked: z.boolean() }).optional(),
  /** The kinds of hardware that shares of it were computed on, where they are more than one: last digits may not come again. */
  hardware: z.array(z.string()).optional(),
  /** The file with the checksums of the others. Runs of early versions have none. */
  checksums: z.literal('checksums.json').optional(),
});
/** The content of `run.json`. */
export type RunJson = z.infer<typeof runSchema>;

const figureWords = { title: z.string().min(1), unit: z.string().optional(), doc: z.string().optional() };
const cellSchema = z.number().nullable();
const rectangular = ({
  rows,
  columns,
  values,
}: {
  rows: unknown[];
  columns: unknown[];
  values: unknown[][];
}): boolean => values.length === rows.length && values.every((row) => row.length === columns.length);

/** One figure of a result: numbers are finite, heat maps and tables have a cell for each row and column. */
export const figureSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('curve'),
    ...figureWords,
    along: z.string(),
    lines: z.array(
      z.strictObject({
        name: z.string(),
        points: z.array(z.strictObject({ x: z.number(), y: z.number(), error: z.number().min(0).optional() })),
      }),
    ),
  }),
  z.strictObject({
    kind: z.literal('bars'),
    ...figureWords,
    bars: z.array(z.strictObject({ name: z.string(), value: cellSchema })),
  }),
  z
    .strictObject({
      kind: z.literal('heat-map'),
      ...figureWords,
      rows: z.array(z.string()),
      columns: z.array(z.string()),
      values: z.array(z.array(cellSchema)),
    })
    .refine(rectangular, 'values must have a cell for each row and column'),
  z
    .strictObject({
      kind: z.literal('table'),
      ...figureWords,
      columns: z.array(z.string()),
      rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
    })
    .refine(
      ({ columns, rows }) => rows.every((row) => row.length === columns.length),
      'rows must have a cell for each column',
    ),
]);
/** `figures.json`: what the report shows beyond scores and curves; only of algorithms that give figures. */
export const figuresSchema = z.array(figureSchema);

/** One circuit size of a measurement. */
export const pointSchema = z.object({
  /** The size asked for; null for sizes by threshold. */
  requested: z.number().nullable(),
  /** Edges kept, ties included: the x of curves. */
  edges: z.number(),
  /** Of these, edges on a path to the output (and, under resample, from the input). */
  edgesConnected: z.number(),
  value: numberSchema,
  /** Over prompts, by the bootstrap from the run's seed. */
  standardError: numberSchema.optional(),
  /** By prompt, in the order of the test prompts: value = Σ promptValues ÷ Σ promptWeights (without weights: their mean). */
  promptValues: z.array(numberSchema).optional(),
  promptWeights: z.array(numberSchema).optional(),
  /** Further numbers of the metric, by name. */
  parts: z.record(z.string(), numberSchema).optional(),
  /** What the report shows of this point, where it is the circuit that is kept. */
  figures: z.array(figureSchema).optional(),
  /** Of the whole point, not of this metric; left out where prompts have no wrong answers. */
  faithfulness: numberSchema.optional(),
  /** Standard error of the faithfulness, like `standardError`. */
  faithfulnessError: numberSchema.optional(),
});
/** A metric of one circuit. */
export type MeasuredPoint = z.infer<typeof pointSchema>;

/** A metric over all sizes. */
export const measurementSchema = z.object({
  metric: z.string(),
  unit: z.string(),
  higherIsBetter: z.boolean(),
  /** The same metric of the whole model, and with every edge patched. */
  model: numberSchema,
  empty: numberSchema,
  points: z.array(pointSchema),
});
/** A metric over all sizes, as `measurements.json` has it. */
export type Measurement = z.infer<typeof measurementSchema>;
/** `measurements.json`. */
export const measurementsSchema = z.array(measurementSchema);

/** Measurements as the terminal's JSON shows them: without the numbers of single prompts. */
export const withoutPromptValues = (measurements: readonly Measurement[]): Measurement[] =>
  measurements.map((measurement) => ({
    ...measurement,
    points: measurement.points.map(({ promptValues: _values, promptWeights: _weights, ...point }) => point),
  }));

/** `nodes.json`: source nodes (at each token position, where the graph has them) by falling importance; only of algorithms that score nodes. */
export const nodesSchema = z.array(
  z.object({ node: z.string(), position: z.number().optional(), score: numberSchema }),
);

/** `curves.json`: what training saw at each step, by name; only of algorithms that train. */
export const curvesSchema = z.record(z.string(), z.array(numberSchema));

/**
 * `timings.json`: seconds of the process that finished the run, and the peaks of its resident memory and of the processes that
 * its backend ran in, added up (weights that they share count in each).
 */
export const timingsSchema = z.object({
  seconds: z.object({ load: z.number(), score: z.number(), measure: z.number() }),
  memoryMb: z.number(),
  resumed: z.boolean(),
  /** Of the rest. */
  sha256: z.string().optional(),
});
/** The content of `timings.json`. */
export type Timings = z.infer<typeof timingsSchema>;

/**
 * A number as files have it.
 * @param what names the number in the error
 * @throws AutoCircuitError `not-finite` for NaN, which no file of ours may hold
 */
export function toJsonNumber(value: number, what: string): JsonNumber {
  if (Number.isNaN(value)) {
    throw new AutoCircuitError({
      code: 'not-finite',
      fields: { name: what },
      where: 'run',
      what: `${what} is not a number`,
      fix: 'check the model for overflow',
    });
  }
  if (Number.isFinite(value)) return value;
  return value > 0 ? 'inf' : '-inf';
}
/** A number as it was before `toJsonNumber`. */
export function fromJsonNumber(value: JsonNumber): number {
  if (typeof value === 'number') return value;
  return value === 'inf' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
}

/**
 * JSON text with a line end. Numbers that JSON does not know are refused: `JSON.stringify` would write `null`.
 * @throws AutoCircuitError naming the field
 */
export function toJsonText(value: unknown, what: string): string {
  const checked = (key: string, entry: unknown): unknown => {
    if (typeof entry === 'number' && !Number.isFinite(entry)) {
      throw new AutoCircuitError({
        code: 'internal',
        fields: { key },
        where: 'run',
        what: `${what}: "${key}" is ${entry}`,
        kind: 'internal',
      });
    }
    return entry;
  };
  return `${JSON.stringify(value, checked, 1)}\n`;
}

/** Text → value by schema. @throws AutoCircuitError naming the file and the field */
export function parseBySchema<S extends z.ZodType>(schema: S, text: string, path: string): z.output<S> {
  const origin: JsonOrigin = { where: 'run', path };
  return checkJson(schema, parseJson(text, origin), origin);
}

/** The dotted names of the fields in which two plain values differ, with both values. */
export function differences(before: unknown, after: unknown, name = ''): string[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => differences(before[key], after[key], name ? `${name}.${key}` : key));
  }
  const [a, b] = [JSON.stringify(before), JSON.stringify(after)];
  return a === b ? [] : [`${name} was ${a ?? 'absent'} and is now ${b ?? 'absent'}`];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
