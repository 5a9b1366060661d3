/** @file Which weights of which store a worker has, so that each is sent once. */
import type { Program, WeightEntry, WeightStore } from '@auto-circuit/core/backend';
import type { SentWeights } from './messages.js';

interface StoreRecord {
  readonly number: number;
  readonly sent: Set<string>;
}

/** One for each worker. */
export class WeightSender {
  readonly #records = new WeakMap<WeightStore, StoreRecord>();
  readonly #collected: FinalizationRegistry<number>;
  #next = 0;

  /** @param forget is given the number of a store that was garbage-collected here */
  constructor(forget: (store: number) => void) {
    this.#collected = new FinalizationRegistry(forget);
  }

  /** The weights of a program that the worker lacks. @throws AutoCircuitError for a weight that the store does not have */
  missing(program: Program, weights: WeightStore): SentWeights {
    const wanted = new Set(program.values.flatMap((value) => (value.op === 'weight' ? [value.attributes.name] : [])));
    const entries = [...wanted].map((name) => [name, weights.entry(name)] as const);
    const { number, sent } = this.#record(weights);
    const missing = entries.filter(([name]) => !sent.has(name));
    for (const [name] of missing) sent.add(name);
    return {
      store: number,
      key: weights.key,
      names: weights.names,
      entries: missing.map(([name, entry]) => [name, withoutSpareBuffer(entry)] as const),
    };
  }

  #record(weights: WeightStore): StoreRecord {
    const known = this.#records.get(weights);
    if (known) return known;
    const record = { number: this.#next++, sent: new Set<string>() };
    this.#records.set(weights, record);
    this.#collected.register(weights, record.number);
    return record;
  }
}

/** A view would be sent with its whole buffer. */
const withoutSpareBuffer = (entry: WeightEntry): WeightEntry =>
  'data' in entry && entry.data.byteLength !== entry.data.buffer.byteLength
    ? { shape: entry.shape, data: entry.data.slice() }
    : entry;
