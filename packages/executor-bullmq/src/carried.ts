/** @file Plans and results in Redis, for machines that share no folder: lists of bounded pieces, which appear whole or not at all. */
import { randomBytes } from 'node:crypto';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import type { Redis } from 'ioredis';

/** Redis holds a piece as one string. */
const PIECE_BYTES = 2 ** 19;
/** What nobody fetches is forgotten: plans and results after a week, what a dead worker was sending after an hour. */
const KEPT_SECONDS = 7 * 86_400;
const COMING_SECONDS = 3600;

/** What is carried through one queue. */
export class Carried {
  readonly #redis: Redis;
  readonly #base: string;

  /** @param base what its keys begin with */
  constructor(redis: Redis, base: string) {
    this.#redis = redis;
    this.#base = base;
  }

  #plan(plan: string): string {
    return `${this.#base}:plan:${plan}`;
  }
  #result(plan: string, shard: number): string {
    return `${this.#base}:result:${plan}:${shard}`;
  }
  #shards(plan: string): string {
    return `${this.#base}:results:${plan}`;
  }

  /** Keeps a plan under its checksum. */
  async putPlan(plan: string, bytes: Uint8Array): Promise<void> {
    await this.#put(this.#plan(plan), [bytes], Number.POSITIVE_INFINITY);
  }

  /** A plan, or null where there is none (any more). @param mostBytes reading stops there */
  async plan(plan: string, mostBytes: number): Promise<Uint8Array | null> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of this.#pieces(this.#plan(plan))) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > mostBytes) break;
    }
    return pieces.length === 0 ? null : Buffer.concat(pieces);
  }

  /** Keeps what came of a shard. @throws AutoCircuitError `refused-result` where it is larger than `mostBytes`; then nothing is kept */
  async putResult(plan: string, shard: number, pieces: AsyncIterable<Uint8Array>, mostBytes: number): Promise<void> {
    await this.#put(this.#result(plan, shard), pieces, mostBytes, shard);
    const shards = this.#shards(plan);
    await this.#redis.multi().sadd(shards, `${shard}`).expire(shards, KEPT_SECONDS).exec();
  }

  /** Numbers of the shards of which something came. */
  async results(plan: string): Promise<ReadonlySet<number>> {
    return new Set((await this.#redis.smembers(this.#shards(plan))).map(Number));
  }

  /** What came of a shard. */
  result(plan: string, shard: number): AsyncIterable<Uint8Array> {
    return this.#pieces(this.#result(plan, shard));
  }

  /** Forgets what came of a shard: it was fetched. */
  async drop(plan: string, shard: number): Promise<void> {
    await this.#redis.multi().del(this.#result(plan, shard)).srem(this.#shards(plan), `${shard}`).exec();
  }

  async *#pieces(key: string): AsyncGenerator<Uint8Array> {
    for (let i = 0; ; i++) {
      const piece = await this.#redis.lindexBuffer(key, i);
      if (piece === null) return;
      yield piece;
    }
  }

  /** The list appears under its key when it is whole; another one of the same key is replaced. */
  async #put(
    key: string,
    given: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    mostBytes: number,
    shard?: number,
  ): Promise<void> {
    const coming = `${this.#base}:coming:${randomBytes(12).toString('hex')}`;
    let bytes = 0;
    for await (const chunk of given) {
      bytes += chunk.length;
      if (bytes > mostBytes) {
        await this.#redis.del(coming);
        throw tooLarge(shard, mostBytes);
      }
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        const pushed = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
        await this.#redis.multi().rpush(coming, pushed).expire(coming, COMING_SECONDS).exec();
      }
    }
    await this.#redis.multi().rename(coming, key).expire(key, KEPT_SECONDS).exec();
  }
}

const tooLarge = (shard: number | undefined, mostBytes: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'refused-result',
    fields: { shard },
    where: 'bullmq',
    what: `what came of shard ${shard} has more than ${Math.round(mostBytes / 2 ** 20)} MiB, which is what may go through Redis`,
    fix: 'make more shards of the work, allow more, or use a folder that all machines see',
  });
