import { describe, expect, it } from 'vitest';
import { AutoCircuitError } from '../errors/error.js';
import { errnoOf, fileError } from './file-error.js';

const systemError = (code: string) => Object.assign(new Error(`${code}: of the system`), { code });

describe('fileError', () => {
  it.each([
    ['write', 'ENOSPC', 'disk-full'],
    ['write', 'EDQUOT', 'disk-full'],
    ['write', 'EACCES', 'file-unwritable'],
    ['read', 'EACCES', 'file-unreadable'],
    ['read', 'ENOENT', 'file-not-found'],
    ['use', 'EEXIST', 'file-exists'],
    ['lock', 'EROFS', 'file-unwritable'],
    ['read', 'EWEIRD', 'file-unreadable'],
  ])('cannot %s for %s: %s, with a sentence that says what to do', (action, errno, code) => {
    const cause = systemError(errno);
    const error = fileError('store', action, '/x/y', cause);
    expect(error).toMatchObject({ code, fields: { path: '/x/y', errno }, cause });
    expect(String(error)).toMatch(new RegExp(`\\[store\\] cannot ${action} /x/y: .+; .+`));
  });

  it('keeps errors that are sentences already, and passes on what is no error of the system', () => {
    const ours = new AutoCircuitError({ code: 'internal', where: 'a', what: 'b' });
    const bug = new TypeError('bug');
    expect(fileError('store', 'write', 'x', ours)).toBe(ours);
    expect(fileError('store', 'write', 'x', bug)).toBe(bug);
    expect(fileError('store', 'write', 'x', 'text')).toBe('text');
  });
});

it('errnoOf knows errors of the system from others', () => {
  expect(errnoOf(systemError('ENOENT'))).toBe('ENOENT');
  expect(errnoOf(Object.assign(new Error('x'), { code: 3 }))).toBeUndefined();
  expect(errnoOf(new Error('x'))).toBeUndefined();
  expect(errnoOf({ code: 'ENOENT' })).toBeUndefined();
});
