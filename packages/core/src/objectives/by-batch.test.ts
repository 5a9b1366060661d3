import { describe, expect, it } from 'vitest';
import type { PromptBatch } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { objectiveByBatch } from './by-batch.js';

const prompt = (index: number) => ({ index, clean: [1, 2], corrupt: [1, 3], answers: [0], wrongAnswers: [1] });
const one: PromptBatch = { prompts: [prompt(0)], length: 2 };
const batch: PromptBatch = { prompts: [prompt(1), prompt(2)], length: 2 };

describe('objectiveByBatch', () => {
  it('gives each batch its rows', () => {
    const targets = floatTensor(
      Float32Array.from({ length: 9 }, (_, i) => i),
      [3, 3],
    );
    const cut = objectiveByBatch({ kind: 'mse', tokenFunction: 'logit', targets }, [one, batch]);
    expect(cut.map((o) => (o.kind === 'mse' ? [o.targets?.shape, [...o.targets!.data]] : null))).toEqual([
      [[1, 3], [0, 1, 2]],
      [[2, 3], [3, 4, 5, 6, 7, 8]],
    ]); // biome-ignore format: shape and rows
  });

  it('gives reference logits of several positions their rows too', () => {
    const referenceLogits = floatTensor(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [3, 2, 2],
    );
    const cut = objectiveByBatch({ kind: 'kl', referenceLogits }, [batch, one]);
    expect(cut.map((o) => (o.kind === 'kl' ? o.referenceLogits?.shape : null))).toEqual([
      [2, 2, 2],
      [1, 2, 2],
    ]);
    expect(cut[1]!.kind === 'kl' && [...cut[1]!.referenceLogits!.data]).toEqual([8, 9, 10, 11]);
  });

  it('refuses tensors that do not have one row for each prompt', () => {
    const targets = floatTensor(new Float32Array(9), [3, 3]);
    expect(errorOf(() => objectiveByBatch({ kind: 'kl', referenceLogits: targets }, [batch]))).toMatchObject({
      code: 'wrong-shape',
      fields: { shape: [3, 3], expectedShape: [2, 3] },
    });
  });

  it('leaves objectives without tensors alone', () => {
    const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
    expect(objectiveByBatch(objective, [one, batch])).toEqual([objective, objective]);
    expect(objectiveByBatch({ kind: 'kl' }, [one])).toEqual([{ kind: 'kl' }]);
  });
});
