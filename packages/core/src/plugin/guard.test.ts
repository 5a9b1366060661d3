/** @file What comes out of a plugin's functions: their results as they are, their failures with the plugin's name. */
import { describe, expect, it } from 'vitest';
import { AutoCircuitError } from '../errors/error.js';
import { errorOf } from '../testing/errors.js';
import { definePlugin, type Plugin } from './contributions.js';
import { defineMetric } from './metric.js';
import { definePruneAlgo } from './prune-algo.js';
import { Registry } from './registry.js';
import { defineTask } from './task.js';

const fromFile = (plugin: Plugin): Registry => new Registry().use(plugin, './mine.mjs', 'hash of its code');
const bug = new TypeError("Cannot read properties of undefined (reading 'edges')");
const base = { doc: 'a doc', options: {} };

const metricThat = (measure: () => never) =>
  defineMetric({ ...base, name: 'odd', higherIsBetter: true, needsWrongAnswers: false, unit: 'nats', measure });

describe('a plugin from outside', () => {
  it('that fails in its own code is named, with the function and what it said; the cause has the stack', async () => {
    const score = async () => {
      throw bug;
    };
    const algo = fromFile(
      definePlugin({ name: 'mine', contributes: [definePruneAlgo({ ...base, name: 'x', score })] }),
    );
    const error: AutoCircuitError = await algo
      .get('prune-algo', 'x')
      .score({} as never, {})
      .then(
        () => expect.unreachable(),
        (thrown) => thrown,
      );
    expect(error).toMatchObject({
      code: 'plugin-failed',
      kind: 'user',
      where: 'plugin ./mine.mjs',
      fields: { plugin: './mine.mjs', contribution: 'prune-algo "x"', member: 'score' },
      cause: bug,
    });
    expect(error.message).toContain(bug.message);
    const measure = () => {
      throw 'a text';
    };
    const metric = fromFile(definePlugin({ name: 'mine', contributes: [metricThat(measure)] })).get('metric', 'odd');
    expect(errorOf(() => metric.measure({} as never, {}))).toMatchObject({
      code: 'plugin-failed',
      fields: { member: 'measure' },
    });
  });

  it('may refuse, and may be stopped: such errors are not its failures', () => {
    const refusal = new AutoCircuitError({ code: 'mine/odd', where: 'mine', what: 'this is odd' });
    for (const thrown of [refusal, new DOMException('stopped', 'AbortError')]) {
      const measure = () => {
        throw thrown;
      };
      const metric = fromFile(definePlugin({ name: 'mine', contributes: [metricThat(measure)] })).get('metric', 'odd');
      expect(() => metric.measure({} as never, {})).toThrow(thrown);
    }
  });

  it('is guarded in what its functions make, and in objects that hold functions', async () => {
    const failing = () => {
      throw bug;
    };
    const model = Object.freeze({ name: 'm', weights: { key: 'k' }, trace: failing });
    const contributes = [
      { kind: 'architecture', name: 'arch', doc: 'a doc', modelTypes: ['m'], load: async () => model },
      { ...defineTask({ name: 't', doc: 'a doc', model: 'm', data: { count: 1, seed: 0, generate: failing } }) },
    ] as never;
    const registry = fromFile(definePlugin({ name: 'mine', contributes }));
    const loaded = await registry.get('architecture', 'arch').load({} as never);
    expect({ ...loaded }).toMatchObject({ name: 'm', weights: { key: 'k' } });
    expect(errorOf(() => loaded.trace({} as never))).toMatchObject({ fields: { member: 'load → trace' } });
    const { data } = registry.get('task', 't');
    expect(data).toMatchObject({ count: 1, seed: 0 });
    expect(errorOf(() => (data as { generate: (x: never) => unknown }).generate({} as never))).toMatchObject({
      code: 'plugin-failed',
      fields: { member: 'data.generate' },
    });
  });

  it('whose contribution is an object of a class works, private fields and all', () => {
    class Counting {
      readonly kind = 'metric';
      readonly name = 'counting';
      readonly doc = 'counts its calls';
      readonly options = {};
      readonly higherIsBetter = true;
      readonly needsWrongAnswers = false;
      readonly unit = 'calls';
      #calls = 0;
      measure() {
        return { value: ++this.#calls };
      }
    }
    const registry = fromFile(definePlugin({ name: 'mine', contributes: [new Counting()] }));
    const metric = registry.get('metric', 'counting');
    expect([metric.measure({} as never, {}).value, metric.measure({} as never, {}).value]).toEqual([1, 2]);
    expect(metric).toBeInstanceOf(Counting);
    expect(Object.keys(metric)).toContain('unit');
  });

  it('is taken as it is where a program hands it over: its author reads the stack', () => {
    const metric = metricThat(() => {
      throw bug;
    });
    expect(new Registry().use(definePlugin({ name: 'mine', contributes: [metric] })).get('metric', 'odd')).toBe(metric);
  });
});
