/**
 * AutoCircuit as a library, without the command line: load a model and a task's prompts, score every edge by edge
 * attribution patching, take the 30 strongest as a circuit, measure it, patch one edge, ablate it.
 *
 *   node examples/library.mjs
 */
import { onnxBackend } from '@auto-circuit/backend-onnx';
import { openTask } from '@auto-circuit/core';
import { kl, logitDiff } from '@auto-circuit/metrics';
import { loadModel } from '@auto-circuit/models';
import { eap } from '@auto-circuit/prune-algos';
import { ioiMini } from '@auto-circuit/tasks';

const task = await openTask({ data: ioiMini, ...(await loadModel('ioi-mini')), backend: onnxBackend });
const { scores } = await task.score(eap); // one number an edge, by destination module
const [strongest] = task.strongest(scores, 1);
console.log(`the strongest of ${task.graph.edgeCount} edges is ${strongest.name}: ${strongest.score.toFixed(3)}`);

const edge = [strongest.name];
const measured = {
  'a circuit of 30 edges': await task.measure(task.circuit(scores, 30), [kl, logitDiff]),
  'that edge patched': await task.measure(await task.patch(edge), [kl, logitDiff]),
  'that edge ablated': await task.measure(await task.patch(edge, { ablation: 'zero' }), [kl, logitDiff]),
};
for (const [what, numbers] of Object.entries(measured))
  console.log(
    `${what}: ${numbers.map(({ metric, value, unit }) => `${metric} ${value.toFixed(3)} ${unit}`).join(', ')}`,
  );
await task.dispose();
