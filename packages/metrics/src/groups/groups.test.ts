import {
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  type PromptScoreTable,
  promptScoresInMemory,
  seededRandom,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { groupCentres, groupScores, nearestGroups } from './centres.js';
import { groupPrompts, LEAST_SILHOUETTE } from './group-prompts.js';
import { silhouettes } from './silhouette.js';
import { promptSimilarities } from './similarity.js';

const graph = buildGraph({ kind: 'staged', layers: 3, heads: 2, dModel: 2 }, DEFAULT_GRAPH_OPTIONS);
const { edgeCount } = graph;

/** A table of rows of scores in canonical order. */
function tableOf(rows: readonly (readonly number[])[]): PromptScoreTable {
  const table = promptScoresInMemory(graph, rows.length);
  rows.forEach((row, p) => {
    const scores = unflattenScores(graph, Float32Array.from(row));
    const one = Object.entries(scores).map(([module, { shape, ...rest }]) => [
      module,
      { ...rest, shape: [1, ...shape] },
    ]);
    table.keep(p, Object.fromEntries(one));
  });
  return table;
}
/** Prompts of some kinds: a direction for each, of any length, with noise. */
function planted(kinds: readonly number[], noise: number, seed = 0): number[][] {
  const random = seededRandom(seed, 'planted');
  const directions = new Map(kinds.map((kind) => [kind, Array.from({ length: edgeCount }, () => random.normal())]));
  return kinds.map((kind) => {
    const length = Math.exp(random.normal());
    return directions.get(kind)!.map((x) => length * (x + noise * random.normal()));
  });
}
const cosineOf = (a: readonly number[], b: readonly number[]): number => {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

describe('promptSimilarities', () => {
  it('gives the cosine of each two prompts', () => {
    const rows = planted([0, 1, 1, 2, 0], 0.5).map((row) => [...Float32Array.from(row)]);
    const { cosines, norms } = promptSimilarities(tableOf(rows));
    rows.forEach((a, i) => {
      expect(norms[i]).toBeCloseTo(Math.hypot(...a), 9);
      rows.forEach((b, j) => expect(cosines[i * rows.length + j]).toBeCloseTo(cosineOf(a, b), 12));
    });
  });

  it('has no angle to a prompt of zeros, and refuses infinite scores by their prompt', () => {
    const zeros = Array.from({ length: edgeCount }, () => 0);
    const { cosines } = promptSimilarities(tableOf([zeros, planted([0], 1)[0]!]));
    expect([...cosines]).toEqual([1, 0, 0, 1]);
    expect(() => promptSimilarities(tableOf([zeros, [...zeros.slice(1), Infinity]]))).toThrowError(
      expect.objectContaining({ code: 'not-finite', fields: { prompt: 1 } }),
    );
  });
});

describe('silhouettes', () => {
  it('are those of points on a line, by hand', () => {
    const points = [0, 1, 10, 11];
    const distances = Float64Array.from(points.flatMap((a) => points.map((b) => Math.abs(a - b))));
    // (b − a) / max(a, b): of 0, a = 1 and b = (10 + 11) / 2; of 1, a = 1 and b = (9 + 10) / 2
    expect(silhouettes(distances, [0, 0, 1, 1])).toEqual([9.5 / 10.5, 8.5 / 9.5, 8.5 / 9.5, 9.5 / 10.5]);
    // badly grouped: of 0 with 10, a = 10 and b = (1 + 11) / 2
    expect(silhouettes(distances, [0, 1, 0, 1])[0]).toBeCloseTo((6 - 10) / 10, 12);
    expect(silhouettes(distances, [0, 1, 1, 1])[0]).toBe(0); // alone
    expect(silhouettes(distances, [0, 0, 0, 0])).toEqual([0, 0, 0, 0]);
  });
});

describe('groupPrompts', () => {
  it('finds planted kinds and their number, whatever the lengths, the largest first', () => {
    const kinds = [2, 0, 1, 0, 0, 1, 2, 0, 1, 0, 2, 0, 1];
    const { count, groups, silhouette, tried } = groupPrompts(tableOf(planted(kinds, 0.3)));
    expect(count).toBe(3);
    expect(groups).toEqual(kinds.map((kind) => [0, 1, 2][kind])); // 0 has six prompts, 1 four, 2 three
    expect(silhouette).toBeGreaterThan(0.6);
    expect(tried.map((one) => one.groups)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(Math.max(...tried.map((one) => one.silhouette))).toBe(silhouette);
  });

  it('finds one group where there is one kind, and where prompts are nothing but noise', () => {
    for (const seed of [0, 1, 2, 3]) {
      const one = groupPrompts(
        tableOf(
          planted(
            Array.from({ length: 20 }, () => 0),
            0.5,
            seed,
          ),
        ),
      );
      const noise = groupPrompts(
        tableOf(
          planted(
            Array.from({ length: 20 }, (_, i) => i),
            0,
            seed,
          ),
        ),
      );
      for (const { count, silhouette, silhouettes: each, tried } of [one, noise]) {
        expect(count).toBe(1);
        expect(silhouette).toBeNull();
        expect(each).toEqual(Array.from({ length: 20 }, () => 0));
        expect(Math.max(...tried.map((of) => of.silhouette))).toBeLessThanOrEqual(LEAST_SILHOUETTE);
      }
    }
    const same = planted([0], 0)[0]!;
    expect(groupPrompts(tableOf([same, same, same, same]), { groups: 2 }).count).toBe(1);
    const nearly = planted([0, 0, 0, 0, 0, 0, 0], 0.01);
    expect(groupPrompts(tableOf(nearly)).count).toBe(1);
    expect(groupPrompts(tableOf([same, planted([1], 0)[0]!])).count).toBe(1);
  });

  it('has the least squared distances of all ways to make two groups', () => {
    for (const seed of [0, 1, 2]) {
      const rows = planted([0, 1, 0, 1, 1, 0, 0, 1, 0], 1.5, seed).map((row) => row.map((x) => x / Math.hypot(...row)));
      const error = (groups: readonly number[]) => {
        const centres = [0, 1].map((g) => {
          const own = rows.filter((_, p) => groups[p] === g);
          return rows[0]!.map((_, e) => own.reduce((sum, row) => sum + row[e]!, 0) / own.length);
        });
        return rows.reduce(
          (sum, row, p) => sum + row.reduce((s, x, e) => s + (x - centres[groups[p]!]![e]!) ** 2, 0),
          0,
        );
      };
      let least = Infinity;
      for (let bits = 1; bits < 2 ** (rows.length - 1); bits++) {
        least = Math.min(least, error(rows.map((_, p) => (bits >> p) & 1)));
      }
      const { groups } = groupPrompts(tableOf(rows), { groups: 2 });
      expect(error(groups)).toBeCloseTo(least, 6); // the table is float32
    }
  });

  it('gives the same groups for the same seed, and refuses more groups than prompts', () => {
    const table = tableOf(planted([0, 1, 2, 3, 0, 1, 2, 3, 0, 1], 2));
    expect(groupPrompts(table, { groups: 3, seed: 5 })).toEqual(groupPrompts(table, { groups: 3, seed: 5 }));
    for (const groups of [0, 11, 1.5]) {
      expect(() => groupPrompts(table, { groups })).toThrowError(
        expect.objectContaining({ code: 'invalid-option', fields: { option: 'groups', got: groups } }),
      );
    }
  });
});

describe('centres of groups', () => {
  const kinds = [0, 1, 0, 2, 1, 0, 2, 1, 0, 0, 1];
  const table = tableOf(planted(kinds, 1));
  const { groups, count } = groupPrompts(table, { groups: 3 });

  it('are nearest to the prompts of their groups, also where these come in pieces', () => {
    const nearest = nearestGroups(groupCentres(table, groups), table.prompts);
    for (const [start, stop] of [[0, 4], [4, 5], [5, 11]] as const) nearest.keep(start, table.read(start, stop).tensors); // biome-ignore format: pieces
    expect(nearest.groups).toEqual(groups);
    expect(count).toBe(3);
  });

  it('put new prompts of the same kinds where the old ones are', () => {
    const many = planted([...kinds, ...kinds], 0.5);
    const all = tableOf(many);
    const first = tableOf(many.slice(0, kinds.length));
    const { groups: own } = groupPrompts(first, { groups: 3 });
    const nearest = nearestGroups(groupCentres(first, own), kinds.length);
    nearest.keep(0, all.read(kinds.length, 2 * kinds.length).tensors);
    expect(nearest.groups).toEqual(own);
  });

  it('scores of a group are the means of its prompts', () => {
    const scores = groupScores(table, groups);
    const module = graph.destinationBlocks[1]!.module;
    scores.forEach(({ scores: own }, g) => {
      const rows = groups.flatMap((group, p) => (group === g ? [table.read(p, p + 1).tensors[module]!.data] : []));
      own[module]!.data.forEach((x, i) => {
        expect(x).toBeCloseTo(rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length, 6);
      });
    });
  });
});
