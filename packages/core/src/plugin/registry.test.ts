import { describe, expect, it } from 'vitest';
import { defineMetric, definePlugin, defineTask, type Plugin } from './contributions.js';
import { Registry } from './registry.js';

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
    expect(() => registry.get('prune-algo', 'x')).toThrow('unknown pruning algorithm "x"; known: none');
  });

  it('a name twice names both plugins, and nothing of the second is added', () => {
    const registry = new Registry().use(definePlugin({ name: 'one', contributes: [metric('kl')] }));
    const second = definePlugin({ name: 'two', contributes: [metric('auc'), metric('kl')] });
    expect(() => registry.use(second, './two.mjs')).toThrow(
      '[registry] the metric "kl" is contributed by both "one" and "two" (./two.mjs); leave one of them out, or rename one',
    );
    expect(registry.names('metric')).toEqual(['kl']);
    const twice = definePlugin({ name: 'three', contributes: [metric('a'), metric('a')] });
    expect(() => registry.use(twice)).toThrow('contributed twice by "three"');
  });

  it('the same plugin object twice is once', () => {
    const plugin = definePlugin({ name: 'one', contributes: [metric('kl')] });
    expect(new Registry().use(plugin).use(plugin, 'again').names('metric')).toEqual(['kl']);
  });

  it.each([
    [
      'another API version',
      { apiVersion: 9 },
      'another version of the plugin API: expected 1 (this auto-circuit), got 9 (the plugin)',
    ],
    ['no list', { contributes: undefined }, '[plugin bad] the default export is not a plugin'],
    [
      'a kind we do not know',
      { contributes: [{ kind: 'metrics' }] },
      'contributes[0].kind is not usable: expected one of',
    ],
    ['a name with a comma', { contributes: [{ ...metric('a'), name: 'a,b' }] }, 'contributes[0].name is not usable'],
    ['no doc', { contributes: [{ ...metric('a'), doc: ' ' }] }, 'metric "a": doc is not usable: expected a text'],
    [
      'no measure',
      { contributes: [{ ...metric('a'), measure: 1 }] },
      'metric "a": measure is not usable: expected a function',
    ],
    [
      'a default outside its range',
      { contributes: [{ ...metric('a'), options: { n: { type: 'int', default: 0, min: 1, doc: 'n' } } }] },
      'metric "a": option "n": default does not fit: expected a whole number from 1, got 0',
    ],
    [
      'a number written as text',
      { contributes: [{ ...metric('a'), options: { n: { type: 'int', default: '1', doc: 'n' } } }] },
      'default is not usable: expected a value of type int, got "1"',
    ],
    [
      'an option of an unknown type',
      { contributes: [{ ...metric('a'), options: { n: { type: 'float', default: 1, doc: 'n' } } }] },
      'option "n": type is not usable: expected one of int, number, string, boolean, enum, got "float"',
    ],
  ])('refuses a plugin with %s', (_, parts, sentence) => {
    const plugin = { ...definePlugin({ name: 'bad', contributes: [] }), ...parts } as unknown as Plugin;
    expect(() => new Registry().use(plugin)).toThrow(sentence);
  });
});
