import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeFileAtomic } from '../files/atomic-file.js';
import { circuitToJson } from '../graph/circuit-json.js';
import { circuitByName, scoresByName, stagedGraph } from '../testing/graphs.js';
import { readFinishedRun } from './read-run.js';
import { toJsonText } from './schemas.js';
import { writeScores } from './score-files.js';

const graph = stagedGraph();
const circuit = circuitByName(graph, ['B0.1->Resid End', 'Resid Start->B0.1']);
const scores = scoresByName(graph, { 'B0.1->Resid End': 2, 'Resid Start->B0.1': 1 });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'read-run-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, value: unknown) => writeFileAtomic(join(folder, name), toJsonText(value, name));

/** As little of a run.json as its form allows. */
const RUN = {
  format: 'auto-circuit run 1',
  asked: {
    ...{ model: { name: 'm', key: 'k', processing: [] }, data: { name: 'd', hash: 'h', bos: 'none' } },
    ...{ graph: {}, algo: { name: 'a', options: {} }, metrics: [], objective: 'kl', ablation: 'zero' },
    ...{ ablateFrom: 'corrupt', patchType: 'tree', reverse: false, sizes: { by: 'rule', rule: 'all' }, keep: 2 },
    ...{ batchSize: 1, limit: null, length: null, train: null, test: null, seed: 0 },
    backend: { name: 'interpreter', device: 'cpu', threads: 1 },
  },
  ...{ sources: {}, graph: { sources: 5, destinations: 5, edges: 13 }, prompts: { train: 1, test: 1, lengths: {} } },
  ...{ versions: {}, runtime: 'x' },
};

it('reads a finished run without its model', async () => {
  await write('run.json', RUN);
  await write('measurements.json', []);
  await write('circuit.json', circuitToJson(circuit, scores));
  await writeScores(join(folder, 'scores.safetensors'), graph, scores);
  const read = await readFinishedRun(folder);
  expect(read.graph.edgeCount).toBe(graph.edgeCount);
  expect(read.circuit.edges).toEqual(circuit.edges);
  expect([...read.scores.output!.data]).toEqual([...scores.output!.data]);
  expect(read.run.asked.select).toBe('threshold'); // runs of early versions do not say it
  expect(read.verifications).toEqual([]);
  expect(read).not.toHaveProperty('curves');
});

it('says what is missing: the run, its measurements, its circuit, its scores', async () => {
  const refused = (code: string) => expect(readFinishedRun(folder)).rejects.toMatchObject({ code });
  await refused('not-a-run');
  await write('run.json', RUN);
  await refused('run-unfinished');
  await write('measurements.json', []);
  await refused('file-not-found');
  await write('circuit.json', circuitToJson(circuit, scores));
  await refused('run-unfinished');
  await writeFile(join(folder, 'scores.safetensors'), 'torn');
  await refused('invalid-safetensors');
});
