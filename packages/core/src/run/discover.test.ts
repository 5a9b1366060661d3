import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { AutoCircuitError } from '../errors/error.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { allEdges } from '../graph/edges.js';
import { topEdges } from '../graph/scores.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { definePruneAlgo } from '../plugin/prune-algo.js';
import { defineScoreMetric } from '../plugin/score-metric.js';
import type { Prompt } from '../prompts/types.js';
import { readFinishedRun } from '../run-folder/read-run.js';
import type { ReportInput } from '../run-folder/report-input.js';
import { withoutPromptValues } from '../run-folder/schemas.js';
import { PromptBootstrap, ratioOfSums } from '../statistics/bootstrap.js';
import { floatTensor } from '../tensor/tensor.js';
import { microModel } from '../testing/micro-model.js';
import {
  microEap as eap,
  MICRO_RUN_HEADS as heads,
  MICRO_IDENTITY as identity,
  microLogitDiff as logitDiff,
  microRequest,
  MICRO_PROMPTS as prompts,
} from '../testing/micro-run.js';
import { discover } from './discover.js';
import { evaluate, mergeMeasurements, sizesLeft } from './evaluate.js';
import type { DiscoverRequest } from './request.js';

const object = microModel(heads);

let root: string;
let model: PatchableModel;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'discover-'));
  const graph = buildGraph(object.spec.layout, DEFAULT_GRAPH_OPTIONS);
  model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
});
afterEach(async () => {
  await model.dispose();
  await rm(root, { recursive: true });
});

const request = (changes: Partial<DiscoverRequest> = {}): DiscoverRequest => microRequest(model, changes);
const stored = (folder: string, existing: 'refuse' | 'resume' | 'overwrite', changes: Partial<DiscoverRequest> = {}) =>
  request({ store: { folder: join(root, folder), existing, identity }, ...changes });

/** Every file but the timings, by name. */
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(root, folder))).filter((name) => name !== 'timings.json').sort();
  const texts = names.map(async (name) => [name, await readFile(join(root, folder, name), 'latin1')] as const);
  return Object.fromEntries(await Promise.all(texts));
}
const points = (m: { readonly points: readonly { edges: number; value: unknown; faithfulness?: unknown }[] }) =>
  m.points.map(({ edges, faithfulness }) => [edges, faithfulness]);

