/**
 * @file `clusters.json`: which prompts of a run are alike by their scores, and how well one circuit for all serves them beside
 * one for each group. The groups' circuits lie beside it, `circuit-group-1.json`, ….
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../files/atomic-file.js';
import { type CircuitJson, parseCircuitJson } from '../graph/circuit-json.js';
import type { Circuit, Graph } from '../graph/types.js';
import { groupCircuitFile, groupCircuitFiles } from './group-circuits.js';
import { RUN_FILES, readIfThere } from './run-files.js';
import { numberSchema, parseBySchema, toJsonText } from './schemas.js';
import { sealed } from './seal.js';

/** The content of `clusters.json`. */
export const clustersSchema = z.object({
  format: z.literal('auto-circuit clusters 1'),
  grouping: z.object({
    /** The number of groups that was asked for; null: the one of the largest silhouette. */
    asked: z.number().nullable(),
    seed: z.number(),
    /** The mean silhouette; null where there is one group. */
    silhouette: z.number().nullable(),
    tried: z.array(z.object({ groups: z.number(), silhouette: z.number() })),
  }),
  /** Edges of the shared circuit and of each group's. */
  edges: z.number(),
  /** The largest first. */
  groups: z.array(
    z.object({
      name: z.string(),
      /** Training prompts, on which it was found, and prompts that circuits were measured on. */
      prompts: z.number(),
      measured: z.number(),
      /** The file of its circuit, and its SHA-256. */
      circuit: z.string(),
      sha256: z.string(),
    }),
  ),
  /** The training prompts: their place in the data set, their group from 0, and their silhouette. */
  prompts: z.array(z.object({ index: z.number(), group: z.number(), silhouette: z.number() })),
  /** `test`: prompts that scores were not made of, each put into the group of the nearest centre; `train`: the same ones. */
  measuredOn: z.enum(['test', 'train']),
  /** What faithfulness is made of, as in `measurements.json`. */
  by: z.enum(['logit-diff', 'kl', 'mse']),
  /** The prompts measured; `kept` is the normalised deviation faithfulness of each circuit on this prompt, the shared one first. */
  measured: z.array(z.object({ index: z.number(), group: z.number(), kept: z.array(z.number()) })),
  /**
   * By group, then by circuit, the shared one first. Null where the model and the empty circuit cannot be told apart on the
   * group's prompts.
   */
  faithfulness: z.array(z.array(z.object({ value: numberSchema, standardError: numberSchema.optional() })).nullable()),
  /** How much nearer to the whole model the own circuit of each group is than the shared one, with a 95 % interval. */
  gains: z.array(z.object({ value: z.number(), low: z.number(), high: z.number() }).nullable()),
  /** |A ∩ B| ÷ |A ∪ B| of the edges of each two circuits, the shared one first. */
  overlap: z.array(z.array(z.number())),
  /**
   * `one`: no group is served better by a circuit of its own, or there is one group; `some`: some are; `several`: all are.
   */
  verdict: z.enum(['one', 'some', 'several']),
  /** Of the rest. */
  sha256: z.string().optional(),
});
/** Which prompts of a run are alike, and whether one circuit serves all. */
export type Clusters = z.infer<typeof clustersSchema>;

/** `clusters.json` before its circuits are written. */
export interface UnwrittenClusters extends Omit<Clusters, 'groups' | 'sha256'> {
  readonly groups: readonly Omit<Clusters['groups'][number], 'circuit' | 'sha256'>[];
}

/** Writes the circuits, then `clusters.json`, which names them; what an earlier grouping left is gone. */
export async function writeClusters(
  folder: string,
  { groups, ...clusters }: UnwrittenClusters,
  circuits: readonly CircuitJson[],
): Promise<Clusters> {
  await rm(join(folder, RUN_FILES.clusters), { force: true });
  for (const name of await groupCircuitFiles(folder)) await rm(join(folder, name), { force: true });
  const written: Clusters['groups'] = [];
  for (const [g, group] of groups.entries()) {
    const circuit = groupCircuitFile(g);
    const text = toJsonText(circuits[g], circuit);
    await writeFileAtomic(join(folder, circuit), text);
    written.push({ ...group, circuit, sha256: sha256Of(text) });
  }
  const path = join(folder, RUN_FILES.clusters);
  const content: Clusters = { ...clusters, groups: written };
  await writeFileAtomic(path, toJsonText(sealed(content, RUN_FILES.clusters), path));
  return content;
}

/** What was written, with the circuits. */
export interface GroupedPrompts {
  readonly clusters: Clusters;
  /** By group, with the scores that they were chosen by. */
  readonly circuits: readonly { readonly circuit: Circuit; readonly scores: ReadonlyMap<number, number> }[];
}

/** `clusters.json` and its circuits; null where a run has none. @throws AutoCircuitError for a file that is broken */
export async function readClusters(folder: string, graph: Graph): Promise<GroupedPrompts | null> {
  const clusters = await clustersIn(folder);
  if (clusters === null) return null;
  const circuits = [];
  for (const { circuit } of clusters.groups) {
    const path = join(folder, circuit);
    circuits.push(parseCircuitJson(await readFile(path, 'utf8'), path, graph));
  }
  return { clusters, circuits };
}

/** The first circuit of a group that is not the one that was written; null where all are. */
export async function changedGroupCircuit(folder: string): Promise<string | null> {
  const groups = (await clustersIn(folder))?.groups ?? [];
  for (const { circuit, sha256 } of groups) {
    const text = await readIfThere(join(folder, circuit));
    if (text === null || sha256Of(text) !== sha256) return circuit;
  }
  return null;
}

async function clustersIn(folder: string): Promise<Clusters | null> {
  const path = join(folder, RUN_FILES.clusters);
  const text = await readIfThere(path);
  return text === null ? null : parseBySchema(clustersSchema, text, path);
}

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex');
