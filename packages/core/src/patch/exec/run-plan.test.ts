import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { type TestContextSettings, testContext } from '../../testing/run-context.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { LOGITS } from '../programs/programs.js';
import type { PatchDescription } from '../requests/ablations.js';
import { filledMask, maskFeeds } from './feeds.js';
import { floats } from './micro-batches.js';
import type { RunContext } from './run-context.js';
import { outputShape, plainPlan, planCuts, type RunPlan, runPlan, supplyOf } from './run-plan.js';

const BATCH = tinyPrompts(4);
const CORRUPT: PatchDescription = { kind: 'resample', from: 'corrupt' };

/** Of one layer; runs of two prompts where nothing else is said. */
function open(settings: TestContextSettings = {}) {
  const model = tinyTransformer({ layers: 1 });
  return testContext(model, buildGraph(model.spec.layout), { tokens: 6, ...settings });
}

/** Half of every edge patched. */
async function logits(context: RunContext, plan: RunPlan): Promise<number[]> {
  const mask = filledMask(context.graph, 0.5);
  const chunks = await runPlan(context, BATCH, plan, (cut) =>
    Object.fromEntries(maskFeeds(context.graph, mask, 4, cut)),
  );
  return chunks.flatMap((results) => [...floats(results, LOGITS)]);
}
function patchedPlan(context: RunContext, supply: RunPlan['supply']): RunPlan {
  const spec = { kind: 'patched', supply, perItem: false } as const;
  const cuts = planCuts(context, spec, { prompts: 4, length: 3, results: 0 });
  return { spec, use: {}, input: 'clean', patch: CORRUPT, supply, needsCurrent: false, cuts };
}

describe('the supply of patched-in values', () => {
  it('is a program of its own while its values can be kept, and part of the run where not', () => {
    const { context } = open();
    const bytes = context.programs.outputBytes({ kind: 'capture' }, 4, 3);
    expect(supplyOf(context, BATCH, CORRUPT, false)).toBe('fed');
    expect(supplyOf(open({ keepBytes: bytes }).context, BATCH, CORRUPT, false)).toBe('fed');
    expect(supplyOf(open({ keepBytes: bytes - 1 }).context, BATCH, CORRUPT, false)).toBe('fused');
  });

  it('is part of the run where its values are wanted once', () => {
    expect(supplyOf(open().context, BATCH, CORRUPT, true)).toBe('fused');
  });

  it('is fed or zeros where no prompt is run for it', () => {
    const { context } = open({ keepBytes: 0 });
    for (const once of [false, true]) {
      expect(supplyOf(context, BATCH, { kind: 'zero' }, once)).toBe('zero');
      expect(supplyOf(context, BATCH, { kind: 'batch-mean', from: 'clean' }, once)).toBe('fed');
    }
  });
});

describe('a plan', () => {
  it('runs pass 1 of all micro-batches before pass 2, where it is kept', async () => {
    const { context, runs } = open();
    await logits(context, patchedPlan(context, 'fed'));
    expect(runs).toEqual(['capture', 'capture', 'patched-fed', 'patched-fed']);
    await logits(context, patchedPlan(context, 'fed'));
    expect(runs.slice(4)).toEqual(['patched-fed', 'patched-fed']); // pass 1 is still there
  });

  it('gives the same with pass 1 in the program, in one run or several', async () => {
    const fused = open();
    const expected = await logits(fused.context, patchedPlan(fused.context, 'fused'));
    expect(fused.runs).toEqual(['patched-fused', 'patched-fused']);
    const fed = open({ tokens: 12, parallel: 2 });
    const found = await logits(fed.context, patchedPlan(fed.context, 'fed'));
    expect(found).toHaveLength(expected.length);
    for (const [i, x] of expected.entries()) expect(Math.abs(found[i]! - x)).toBeLessThan(1e-5); // pass 1 is fed as float32
  });

  it('feeds the side that is run, too, where it is wanted', async () => {
    const { context, runs } = open();
    const spec = {
      kind: 'gradient',
      forward: 'interpolatedActivations',
      supply: 'zero',
      objective: { kind: 'kl' },
      losses: true,
      neurons: false,
      backward: [],
    } as const;
    const seen: (readonly string[])[] = [];
    const plan = { ...patchedPlan(context, 'zero'), patch: { kind: 'zero' }, spec, needsCurrent: true } as const;
    await expect(
      runPlan(context, BATCH, plan, (_cut, fed) => {
        seen.push([...(fed.current?.keys() ?? [])]);
        expect(fed.patch).toBeNull();
        throw new Error('enough');
      }),
    ).rejects.toThrow('enough');
    expect(seen[0]).toEqual(context.graph.sourceBlocks.map(({ site }) => site));
    expect(runs).toEqual(['capture', 'capture']);
  });

  it('of a plain run feeds prompts alone', async () => {
    const { context, runs } = open();
    const spec = { kind: 'plain', positions: 'last' } as const;
    const chunks = await runPlan(context, BATCH, plainPlan(spec, 'corrupt', [[0, 1], [1, 4]])); // biome-ignore format: one line
    expect(chunks.map((results) => results[LOGITS]!.shape)).toEqual([
      [1, 11],
      [3, 11],
    ]);
    expect(runs).toEqual(['plain-last', 'plain-last']);
  });
});

describe('micro-batches of a plan', () => {
  it('follow from tokens', () => {
    const { context } = open({ tokens: 6 });
    const cuts = (tokens?: number) =>
      planCuts(
        context,
        { kind: 'capture' },
        { prompts: 4, length: 3, results: 0, ...(tokens === undefined ? {} : { tokens }) },
      );
    expect(cuts()).toHaveLength(2);
    expect(cuts(3)).toHaveLength(4);
    expect(cuts(100)).toEqual([[0, 4]]);
  });
});

describe('outputShape', () => {
  it('has positions where outputs are read at several', () => {
    const { model } = open().context;
    expect(outputShape(model.spec, 2, 5)).toEqual([2, 11]);
    expect(outputShape(model.spec, 2, 5, 'all')).toEqual([2, 5, 11]);
    expect(outputShape({ ...model.spec, outputs: 'not-first' }, 2, 5)).toEqual([2, 4, 11]);
  });
});
