/** @file Mutations of what `torch.save` wrote: a reading or a sentence, never long and never large. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mutationRounds, readMutations } from '@auto-circuit/core/testing';
import { expect, it } from 'vitest';
import { eapIgValue } from './eap-ig-file.js';
import { readTorchFile } from './torch-file.js';

const rounds = mutationRounds(5000);
const GRAPHS = fileURLToPath(new URL('../../test-data/graphs/', import.meta.url));

it(`${rounds} mutations of graphs that were saved with PyTorch`, { timeout: 600_000 }, async () => {
  const files = ['plain', 'neurons', 'brain-parallel'].map((name) => readFileSync(`${GRAPHS}${name}.pt`));
  const report = await readMutations({ rounds, seed: 40 }, async (random, round) => {
    let bytes = Buffer.from(files[round % files.length]!);
    const pickle = bytes.indexOf('data.pkl') + 'data.pkl'.length;
    for (let edits = 1 + random.below(3); edits > 0; edits--) {
      // In the pickle, where a byte is an instruction, as often as anywhere.
      const at = random.below(2) === 0 ? pickle + random.below(1200) : random.below(bytes.length);
      const kind = random.below(5);
      if (kind === 0) bytes = bytes.subarray(0, at);
      else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)]);
      else if (kind === 2) bytes.subarray(at, at + 1 + random.below(8)).fill(random.below(256));
      else if (at < bytes.length) bytes[at] = kind === 3 ? bytes[at]! ^ (1 << random.below(8)) : random.below(256);
    }
    eapIgValue(await readTorchFile(bytes, 'x.pt', 'test'), 'x.pt', 'test');
    return undefined;
  });
  console.log('torch.save', report);
  expect(report.refused).toBeGreaterThan(rounds / 3);
});
