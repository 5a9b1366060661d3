// @ts-check
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildGraph, createPatchableModel, interpreterBackend, openSafetensors } from '@auto-circuit/core';
import { architectureContract, runContract } from '@auto-circuit/core/testing';
import { arcee } from './index.js';

// A small random model, and the logits that Hugging Face transformers gives for it (scripts/make-family-test-data.py).
const folder = fileURLToPath(new URL('./test-data', import.meta.url));
const load = (process) => arcee.load({ name: 'tiny', folder, process, onWarning: assert.fail });

// What every trace has to keep to, on every graph the model allows.
runContract('arcee', architectureContract(await load('all')), { describe, it });

describe('logits', () => {
  it('are those of transformers', async () => {
    const model = await load('none');
    const expected = openSafetensors(`${folder}/expected.safetensors`);
    const { shape } = expected.tensors.get('tokens'); // [prompts, pos]
    const tokens = { dtype: 'int', shape, data: Int32Array.from(expected.read('tokens'), Number) };
    const backend = interpreterBackend({ precision: 'float64' });
    const patchable = await createPatchableModel({ model, graph: buildGraph(model.spec.layout), backend });
    const { data } = await patchable.run(tokens, 'all'); // [prompts, pos, vocabulary]
    const logits = expected.read('logits');
    assert.equal(data.length, logits.length);
    // rotary tables are rounded to float32, everything else is float64 on both sides
    for (const [i, x] of data.entries()) assert.ok(Math.abs(x - logits[i]) < 2e-5, `${x} for ${logits[i]}`);
    await patchable.dispose();
  });
});
