/** @file Trained completeness: knock-outs inside a circuit, learned under noise that is known. */
import { topEdges } from '@auto-circuit/core';
import { KnockoutTraining } from '@auto-circuit/prune-algos';
import { relativeOutcome, tensorOutcome } from './compare.mjs';
import { tensorsOf } from './patched.mjs';
import { MASK_FUNCTIONS, noiseOf } from './training.mjs';

const TARGETS = { kl_div: 'kl', logit_diff: 'logit-diff' };

/** The reference's numbers: parameters in the end (−99 outside the circuit), and what each step saw; it makes minus the difference small. */
export async function* checkTrainedCompleteness({ golden, batches, patchable }, record) {
  const model = await patchable(record.id.split('/')[0]);
  const { settings, values } = record;
  const circuit = topEdges(model.graph, tensorsOf(golden.tensors(settings.circuit_ps)), settings.circuit_size).edges;
  const training = new KnockoutTraining(model, batches, {
    circuit,
    patch: { kind: 'resample', from: 'corrupt' },
    target: TARGETS[settings.faithfulness_target],
    maskFunction: MASK_FUNCTIONS[settings.mask_fn] ?? 'none',
    noise: noiseOf(golden, model.graph, settings.uniform),
    learningRate: settings.learning_rate,
    epochs: settings.epochs,
    init: INIT,
    lambda: settings.regularize_lambda,
    free: 0.2,
  });
  while (training.done < training.steps) await training.step();
  const expected = golden.tensors(record.id);
  const modules = model.graph.destinationBlocks.map(({ module }) => module);
  yield tensorOutcome(record.id, training.parameters, modules.flatMap((module) => [...expected[module].data]), record.atol);
  const { loss, difference, regularization } = training.curves;
  const curves = { Loss: loss, [settings.faithfulness_target]: difference.map((x) => -x), Regularization: regularization };
  for (const [name, curve] of Object.entries(values)) yield relativeOutcome(`${record.id}/${name}`, curves[name], curve, record.values_rel_tol);
}

/** Where the reference starts: minus ln(p / (1 − p)) with p = (0.9 + 0.1) / 1.2. */
const INIT = -Math.log(5);
