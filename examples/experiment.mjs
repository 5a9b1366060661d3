/**
 * An experiment as a module: the grid may be computed. Three sizes of steps, on both sides of the prompts.
 *
 *   npx auto-circuit experiment examples/experiment.mjs --workers 2
 */
import { defineExperiment } from '@auto-circuit/cli';

const steps = [2, 5, 10];

export default defineExperiment({
  name: 'steps',
  tasks: ['ioi-mini', { name: 'ioi-mini-reversed', task: 'ioi-mini', reverse: true }],
  algos: ['eap', ...steps.map((n) => ({ name: `eap-ig-${n}`, algo: 'eap-ig-inputs', options: { steps: n } }))],
  metrics: ['kl', 'logit-diff'],
  seeds: [0],
  settings: { limit: 80, edges: [20, 50, 100] },
});
