/** @file Which commit a revision is, and which files it has: what the hub answers, checked before it is believed. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { checkJson, parseJson } from '@auto-circuit/core/run';
import { HubApiError, modelInfo } from '@huggingface/hub';
import { z } from 'zod';
import { type HubConnection, limitedText, refusal, request, WHERE } from './connection.js';

/** A list of the files of the largest repositories has some hundreds of kilobytes. */
const MOST_BYTES = 2 ** 24;

const answerSchema = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{7,64}$/i),
  siblings: z.array(z.looseObject({ rfilename: z.string() })),
});

/**
 * The commit and the file names of a revision. The library asks; our own `fetch` adds the token, which the library refuses to
 * give to mirrors, and the limits.
 * @throws AutoCircuitError for a refusal, and for an answer that is no list of files
 */
export async function repositoryInfo(
  hub: HubConnection,
  revision: string,
): Promise<{ readonly commit: string; readonly files: readonly string[] }> {
  try {
    const info = await modelInfo({
      name: hub.repo,
      revision,
      hubUrl: hub.endpoint,
      additionalFields: ['sha', 'filePaths'],
      fetch: async (url, init) => checkedAnswer(hub, await request(hub, String(url), init)),
    });
    return { commit: info.sha, files: info.filePaths };
  } catch (cause) {
    if (!(cause instanceof HubApiError)) throw cause;
    const at = revision === 'main' ? '' : ` at revision ${revision}`;
    throw refusal(hub, cause.statusCode, cause.url || hub.endpoint, hub.repo + at) ?? cause;
  }
}

/** The answer with its body read; of a refusal only the status counts. */
async function checkedAnswer(hub: HubConnection, answer: Response): Promise<Response> {
  const { status } = answer;
  if (status >= 400) {
    await answer.body?.cancel().catch(() => undefined);
    return new Response(null, { status });
  }
  const text = await limitedText(hub, answer, MOST_BYTES, 'the list of files');
  try {
    const origin = { where: WHERE, path: 'the answer' };
    checkJson(answerSchema, parseJson(text, origin), origin);
  } catch (cause) {
    if (!(cause instanceof AutoCircuitError)) throw cause;
    const page = /^\s*<(!doctype|html|\?xml)/i.test(text);
    throw new AutoCircuitError({
      code: 'hub-refused',
      fields: { url: answer.url, status, model: hub.repo },
      where: WHERE,
      what: `${new URL(hub.endpoint).origin} does not answer as the hub does`,
      expected: 'a list of the files as JSON',
      got: page ? 'a web page' : cause.parts.what,
      fix: page
        ? 'check HF_ENDPOINT, and whether this network asks to log in first'
        : 'check HF_ENDPOINT, or name a folder on disk',
      cause,
    });
  }
  return new Response(text, { status: 200, headers: { 'content-type': 'application/json' } });
}
