/** @file `stability.json`: how a run's circuit holds up under other prompts, seeds and ablations. */
import { z } from 'zod';
import { numberSchema } from './schemas.js';

const count = z.int().min(0);
const share = z.number().min(0).max(1);

/** A mean, and from where to where its values lie. */
const rangeOf = <T extends z.ZodType>(one: T) => z.object({ mean: one, low: one, high: one });

const overlapSchema = {
  /** Edges of the circuit that was found. */
  edges: count,
  /** Edges in this circuit and in the run's, and in at least one of them. */
  both: count,
  either: count,
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
  share,
  low: share,
  high: share,
  /** Resamples in which its score has the sign that it has in the run, as a share. */
  sign: share,
  /** Variations whose circuit has it. */
  variations: count,
  /** Absent where nothing is certified. */
  certified: z.enum(['in', 'out', 'abstains']).optional(),
  /** Edits of the prompts that cannot change it. */
  radius: count.optional(),
});

/** The content of `stability.json`. */
export const stabilitySchema = z.object({
  format: z.literal('auto-circuit stability 1'),
  /** Edges of the run's circuit. */
  edges: count,
  metric: z.object({ name: z.string(), unit: z.string(), higherIsBetter: z.boolean() }),
  /** The metric of the run's circuit, measured anew; null where it has no value. */
  value: numberSchema.nullable(),
  /** Intervals hold at this level; certificates all together. */
  level: share,
  resamples: z.object({
    /** `prompts`: each prompt was scored by itself, and sums were resampled; `runs`: the algorithm ran on each resample. */
    by: z.enum(['prompts', 'runs']),
    count,
    /** Training prompts that were drawn from. */
    prompts: count,
    /** |both| ÷ |either| of a resample's circuit and the run's: mean, and the middle `level` of the resamples. */
    overlap: rangeOf(share),
    /** The metric of the first so many resamples' circuits: mean, least and most. */
    measured: count,
    value: rangeOf(z.number()).nullable(),
  }),
  variations: z.array(variationSchema),
  /** Null where prompts could not be scored one by one. */
  certificates: z
    .object({
      /** The chance of each prompt to be left out of a subset. */
      deletion: share,
      subsets: count,
      /** What is patched in was made from all prompts and held: edits are of the prompts that scores are taken on. */
      heldPatch: z.boolean(),
      in: count,
      out: count,
      abstains: count,
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
