/** @file What a message of the queue may be, and addresses of Redis as they are read and shown. */
import { describe, expect, it } from 'vitest';
import { connected, shownUrl } from './connection.js';
import { jobOf } from './message.js';

const JOB = { folder: '/shared/plan', plan: 'abc', shard: 0 };

describe('messages', () => {
  it('are shards of plans', () => {
    expect(jobOf(JOB)).toEqual(JOB);
  });
  it.each([
    [null],
    ['text'],
    [[JOB]],
    [{}],
    [{ ...JOB, shard: -1 }],
    [{ ...JOB, shard: 0.5 }],
    [{ ...JOB, shard: '0' }],
    [{ ...JOB, folder: '' }],
    [{ ...JOB, folder: ['/shared'] }],
    [{ ...JOB, folder: 'x'.repeat(5000) }],
    [{ ...JOB, plan: 7 }],
    [{ ...JOB, plugins: ['./evil.mjs'] }],
  ])('and nothing else: %j', (data) => {
    expect(() => jobOf(data)).toThrow(expect.objectContaining({ code: 'refused-job' }));
  });
});

describe('addresses', () => {
  it('are shown without user and password', () => {
    expect(shownUrl('rediss://me:secret@host:6380/2')).toBe('rediss://host:6380/2');
  });
  it('that are none, or where nobody answers, are errors that keep the password', async () => {
    await expect(connected('http://host', { retry: false })).rejects.toMatchObject({ code: 'invalid-option' });
    const nobody = connected('redis://me:secret@127.0.0.1:1', { retry: true });
    await expect(nobody).rejects.toMatchObject({
      code: 'worker-failed',
      message: expect.not.stringContaining('secret'),
    });
  });
});
