/** @file The grid of an experiment, and which of its cells a pattern names. */
import { describe, expect, it } from 'vitest';
import { experimentCells, matchingCells } from './cells.js';
import { type Experiment, experimentFileSchema, experimentJsonSchema } from './experiment-file.js';

const cellsOf = (experiment: Experiment) => {
  expect(experimentFileSchema.safeParse(experiment).error).toBeUndefined();
  return experimentCells({ path: '/study/file.json', name: 'file', experiment });
};

describe('experimentCells', () => {
  it('is the grid: tasks, then algorithms, then seeds; a task’s settings over the file’s', () => {
    const cells = cellsOf({
      tasks: ['a', { name: 'b', data: 'own/b.json', model: 'org/name', limit: 5, edges: [3, 0.5] }],
      algos: ['eap', { name: 'x', algo: 'exact', options: { steps: 3, fast: true } }],
      metrics: ['kl', 'logit-diff'],
      seeds: [4, 4, 2],
      settings: { limit: 9, keep: 7, test: 'same', reverse: true },
    });
    expect(cells.map(({ name }) => name)).toEqual([
      'a/eap/seed-4',
      'a/eap/seed-2',
      'a/x/seed-4',
      'a/x/seed-2',
      'b/eap/seed-4',
      'b/eap/seed-2',
      'b/x/seed-4',
      'b/x/seed-2',
    ]);
    expect(cells[0]!.flags).toEqual({
      ...{ limit: 9, keep: '7', test: 'same', reverse: true },
      ...{ task: 'a', algo: 'eap', seed: 4, metric: 'kl,logit-diff' },
    });
    expect(cells.at(-1)!.flags).toMatchObject({
      limit: 5,
      edges: '3,0.5',
      data: '/study/own/b.json',
      model: 'org/name',
    });
    expect(cells.at(-1)!.algoFlags).toEqual([
      { prefix: 'algo', name: 'steps', value: '3' },
      { prefix: 'algo', name: 'fast', value: 'true' },
    ]);
    // What is opened is the same for all cells of a task, and for them alone.
    expect(new Set(cells.map(({ openKey }) => openKey)).size).toBe(2);
  });

  it('names data by its file, and by the model that is not its own', () => {
    const cells = cellsOf({
      tasks: [{ data: 'x/ioi.json', model: 'org/big model' }, { data: 'q.json' }],
      algos: ['eap'],
    });
    expect(cells.map(({ name }) => name)).toEqual(['ioi@big-model/eap/seed-0', 'q/eap/seed-0']);
  });
});

describe('matchingCells', () => {
  const cells = cellsOf({ tasks: ['ioi', 'ioi-zero'], algos: ['eap', 'eap-ig-inputs'], seeds: [0, 1] });
  it.each([
    ['ioi', 4],
    ['ioi*', 8],
    ['eap', 4],
    ['eap*,seed-1', 8],
    ['ioi/eap/seed-?', 2],
    ['*/eap-ig*/seed-0', 2],
    ['ioi.zero,ioi/eap/seed-0', 1],
  ])('%s', (pattern, count) => {
    expect(matchingCells(cells, pattern)).toHaveLength(count);
  });
  it('says what there is where none matches', () => {
    expect(() => matchingCells(cells, 'eep')).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        fields: expect.objectContaining({ name: 'eep', known: expect.arrayContaining(['ioi/eap/seed-0']) }),
      }),
    );
  });
});

describe('the published schema', () => {
  it('has every setting with its doc, and refuses other keys', () => {
    const schema = experimentJsonSchema() as {
      readonly properties: { readonly settings: { readonly properties: Record<string, object> } };
      readonly additionalProperties: boolean;
    };
    expect(schema.additionalProperties).toBe(false);
    const { settings } = schema.properties;
    expect(settings).toMatchObject({ additionalProperties: false });
    expect(settings.properties).toMatchObject({
      ablation: { type: 'string', description: expect.any(String) }, // a plugin's, too
      rankBy: { enum: ['absolute', 'signed'] },
      limit: { type: 'integer', minimum: 1 },
    });
    for (const axis of ['seed', 'metric', 'algo', 'out']) expect(Object.keys(settings.properties)).not.toContain(axis);
  });
});
