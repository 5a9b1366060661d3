/**
 * AutoCircuit as a library, without the command line: load a model and a task's prompts, score every edge by edge
 * attribution patching, print the strongest.
 *
 *   node examples/library.mjs
 */
import { readFile } from 'node:fs/promises';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import {
  batchesOf,
  buildGraph,
  createPatchableModel,
  edgeAt,
  flattenScores,
  OBJECTIVES,
  parsePromptFile,
  tokenizePrompts,
  topEdges,
} from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { eap } from '@auto-circuit/prune-algos';
import { ioiMini } from '@auto-circuit/tasks';

const { model, tokenizer } = await loadModel('ioi-mini');
const file = parsePromptFile(await readFile(ioiMini.data, 'utf8'), 'ioi-mini');
const { prompts } = tokenizePrompts(file, tokenizer, { bos: tokenizer.addsBos });

const graph = buildGraph(model.spec.layout);
const backend = await onnxBackend();
const patchable = await createPatchableModel({ model, graph, backend });
const { scores } = await eap.score(
  {
    model: patchable,
    graph,
    batches: batchesOf(prompts, 32),
    objective: OBJECTIVES['logit-diff'].objective,
    patch: { kind: 'resample', from: 'corrupt' }, // what flows over an edge on the corrupt prompt
    seed: 0,
    progress: { report: () => {} },
  },
  {},
);
await patchable.dispose();
await backend.dispose();

const all = flattenScores(graph, scores); // one number an edge, in canonical order
const strongest = [...topEdges(graph, scores, 10).edges].sort((a, b) => Math.abs(all[b]) - Math.abs(all[a]));
console.log(`the strongest of ${graph.edgeCount} edges on ${prompts.length} prompts:`);
for (const number of strongest) console.log(`${all[number].toFixed(4).padStart(9)}  ${edgeAt(graph, number).name}`);
