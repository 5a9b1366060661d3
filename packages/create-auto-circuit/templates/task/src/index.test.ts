import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { interpreterBackend, openTask } from '@auto-circuit/core';
import { logitDiff } from '@auto-circuit/metrics';
import { loadModel } from '@auto-circuit/models';
import { myPlugin } from './index.js';

describe('my-plugin', () => {
  it('has prompts that fit the model, and that the model answers', async () => {
    const backend = async () => interpreterBackend({ precision: 'float32' });
    const task = await openTask({ data: myPlugin, ...(await loadModel('ioi-mini')), backend, test: 'same' });
    const [measured] = await task.measure(await task.patch([]), [logitDiff]); // nothing patched: the whole model
    assert.ok(measured!.value > 0, `the model prefers the wrong answers: ${measured!.value}`);
    await task.dispose();
  });
});
