/** @file From the scores of single prompts to groups of prompts, a circuit for each, and how well these serve which prompts. */

import type { Circuit, PruneScores } from '@auto-circuit/core';
import type { Checkpoint } from '@auto-circuit/core/plugin';
import type {
  CircuitJson,
  Clusters,
  DiscoverHooks,
  MeasureGroupsRequest,
  PromptScoreFile,
  ReportInput,
  SelectionSettings,
  UnwrittenClusters,
} from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';

/** What groups are sought in, and how. */
export interface FindGroupsRequest
  extends SelectionSettings,
    Omit<MeasureGroupsRequest, 'assign' | 'circuits' | 'constants' | 'groups'> {
  readonly before: Pick<ReportInput, 'circuit' | 'scores' | 'standardErrors'>;
  readonly table: PromptScoreFile;
  /** Null: by silhouette. */
  readonly groups: number | null;
  readonly most: number;
  readonly groupSeed: number;
  /** The size of every circuit; null: that of the run's own. */
  readonly edges: number | null;
  readonly constants: Checkpoint;
}
/** `clusters.json` and the circuits of its groups, to be written. */
export interface FoundGroups {
  readonly clusters: UnwrittenClusters;
  readonly circuits: readonly CircuitJson[];
}

/**
 * Groups the training prompts, chooses the circuits, and measures them.
 * @throws AutoCircuitError for a number of groups or edges that there cannot be, and like `discover`
 */
export async function findGroups(
  request: FindGroupsRequest,
  hooks: Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>,
): Promise<FoundGroups> {
  const { before, table, groups: asked, most, groupSeed } = request;
  const { connectedPart, makeCircuit } = await import('@auto-circuit/core');
  const { circuitToJson, edgeSelection, measureGroups, selectionText } = await import('@auto-circuit/core/run');
  const { groupCentres, groupPrompts, groupScores, nearestGroups } = await import('@auto-circuit/metrics');
  const { graph } = request.model;
  const edges = request.edges ?? before.circuit.edges.length;
  if (edges < 1 || edges > graph.edgeCount) throw noSuchSize(edges, graph.edgeCount);
  const found = groupPrompts(table, { groups: asked ?? undefined, most, seed: groupSeed });
  const results = groupScores(table, found.groups);
  // Circuits are compared that have the same number of edges, so ties are not kept whole.
  const select = request.select === undefined || request.select === 'threshold' ? 'top' : request.select;
  const rankBy = request.rankBy ?? 'absolute';
  const circuitOf = (scores: PruneScores, standardErrors: PruneScores | undefined): Circuit =>
    makeCircuit(graph, edgeSelection(graph, scores, select, { rankBy, standardErrors }).edges(edges));
  const shared = circuitOf(before.scores, before.standardErrors);
  const own = results.map(({ scores, standardErrors }) => circuitOf(scores, standardErrors));
  const centres = groupCentres(table, found.groups);
  const measured = await measureGroups(
    {
      ...request,
      groups: found.groups,
      assign: (prompts) => nearestGroups(centres, prompts),
      circuits: [shared, ...own],
    },
    hooks,
  );
  const requireWayIn = request.patchType === 'tree' && request.ablation === 'resample';
  const count = (list: readonly number[], group: number): number => list.filter((one) => one === group).length;
  const measuredGroups = measured.measured.map(({ group }) => group);
  return {
    clusters: {
      format: 'auto-circuit clusters 1',
      grouping: { asked, seed: groupSeed, silhouette: found.silhouette, tried: [...found.tried] },
      edges,
      groups: own.map((_, group) => ({
        name: `group ${group + 1}`,
        prompts: count(found.groups, group),
        measured: count(measuredGroups, group),
      })),
      prompts: found.groups.map((group, p) => ({
        index: table.places[p]!,
        group,
        silhouette: found.silhouettes[p]!,
      })),
      ...measured,
      overlap: overlaps([shared, ...own]),
    },
    circuits: own.map((circuit, group) =>
      circuitToJson(circuit, results[group]!.scores, {
        select: selectionText(select),
        rankBy,
        connected: connectedPart(circuit, { requireWayIn, requireWayOut: true }),
      }),
    ),
  };
}

/** |A ∩ B| ÷ |A ∪ B| of the edges of each two. */
function overlaps(circuits: readonly Circuit[]): Clusters['overlap'] {
  const sets = circuits.map(({ edges }) => new Set(edges));
  return sets.map((a) =>
    sets.map((b) => {
      const common = [...a].filter((edge) => b.has(edge)).length;
      return common / (a.size + b.size - common);
    }),
  );
}

const noSuchSize = (edges: number, edgeCount: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-edge-count',
    fields: { edges, edgeCount },
    where: 'clusters',
    what: 'circuits cannot have so many edges',
    expected: `a whole number from 1 to ${edgeCount}`,
    got: `${edges}`,
    fix: 'give another number with --edges',
  });
