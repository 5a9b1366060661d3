/** @file The tasks of the compiled models: the shipped bytes, what they ask, and their circuits. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parsePromptFile } from '@auto-circuit/core';
import { buildGraph, DEFAULT_GRAPH_OPTIONS, edgesByName, type GraphLayout, type Task } from '@auto-circuit/core/plugin';
import { afterAll, describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { tracrReverse, tracrXproportion } from './task.js';

const GENERATOR = fileURLToPath(new URL('../../../../datasets/tracr/generate.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tracr-'));
afterAll(() => rmSync(folder, { recursive: true }));

const textOf = ({ data }: Task): string => readFileSync(data as URL, 'utf8');
const fileOf = (task: Task) => parsePromptFile(textOf(task), task.name);
const layout = (layers: number): GraphLayout => ({
  ...{ kind: 'transformer', layers, heads: 1, kvHeads: 1, dModel: 8 },
  ...{ mlp: true, parallel: false, attention: 'full' },
});

describe('the generator', () => {
  it('gives the shipped bytes', () => {
    execFileSync(process.execPath, [GENERATOR, '--out', folder]);
    for (const task of [tracrReverse, tracrXproportion]) {
      expect(readFileSync(join(folder, `${task.name}.json`), 'utf8'), task.name).toBe(textOf(task));
    }
  });
});

describe.each([
  ['tracr-reverse', tracrReverse, 3, 243],
  ['tracr-xproportion', tracrXproportion, 4, 1024],
] as const)('%s', (_name, task, bos, count) => {
  const { prompts } = fileOf(task);

  it('has every sequence once as clean and once as corrupt, never the same on both sides', () => {
    for (const side of ['clean', 'corrupt'] as const) {
      expect(new Set(prompts.map((prompt) => String(prompt[side]))).size).toBe(count);
      for (const prompt of prompts) expect(prompt[side][0]).toBe(bos);
    }
    expect(prompts.filter(({ clean, corrupt }) => String(clean) === String(corrupt))).toEqual([]);
  });

  it('leaves as many prompts to measure on as AutoCircuit takes batches to train on', () => {
    expect(task.train! % task.batchSize!).toBe(0);
    expect(count - task.train!).toBeGreaterThanOrEqual(task.train!);
  });
});

describe('what is asked for', () => {
  it('is the sequence backwards, everything else being wrong', () => {
    for (const { clean, byPosition } of fileOf(tracrReverse).prompts) {
      const [, ...tokens] = clean as readonly number[];
      expect(byPosition!.map(({ answers }) => answers)).toEqual(tokens.toReversed().map((token) => [token]));
      for (const { answers, wrongAnswers } of byPosition!)
        expect([...answers, ...wrongAnswers].sort()).toEqual([0, 1, 2]);
    }
  });
  it('is the share of x so far', () => {
    for (const { clean, targets } of fileOf(tracrXproportion).prompts) {
      let x = 0;
      (clean as readonly number[]).slice(1).forEach((token, i) => {
        if (token === 1) x++;
        expect(targets![i]![0]).toBeCloseTo(x / (i + 1), 7);
      });
    }
  });
});

describe('the circuits', () => {
  it('have as many edges as the tables say, in graphs of every kind but the residual', () => {
    const counts = (task: Task, layers: number, options: object): number[] => {
      const graph = buildGraph(layout(layers), { ...DEFAULT_GRAPH_OPTIONS, ...options });
      return (['resample', 'zero'] as const).map(
        (under) => task.officialCircuits![under]!.edges(graph, {}).flatMap((name) => edgesByName(graph, name)).length,
      );
    };
    expect(counts(tracrReverse, 4, { positions: 6 })).toEqual([10, 41]);
    expect(counts(tracrXproportion, 2, { positions: 6 })).toEqual([15, 25]);
    expect(counts(tracrReverse, 4, {})).toEqual([2, 9]);
    expect(counts(tracrReverse, 4, { splitQkv: false })).toEqual([2, 8]);
    expect(() => counts(tracrReverse, 4, { factorized: false })).toThrow(errorWith('unsupported-graph'));
  });
});