describe('discover', () => {
  it('keeps no whole model where something smaller is measured, and says what it keeps', async () => {
    const keptOf = async (...counts: number[]) => {
      const warnings: string[] = [];
      const asked = request({ sizes: { by: 'list', counts } });
      const { circuit } = await discover(asked, { onWarning: (line) => warnings.push(line) });
      return { edges: circuit.edges.length, warnings };
    };
    // 1 edge of 25 is not faithful, and the whole model always is.
    const small = await keptOf(1, 25);
    expect(small.edges).toBe(1);
    expect(small.warnings).toEqual([expect.stringMatching(/largest below the whole model is kept \(1 edge\)/)]);
    const whole = await keptOf(25);
    expect(whole.edges).toBe(25);
    expect(whole.warnings).toEqual([expect.stringMatching(/^nothing but the whole model was measured/)]);
  });

  it('scores, measures from the empty circuit to the whole model, and keeps the smallest faithful circuit', async () => {
    const { measurements, circuit, scores, standardErrors } = await discover(request());
    const [curve] = measurements;
    expect(model.graph.edgeCount).toBe(25); // 2·1 + 2·3 + 2·5 + 7
    expect(curve!.points.map((p) => p.edges)).toEqual(Array.from({ length: 26 }, (_, n) => n));
    expect(points(curve!)[0]).toEqual([0, 0]);
    expect(points(curve!).at(-1)).toEqual([25, 1]);
    expect(curve!.points[0]!.value).toBe(curve!.empty);
    expect(curve!.points.at(-1)!.value).toBe(curve!.model);
    // The first size at which it and the next larger one are within 0.1 of 1.
    const near = curve!.points.map((p) => Math.abs(1 - Number(p.faithfulness)) <= 0.1);
    const index = near.findIndex((yes, i) => yes && near[i + 1]);
    expect(circuit.edges.length).toBe(curve!.points[index]!.edges);
    expect(circuit.edges.length).toBeLessThan(25);
    expect(Object.keys(scores)).toEqual(Object.keys(standardErrors!));
    for (const { points } of measurements) {
      for (const point of points) {
        const [values, weights] = [point.promptValues as number[], point.promptWeights as number[] | undefined];
        expect(ratioOfSums({ values, ...(weights ? { weights } : {}) })).toBeCloseTo(point.value as number, 12);
        expect(new PromptBootstrap(request().seed).standardError({ values, ...(weights ? { weights } : {}) })).toBe(point.standardError); // biome-ignore format: one line
        expect(point.faithfulnessError).toBeGreaterThanOrEqual(0);
      }
    }
    expect(withoutPromptValues(measurements)[0]!.points[0]).not.toHaveProperty('promptValues');
  });

  it('measures a circuit as the dense patched run of all its edges would', async () => {
    const { measurements, scores } = await discover(request({ sizes: { by: 'list', counts: [6] }, keep: 6 }));
    const point = measurements[0]!.points[0]!;
    expect(point.edgesConnected).toBeLessThanOrEqual(6);
    // By hand: a head passes on weight · (what it reads); a destination reads clean where the edge is kept, else corrupt.
    const kept = new Set(topEdges(model.graph, scores, 6).edges);
    const edges = allEdges(model.graph);
    const outputs = (prompt: Prompt, side: 'clean' | 'corrupt', patched: Map<string, number[]> | null) => {
      const start = prompt[side].at(-1) as number[];
      const written = new Map<string, number[]>([['Resid Start', start]]);
      const read = (name: string): number[] =>
        edges
          .filter((e) => e.destination.name === name)
          .map((e) => (patched && !kept.has(e.number) ? patched : written).get(e.source.name)!)
          .reduce((a, b) => [a[0]! + b[0]!, a[1]! + b[1]!]);
      heads.forEach((layer, l) => {
        const outs = layer.map(([x, y], h) => {
          const input = read(`B${l}.${h}`);
          return [x! * input[0]!, y! * input[1]!];
        });
        outs.forEach((out, h) => {
          written.set(`B${l}.${h}`, out);
        });
      });
      return { written, end: read('Resid End') };
    };
    const byHand = prompts.map((prompt) => {
      const { end } = outputs(prompt, 'clean', outputs(prompt, 'corrupt', null).written);
      return end[0]! - end[1]!;
    });
    expect(point.value).toBeCloseTo(byHand.reduce((a, b) => a + b, 0) / 8, 4);
  });

  it('keeps what training saw, for the report and for a run taken up again', async () => {
    const curves = { loss: [Number.POSITIVE_INFINITY, 0.1 + 0.2], faithfulness: [1, 0] };
    const trained = definePruneAlgo({
      name: 'eap',
      doc: 'with curves',
      options: {},
      score: async (context) => ({ ...(await eap.score(context, {})), curves }),
    });
    const seen: unknown[] = [];
    const renderReport = (input: ReportInput) => {
      seen.push(input.curves);
      return 'report';
    };
    const first = await discover({ ...stored('trained', 'refuse'), algo: trained }, { renderReport });
    await rm(join(root, 'trained', 'report.html'));
    const again = await discover({ ...stored('trained', 'resume'), algo: eap }, { renderReport });
    expect([first.curves, again.curves, ...seen]).toEqual([curves, curves, curves, curves]);
    expect(JSON.parse(await readFile(join(root, 'trained', 'curves.json'), 'utf8')).loss).toEqual(['inf', 0.1 + 0.2]);
    await discover(stored('trained', 'overwrite'));
    expect(await readdir(join(root, 'trained'))).not.toContain('curves.json');
  });

  it('keeps the figures of an algorithm and those that a score metric has of the kept circuit, for the report', async () => {
    const bars = {
      kind: 'bars',
      title: 'shares',
      bars: [
        { name: 'B0.0', value: 0.1 + 0.2 },
        { name: 'B0.1', value: null },
      ],
    } as const;
    const drawing = definePruneAlgo({
      name: 'eap',
      doc: 'with a figure',
      options: {},
      score: async (context) => ({ ...(await eap.score(context, {})), figures: [bars] }),
    });
    const sizes = defineScoreMetric({
      name: 'sizes',
      doc: 'number of edges, with a table of it',
      options: {},
      higherIsBetter: false,
      unit: 'edges',
      measure: ({ circuit }) => ({
        value: circuit.edges.length,
        figures: [{ kind: 'table', title: 'size', columns: ['edges'], rows: [[circuit.edges.length]] }],
      }),
    });
    const seen: unknown[] = [];
    const renderReport = (input: ReportInput) => {
      seen.push(input.figures);
      return 'report';
    };
    const asked = {
      algo: drawing,
      keep: 6,
      metrics: [...stored('drawn', 'refuse').metrics, { metric: sizes, options: {} }],
    };
    const first = await discover({ ...stored('drawn', 'refuse'), ...asked }, { renderReport });
    const shown = [bars, { kind: 'table', title: 'size', columns: ['edges'], rows: [[first.circuit.edges.length]] }];
    expect(first.figures).toEqual([bars]);
    await rm(join(root, 'drawn', 'report.html'));
    await discover({ ...stored('drawn', 'resume'), ...asked }, { renderReport });
    seen.push((await readFinishedRun(join(root, 'drawn'))).figures);
    expect(seen).toEqual([shown, shown, shown]);
    await discover(stored('drawn', 'overwrite'));
    expect(await readdir(join(root, 'drawn'))).not.toContain('figures.json');
  });

  it('keeps scores of nodes, and of the numbers they write', async () => {
    const sources = model.graph.sources.length;
    const nodes = {
      scores: floatTensor(
        Float64Array.from({ length: sources }, (_, i) => 0.1 * i),
        [sources],
      ),
      neurons: floatTensor(
        Float32Array.from({ length: 2 * sources }, (_, i) => i / 3),
        [sources, 2],
      ),
    };
    const algo = definePruneAlgo({
      name: 'eap',
      doc: 'with nodes',
      options: {},
      score: async (context) => ({ ...(await eap.score(context, {})), nodes }),
    });
    const first = await discover({ ...stored('nodes', 'refuse'), algo });
    const again = await discover(stored('nodes', 'resume'));
    expect([first.nodes, again.nodes]).toEqual([nodes, nodes]);
    const last = model.graph.sources.at(-1)!;
    const [largest] = JSON.parse(await readFile(join(root, 'nodes', 'nodes.json'), 'utf8'));
    expect(largest).toEqual({ node: last.name, score: 0.1 * last.index });
    await discover(stored('nodes', 'overwrite'));
    expect((await readdir(join(root, 'nodes'))).filter((name) => /nodes|neurons/.test(name))).toEqual([]);
  });

  it('gives the same files from a run that was stopped anywhere and taken up again', async () => {
    await discover(stored('whole', 'refuse'), { renderReport: () => 'report' });
    const whole = await files('whole');
    expect(Object.keys(whole)).toEqual([
      'checksums.json',
      'circuit.json',
      'measurements.json',
      'report.html',
      'run.json',
      'scores.safetensors',
      'standard-errors.safetensors',
    ]);
    for (const stopAt of [1, 2, 3, 4, 5, 12, 30]) {
      const folder = `stopped-${stopAt}`;
      const controller = new AbortController();
      let events = 0;
      const onProgress = () => {
        if (++events === stopAt)
          controller.abort(
            new AutoCircuitError({ code: 'interrupted', where: 'test', what: 'stopped', kind: 'interrupted' }),
          );
      };
      await expect(discover(stored(folder, 'refuse'), { signal: controller.signal, onProgress })).rejects.toThrow(
        'stopped',
      );
      expect(await readdir(join(root, folder))).toContain('partial');
      await writeFile(join(root, folder, '.scores.safetensors.1.ab.tmp'), 'half a file');
      let resumedEvents = 0;
      await discover(stored(folder, 'resume'), { renderReport: () => 'report', onProgress: () => resumedEvents++ });
      expect(await files(folder), `stopped at ${stopAt}`).toEqual(whole);
    }
  });

  it('makes no finished part again: neither scores nor points', async () => {
    let measured = 0;
    const counting = {
      ...logitDiff,
      measure: (...args: Parameters<typeof logitDiff.measure>) => {
        measured++;
        return logitDiff.measure(...args);
      },
    };
    const metrics = [{ metric: counting, options: {} }];
    const controller = new AbortController();
    const stopAtPoint = (phase: string, done: number) => {
      if (phase === 'measure' && done === 20) controller.abort(new Error('stopped'));
    };
    const first = discover(stored('run', 'refuse', { metrics }), {
      signal: controller.signal,
      onProgress: stopAtPoint,
    });
    await expect(first).rejects.toThrow('stopped');
    expect(measured).toBe(2 + 20); // the whole model, the empty circuit, and sizes 0 … 19
    const phases = new Set<string>();
    await discover(stored('run', 'resume', { metrics }), { onProgress: (phase) => phases.add(phase) });
    expect(measured).toBe(2 + 26);
    expect([...phases]).toEqual(['measure']);
  });

  it('makes nothing again in a finished run, and replaces it on request', async () => {
    await discover(stored('run', 'refuse'));
    let events = 0;
    const again = await discover(stored('run', 'resume'), { onProgress: () => events++ });
    expect(events).toBe(0);
    expect(again.measurements[0]!.points).toHaveLength(26);
    await expect(discover(stored('run', 'refuse'))).rejects.toMatchObject({
      code: 'run-exists',
      fields: { path: join(root, 'run'), finished: true },
    });
    await expect(discover(stored('run', 'resume', { seed: 1, keep: 3 }))).rejects.toMatchObject({
      code: 'run-exists',
      fields: { changes: ['keep was "auto" and is now 3', 'seed was 0 and is now 1'] },
    });
    await discover(stored('run', 'overwrite', { keep: 3 }));
    expect(JSON.parse((await files('run'))['circuit.json']!).edges).toHaveLength(3);
  });

  it('leaves nothing of a run that failed before anything was finished, and keeps scores of one that failed later', async () => {
    const same = prompts.map((prompt) => ({ ...prompt, corrupt: prompt.clean }));
    await expect(discover(stored('gone', 'refuse', { prompts: same }))).rejects.toMatchObject({
      code: 'nothing-to-find',
    });
    expect(await readdir(root)).toEqual([]);
    const sizes = { by: 'threshold', threshold: 1e9 } as const;
    await expect(discover(stored('late', 'refuse', { sizes }))).rejects.toMatchObject({ code: 'invalid-threshold' });
    expect(await readdir(join(root, 'late'))).toContain('scores.safetensors');
    expect(await readdir(join(root, 'late'))).not.toContain('.lock');
  });

  it('evaluates more sizes as discover itself would have', async () => {
    const whole = await discover(request());
    const few = await discover(request({ sizes: { by: 'list', counts: [3, 20] }, keep: 3 }));
    const added = await evaluate({
      ...request(),
      target: { kind: 'scores', scores: few.scores, sizes: { by: 'list', counts: [0, 3, 7, 25] } },
    });
    const merged = mergeMeasurements(few.measurements, added);
    expect(merged[0]!.points.map(({ edges }) => edges)).toEqual([0, 3, 7, 20, 25]);
    for (const point of merged[0]!.points) expect(whole.measurements[0]!.points).toContainEqual(point);
    expect(sizesLeft(merged, ['logit-diff'], [3, 8])).toEqual([8]);
    expect(sizesLeft(merged, ['logit-diff', 'kl'], [3, 8])).toEqual([3, 8]);
    const [alone] = await evaluate({ ...request(), target: { kind: 'circuit', circuit: whole.circuit } });
    const same = whole.measurements[0]!.points.find(({ edges }) => edges === whole.circuit.edges.length)!;
    expect(alone!.points).toEqual([{ ...same, requested: null }]);
  });

  it('never writes beside files that are not of a run', async () => {
    await mkdir(join(root, 'home'));
    await writeFile(join(root, 'home', 'thesis.tex'), 'x');
    for (const existing of ['refuse', 'resume', 'overwrite'] as const) {
      await expect(discover(stored('home', existing))).rejects.toMatchObject({
        code: 'folder-not-empty',
        fields: { file: 'thesis.tex' },
      });
    }
    expect(await readdir(join(root, 'home'))).toEqual(['thesis.tex']);
  });

  it('edge patch and tree patch agree at both ends; --reverse runs the other side', async () => {
    const sizes = { by: 'list', counts: [0, 25] } as const;
    const values = async (changes: Partial<DiscoverRequest>) => {
      const { measurements } = await discover(
        request({ sizes: { by: 'list', counts: [...sizes.counts] }, keep: 0, ...changes }),
      );
      return measurements[0]!.points.map((p) => Number(p.value));
    };
    const [empty, whole] = await values({});
    expect(await values({ patchType: 'edge' })).toEqual([expect.closeTo(empty!, 5), expect.closeTo(whole!, 5)]);
    expect(await values({ reverse: true })).toEqual([expect.closeTo(whole!, 5), expect.closeTo(empty!, 5)]);
  });

  it('refuses what makes no sense, in a sentence', async () => {
    await expect(discover(request({ patchType: 'edge', ablation: 'zero' }))).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['patchType', 'ablation'] },
    });
    await expect(discover(request({ ablateFrom: 'clean' }))).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['ablation', 'ablateFrom'] },
    });
    await expect(discover(request({ keep: 26 }))).rejects.toMatchObject({
      code: 'invalid-edge-count',
      fields: { edges: 26, edgeCount: 25 },
    });
    await expect(discover(request({ sizes: { by: 'list', counts: [26] } }))).rejects.toMatchObject({
      code: 'invalid-edge-count',
    });
    await expect(discover(request({ sizes: { by: 'threshold', threshold: 1e9 } }))).rejects.toMatchObject({
      code: 'invalid-threshold',
      fields: { threshold: 1e9 },
    });
    const noWrong = prompts.map((prompt) => ({ ...prompt, wrongAnswers: [] }));
    await expect(discover(request({ prompts: noWrong }))).rejects.toMatchObject({
      code: 'missing-wrong-answers',
      fields: { prompt: 0 },
    });
    const same = prompts.map((prompt) => ({ ...prompt, corrupt: prompt.clean }));
    await expect(discover(request({ prompts: same }))).rejects.toThrow(
      /cannot be told apart.*got \S+ ± \S+ over 8 prompts/,
    );
  });
});
