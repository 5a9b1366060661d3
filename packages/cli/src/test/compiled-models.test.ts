import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '@auto-circuit/core';
import { edgesAbove } from '@auto-circuit/core/plugin';
import { rocArea, rocCurve } from '@auto-circuit/metrics';
import { COMPILED_PROGRAMS, circuitOfProgram } from '@auto-circuit/models';
import { acdc, eap, exact } from '@auto-circuit/prune-algos';
import { tracrReverse, tracrXproportion } from '@auto-circuit/tasks';
import { describe, expect, it } from 'vitest';
import { graphOf, namesOf, scoresOf } from './compiled-task.js';

const TASKS = [tracrReverse, tracrXproportion];
const UNDER = ['resample', 'zero'] as const;

describe.each(TASKS.map((task) => [task.name, task] as const))('%s', (name, task) => {
  const program = COMPILED_PROGRAMS[name]!.program();

  it.each(UNDER)('has the circuit of the construction as its official one, under %s', async (ablation) => {
    for (const positions of [null, 6]) {
      for (const splitQkv of [true, false]) {
        const { layout } = await graphOf(task, null);
        const graph = buildGraph(layout, { ...DEFAULT_GRAPH_OPTIONS, positions, splitQkv });
        const known = namesOf(graph, circuitOfProgram(program, graph, ablation));
        expect([...task.officialCircuits![ablation]!.edges(graph, {})].sort()).toEqual(known.sort());
      }
    }
  });

  it.each(UNDER)('exact and ACDC find that circuit and nothing else, under %s', async (ablation) => {
    const graph = await graphOf(task, task === tracrReverse ? null : 6); // with positions: the full test
    const known = circuitOfProgram(program, graph, ablation);
    const setting = { task, ablation, graph };
    // Where an edge carries nothing that is read, all that is left of its effect is float32 rounding.
    const byExact = await scoresOf(setting, exact);
    expect(namesOf(graph, edgesAbove(graph, byExact, 1e-5))).toEqual(namesOf(graph, known));
    expect(rocArea(rocCurve(graph, byExact, known))).toBe(1);
    const byAcdc = await scoresOf(setting, acdc, { faithfulness: 'mse', taus: '1e-6', prompts: 'all' });
    expect(namesOf(graph, edgesAbove(graph, byAcdc, 1))).toEqual(namesOf(graph, known)); // those never removed are at ∞
  });
});

it('a gradient at the clean point says nothing of a distance that is 0 there, and all of a linear output', async () => {
  const under = { ablation: 'resample' } as const;
  const graph = await graphOf(tracrReverse, 6);
  const known = circuitOfProgram(COMPILED_PROGRAMS['tracr-reverse']!.program(), graph, 'resample');
  const linear = await scoresOf({ ...under, task: tracrReverse, graph }, eap);
  expect(namesOf(graph, edgesAbove(graph, linear, 1e-5))).toEqual(namesOf(graph, known));
  const other = await graphOf(tracrXproportion, 6);
  const flat = await scoresOf({ ...under, task: tracrXproportion, graph: other }, eap);
  expect(edgesAbove(other, flat, 1e-6)).toEqual([]);
});
