/** @file The connection to Redis, and its address as it may be shown. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { Redis } from 'ioredis';

const CONNECT_MS = 5000;
/** Between two tries of a connection that was lost, at most. */
const RETRY_MS = 2000;

/**
 * A connection that is there.
 * @param retry whether it comes back by itself when it is lost
 * @throws AutoCircuitError `invalid-option` for no address of Redis, `worker-failed` where nobody answers
 */
export async function connected(url: string, { retry }: { readonly retry: boolean }): Promise<Redis> {
  if (!/^rediss?:\/\/./.test(url) || !URL.canParse(url)) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: 'redis' },
      where: 'bullmq',
      what: 'the address of Redis cannot be read',
      expected: 'redis://HOST:PORT, or rediss:// for TLS; USER:PASSWORD@ before the host',
    });
  }
  let isOpen = false;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: null, // what BullMQ asks for
    retryStrategy: (times) => (retry && isOpen ? Math.min(RETRY_MS, times * 100) : null),
  });
  let last: Error | null = null;
  redis.on('error', (error: Error) => {
    last = error;
  });
  try {
    await redis.connect();
    isOpen = true;
    return redis;
  } catch (cause) {
    redis.disconnect();
    throw new AutoCircuitError({
      code: 'worker-failed',
      where: 'bullmq',
      what: `Redis at ${shownUrl(url)} cannot be used: ${((last ?? cause) as Error).message}`,
      fix: 'start it, or check the address, user and password',
      cause,
    });
  }
}

/** Without user and password. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
