/** @file `stability.json`: how a run's circuit holds up under other prompts, seeds and ablations. */
import { z } from 'zod';
import { numberSchema } from './schemas.js';

/** A share, and what is to be expected around it. */
const rangeSchema = z.object({ mean: z.number(), low: z.number(), high: z.number() });

const overlapSchema = {
  /** Edges of the circuit that was found. */
  edges: z.number(),
  /** Edges in this circuit and in the run's, and in at least one of them. */
  both: z.number(),
  either: z.number(),
};

/** One condition under which the circuit was found again. */
const variationSchema = z.object({
  kind: z.enum(['seed', 'ablation', 'paraphrases']),
  name: z.string(),
  ...overlapSchema,
  /** The metric of this circuit under the condition, and of the run's circuit under it; null where it has no value there. */
  value: numberSchema.nullable(),
  ofRun: numberSchema.nullable(),
  /** Why there is no value. */
  reason: z.string().optional(),
});

/** One edge: in how many circuits it is. */
const edgeSchema = z.object({
  edge: z.string(),
  /** Whether the run's circuit has it. */
  kept: z.boolean(),
  /** Resamples whose circuit has it, as a share, and Clopper and Pearson's interval of that share. */
  share: z.number(),
  low: z.number(),
  high: z.number(),
  /** Resamples in which its score has the sign that it has in the run, as a share. */
  sign: z.number(),
  /** Variations whose circuit has it. */
  variations: z.number(),
  /** Absent where nothing is certified. */
  certified: z.enum(['in', 'out', 'abstains']).optional(),
  /** Edits of the prompts that cannot change it. */
  radius: z.number().optional(),
});

/** The content of `stability.json`. */
export const stabilitySchema = z.object({
  format: z.literal('auto-circuit stability 1'),
  /** Edges of the run's circuit. */
  edges: z.number(),
  metric: z.object({ name: z.string(), unit: z.string(), higherIsBetter: z.boolean() }),
  /** The metric of the run's circuit, measured anew; null where it has no value. */
  value: numberSchema.nullable(),
  /** Intervals hold at this level; certificates all together. */
  level: z.number(),
  resamples: z.object({
    /** `prompts`: each prompt was scored by itself, and sums were resampled; `runs`: the algorithm ran on each resample. */
    by: z.enum(['prompts', 'runs']),
    count: z.number(),
    /** Training prompts that were drawn from. */
    prompts: z.number(),
    /** |both| ÷ |either| of a resample's circuit and the run's: mean, and the middle `level` of the resamples. */
    overlap: rangeSchema,
    /** The metric of the first so many resamples' circuits: mean, least and most. */
    measured: z.number(),
    value: rangeSchema.nullable(),
  }),
  variations: z.array(variationSchema),
  /** Null where prompts could not be scored one by one. */
  certificates: z
    .object({
      /** The chance of each prompt to be left out of a subset. */
      deletion: z.number(),
      subsets: z.number(),
      /** What is patched in was made from all prompts and held: edits are of the prompts that scores are taken on. */
      heldPatch: z.boolean(),
      in: z.number(),
      out: z.number(),
      abstains: z.number(),
      /** The metric of the circuit of the edges that are certified to be in; null where there are none, or it has no value. */
      value: numberSchema.nullable(),
    })
    .nullable(),
  /** Edges of the run's circuit and of any other that was found, the surest first. */
  listed: z.array(edgeSchema),
  /** Of the rest. */
  sha256: z.string().optional(),
});
/** How a run's circuit holds up. */
export type Stability = z.infer<typeof stabilitySchema>;
