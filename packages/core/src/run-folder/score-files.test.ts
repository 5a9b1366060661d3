import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unflattenScores } from '../graph/score-index.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { readScores, writeScores } from './score-files.js';

const graph = stagedGraph();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'score-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('scores.safetensors', () => {
  it('scores come back as they were, ∞ too, with the names of nodes beside them; NaN is refused', async () => {
    const path = join(folder, 'scores.safetensors');
    const flat = Float32Array.from({ length: graph.edgeCount }, (_, i) => (i === 3 ? Infinity : Math.sin(i)));
    const scores = unflattenScores(graph, flat);
    await writeScores(path, graph, scores);
    expect(readScores(path, graph)).toEqual(scores);
    const header = await readFile(path, 'latin1');
    expect(header).toContain('Resid Start');
    expect(header).toContain('B1.1');
    flat[0] = Number.NaN;
    await expect(writeScores(path, graph, unflattenScores(graph, flat))).rejects.toMatchObject({
      code: 'wrong-scores',
    });
    expect(readScores(path, graph)).toEqual(scores);
    const other = stagedGraph({}, { heads: 3 });
    expect(errorOf(() => readScores(path, other))).toMatchObject({ code: 'wrong-scores' });
  });
});
