import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { definePlugin, type Plugin } from './contributions.js';
import { defineMetric } from './metric.js';
import { Registry } from './registry.js';
import { defineTask } from './task.js';

const metric = (name: string) =>
  defineMetric({
    name,
    doc: `the ${name}`,
    options: { floor: { type: 'number', default: 0, doc: 'smallest value' } },
    higherIsBetter: true,
    needsWrongAnswers: false,
    unit: 'nats',
    measure: ({ outputSize }) => ({ value: outputSize }),
  });
const task = defineTask({ name: 'kl', doc: 'a task', model: 'micro', data: 'x.json' });

describe('Registry', () => {
  it('gets, lists with origins by name, and keeps kinds apart', () => {
    const registry = new Registry()
      .use(definePlugin({ name: 'one', contributes: [metric('kl'), task] }), 'first-party')
      .use(definePlugin({ name: 'two', contributes: [metric('auc')] }));
    expect(registry.get('metric', 'kl').doc).toBe('the kl');
    expect(registry.get('task', 'kl').model).toBe('micro');
    expect(registry.has('backend', 'kl')).toBe(false);
    const listed = registry.list('metric').map(({ item, plugin, origin }) => [item.name, plugin, origin]);
    expect(listed).toEqual([
      ['auc', 'two', 'two'],
      ['kl', 'one', 'first-party'],
    ]);
  });

  it('names the nearest and the known for an unknown name', () => {
    const registry = new Registry().use(
      definePlugin({ name: 'one', contributes: [metric('logit-diff'), metric('kl')] }),
    );
    expect(() => registry.get('metric', 'logit-dif')).toThrow(
      '[registry] unknown metric "logit-dif"; did you mean "logit-diff"? known: kl, logit-diff',
    );
    expect(errorOf(() => registry.get('metric', 'logit-dif'))).toMatchObject({
      code: 'unknown-name',
      fields: { name: 'logit-dif', nearest: ['logit-diff'], known: ['kl', 'logit-diff'] },
    });
    expect(errorOf(() => registry.get('prune-algo', 'x'))).toMatchObject({
      code: 'unknown-name',
      fields: { known: [] },
    });
  });

  it('a name twice names both plugins, and nothing of the second is added', () => {
    const registry = new Registry().use(definePlugin({ name: 'one', contributes: [metric('kl')] }));
    const second = definePlugin({ name: 'two', contributes: [metric('auc'), metric('kl')] });
    expect(() => registry.use(second, './two.mjs')).toThrow(
      '[registry] the metric "kl" is contributed by both "one" and "two" (./two.mjs); leave one of them out, or rename one',
    );
    expect(errorOf(() => registry.use(second))).toMatchObject({
      code: 'duplicate-name',
      fields: { kind: 'metric', name: 'kl', plugins: ['one', 'two'] },
    });
    expect(registry.names('metric')).toEqual(['kl']);
    const twice = definePlugin({ name: 'three', contributes: [metric('a'), metric('a')] });
    expect(() => registry.use(twice)).toThrow('contributed twice by "three"');
  });

  it('the same plugin object twice is once', () => {
    const plugin = definePlugin({ name: 'one', contributes: [metric('kl')] });
    expect(new Registry().use(plugin).use(plugin, 'again').names('metric')).toEqual(['kl']);
  });

  const withOption = (option: object) => ({ contributes: [{ ...metric('a'), options: { n: option } }] });
  it.each([
    ['another API version', { apiVersion: 9 }, { apiVersion: 9 }],
    ['no list', { contributes: undefined }, {}],
    ['a kind we do not know', { contributes: [{ kind: 'metrics' }] }, { key: 'contributes[0].kind' }],
    ['a name with a comma', { contributes: [{ ...metric('a'), name: 'a,b' }] }, { key: 'contributes[0].name' }],
    ['no doc', { contributes: [{ ...metric('a'), doc: ' ' }] }, { key: 'metric "a": doc' }],
    ['no measure', { contributes: [{ ...metric('a'), measure: 1 }] }, { key: 'metric "a": measure' }],
    [
      'a number written as text',
      withOption({ type: 'int', default: '1', doc: 'n' }),
      { key: 'metric "a": option "n": default' },
    ],
    ['an empty formula', { contributes: [{ ...metric('a'), formula: ' ' }] }, { key: 'metric "a": formula' }],
    [
      'a paper without a year',
      { contributes: [{ ...metric('a'), papers: [{ title: 't', authors: 'A', url: 'https://arxiv.org/abs/1' }] }] },
      { key: 'metric "a": papers' },
    ],
    [
      'a paper whose address is none',
      {
        contributes: [
          { ...metric('a'), papers: [{ title: 't', authors: 'A', year: 2020, url: 'javascript:alert(1)' }] },
        ],
      },
      { key: 'metric "a": papers' },
    ],
    [
      'an option of an unknown type',
      withOption({ type: 'float', default: 1, doc: 'n' }),
      { key: 'metric "a": option "n": type' },
    ],
  ])('refuses a plugin with %s', (_, parts, fields) => {
    const plugin = { ...definePlugin({ name: 'bad', contributes: [] }), ...parts } as unknown as Plugin;
    expect(errorOf(() => new Registry().use(plugin))).toMatchObject({
      code: 'invalid-plugin',
      fields: { plugin: 'plugin bad', ...fields },
    });
  });

  it('refuses a default outside the range of its own option', () => {
    const bad = { apiVersion: 1, name: 'bad', ...withOption({ type: 'int', default: 0, min: 1, doc: 'n' }) };
    expect(errorOf(() => new Registry().use(bad as unknown as Plugin))).toMatchObject({
      code: 'invalid-option',
      fields: { option: 'n', got: 0 },
    });
  });

  it('refuses names that mean something else already, and one for two kinds that are named in one place', () => {
    const metric = (kind: 'metric' | 'score-metric') =>
      definePlugin({
        name: `a-${kind}`,
        contributes: [
          { kind, name: 'shape', doc: 'made up for this test', options: {}, higherIsBetter: true, needsWrongAnswers: false, unit: 'x', measure: () => ({ value: 1 }) } as never, // biome-ignore format: one line
        ],
      });
    const reserved = new Registry();
    reserved.reserve('metric', 'shape', 'a number of a whole run');
    expect(() => reserved.use(metric('metric'))).toThrow(
      expect.objectContaining({ code: 'duplicate-name', fields: expect.objectContaining({ name: 'shape', meaning: 'a number of a whole run' }) }), // biome-ignore format: one line
    );
    const both = new Registry().use(metric('metric'));
    expect(() => both.use(metric('score-metric'))).toThrow(expect.objectContaining({ code: 'duplicate-name' }));
    expect(both.has('score-metric', 'shape')).toBe(false);
  });
});
