/** @file `verify-BACKEND.json`: how a run's numbers came out when another backend made them again. */
import { readdir } from 'node:fs/promises';
import { z } from 'zod';
import { fileError } from '../files/file-error.js';
import { numberSchema } from './schemas.js';

const backendSchema = z.object({ name: z.string(), device: z.string(), threads: z.number() });

/** The content of `verify-BACKEND.json`. */
export const verificationSchema = z.object({
  format: z.literal('auto-circuit verification 1'),
  /** Whether scores, circuit and every metric agree. */
  agrees: z.boolean(),
  /** What made the numbers again, and what had made the run's. */
  backend: backendSchema.extend({ runtime: z.string() }),
  against: backendSchema.extend({ runtime: z.string() }),
  scores: z.object({
    /** The largest difference of one edge's two scores, and that edge (null where all are the same). */
    difference: numberSchema,
    edge: z.string().nullable(),
    /** The largest finite |score| of the run. */
    largest: z.number(),
    /** difference / largest; 0 where both are 0. */
    relative: numberSchema,
    /** The relative difference that is still agreement. */
    tolerance: z.number(),
    agrees: z.boolean(),
  }),
  /** The run's kept circuit, and as many edges by the new scores. */
  circuit: z.object({
    edges: z.number(),
    /** Edges in both circuits, and in at least one. */
    both: z.number(),
    either: z.number(),
    /** Of the edges in one only, those that rounding does not explain: their score is not at the limit of the circuit. */
    unexplained: z.number(),
    agrees: z.boolean(),
  }),
  measurements: z.array(
    z.object({
      metric: z.string(),
      unit: z.string(),
      /** The largest difference over the sizes of the run, the whole model and the empty circuit, and where it is. */
      difference: numberSchema,
      at: z.union([z.number(), z.enum(['model', 'empty'])]),
      /** The difference that is still agreement. */
      tolerance: z.number(),
      agrees: z.boolean(),
    }),
  ),
  /** Of the rest. */
  sha256: z.string().optional(),
});
/** How a run compares with the numbers of another backend. */
export type Verification = z.infer<typeof verificationSchema>;

/** Names of backends have only letters, digits and "-", so each is a file name. */
export const verificationFile = (backend: string): string => `verify-${backend}.json`;
/** Whether a file has the name of a verification. */
export const isVerificationFile = (name: string): boolean => /^verify-[A-Za-z0-9-]+\.json$/.test(name);

/** The verifications in a run folder, by name. */
export async function verificationFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isVerificationFile).sort();
  } catch (cause) {
    throw fileError('run', 'read', folder, cause);
  }
}
