/** @file Exact patching and ACDC find the known circuits with positions, on ONNX. */
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { edgesAbove } from '@auto-circuit/core/plugin';
import { COMPILED_PROGRAMS, circuitOfProgram } from '@auto-circuit/models';
import { acdc, exact } from '@auto-circuit/prune-algos';
import { tracrReverse, tracrXproportion } from '@auto-circuit/tasks';
import { describe, expect, it } from 'vitest';
import { graphOf, namesOf, scoresOf } from './compiled-task.js';

describe.each([tracrReverse, tracrXproportion].map((task) => [task.name, task] as const))('%s', (name, task) => {
  it.each(['resample', 'zero'] as const)(
    'exact and ACDC find the circuit with positions, on ONNX, under %s',
    async (ablation) => {
      const graph = await graphOf(task, 6);
      const known = circuitOfProgram(COMPILED_PROGRAMS[name]!.program(), graph, ablation);
      const backend = await onnxBackend();
      const setting = { task, ablation, graph, backend };
      // Where an edge carries nothing that is read, all that is left of its effect is float32 rounding.
      expect(namesOf(graph, edgesAbove(graph, await scoresOf(setting, exact), 1e-5))).toEqual(namesOf(graph, known));
      const byAcdc = await scoresOf(setting, acdc, { faithfulness: 'mse', taus: '1e-6', prompts: 'all' });
      expect(namesOf(graph, edgesAbove(graph, byAcdc, 1))).toEqual(namesOf(graph, known)); // those never removed are at ∞
      await backend.dispose();
    },
  );
});
