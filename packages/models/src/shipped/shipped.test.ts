/** @file The shipped model does its task. */
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  batchesOf,
  buildGraph,
  createPatchableModel,
  interpreterBackend,
  parsePromptFile,
  type Side,
  tokenizePrompts,
} from '@auto-circuit/core';
import { inputOf } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../load-model.js';
import { SHIPPED_MODELS } from './shipped-models.js';

const folder = fileURLToPath(SHIPPED_MODELS['ioi-mini']!.folder);
const promptFile = new URL('../../../tasks/data/ioi-mini.json', import.meta.url);

describe('ioi-mini', () => {
  it('is less than 2 MB of weights', () => {
    expect(statSync(`${folder}model.safetensors`).size).toBeLessThan(2e6);
  });

  it('answers prompts that training held out, and is undecided on corrupt ones', async () => {
    const { model, tokenizer } = await loadModel('ioi-mini', { onWarning: (line) => expect.fail(line) });
    const file = parsePromptFile(readFileSync(promptFile, 'utf8'), 'ioi-mini.json');
    const { prompts } = tokenizePrompts(file, tokenizer, { bos: tokenizer!.addsBos });
    // The interpreter is slow: every fourth prompt, which still is both orders and all templates.
    const batches = batchesOf(
      prompts.filter(({ index }) => index % 4 === 0),
      16,
    );
    const patchable = await createPatchableModel({
      model,
      graph: buildGraph(model.spec.layout),
      backend: interpreterBackend({ precision: 'float32' }),
    });
    let right = 0;
    let count = 0;
    const differences = { clean: 0, corrupt: 0 };
    for (const batch of batches) {
      for (const side of ['clean', 'corrupt'] satisfies Side[]) {
        const { data } = await patchable.run(inputOf(batch, side));
        batch.prompts.forEach(({ answers, wrongAnswers }, row) => {
          const logits = Array.from(data.subarray(row * patchable.outputSize, (row + 1) * patchable.outputSize));
          differences[side] += logits[answers[0]!]! - logits[wrongAnswers[0]!]!;
          if (side === 'corrupt') return;
          count++;
          if (Math.max(...logits) === logits[answers[0]!]) right++;
        });
      }
    }
    await patchable.dispose();
    expect(count).toBe(80);
    expect(right / count).toBeGreaterThan(0.95);
    expect(differences.clean / count).toBeGreaterThan(4);
    // A corrupt prompt favours one of the two by 1.5 or so: the mean of 80 has a standard error of a fifth.
    expect(Math.abs(differences.corrupt / count)).toBeLessThan(1);
  });
});
