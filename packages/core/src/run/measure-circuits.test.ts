import { describe, expect, it } from 'vitest';
import { buildGraph } from '../graph/build.js';
import { makeCircuit } from '../graph/circuit.js';
import { edgesByName } from '../graph/edges.js';
import { createPatchableModel } from '../patch/engine.js';
import { countingBackend } from '../testing/counting-backend.js';
import { tinyPrompts, tinyTransformer } from '../testing/tiny-transformer.js';
import { knownCircuit } from './circuits-to-measure.js';
import { SizeMeasurer } from './measure-circuits.js';

const object = tinyTransformer();
const graph = buildGraph(object.spec.layout);
const SETTINGS = { ablation: 'resample', ablateFrom: 'corrupt', patchType: 'tree', reverse: false } as const;
const circuitOf = (...names: string[]) =>
  knownCircuit(
    makeCircuit(
      graph,
      names.flatMap((name) => edgesByName(graph, name)),
    ),
    SETTINGS,
  );

describe('measuring circuits', () => {
  it('runs none whose edges lead nowhere: it is the empty circuit', async () => {
    const { backend, runs } = countingBackend();
    const model = await createPatchableModel({ model: object, graph, backend });
    try {
      const measurer = new SizeMeasurer({
        model,
        batches: [tinyPrompts(3)],
        settings: SETTINGS,
        patch: { kind: 'resample', from: 'corrupt' },
        metrics: [],
        needFaithfulness: false,
        seed: 0,
      });
      await measurer.references();
      expect(runs).toEqual(['plain-last', 'capture']); // the side that is patched in is stored by the same run
      runs.length = 0;
      const nowhere = circuitOf('A0.0->MLP 1'); // nothing leads into the head, and nothing out of the MLP
      const { circuits } = await measurer.measure({ first: [nowhere] });
      expect([circuits, runs]).toEqual([[nowhere], []]);
      await measurer.measure({ first: [circuitOf('Resid Start->MLP 1', 'MLP 1->Resid End')] });
      expect(runs.filter((name) => name !== 'residuals')).toHaveLength(1);
    } finally {
      await model.dispose();
    }
  });
});
