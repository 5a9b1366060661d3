/** @file Test helper: a hub on loopback whose every answer a test can replace, and another origin beside it. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a request. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The parts of the hub that are asked for: the list of files, and a file's description and content. */
export interface Answers {
  list: Handler;
  head: Handler;
  get: Handler;
}

/** A hub that answers. */
export interface MadeHub extends Answers {
  readonly endpoint: string;
  /** Another origin; it answers everything with `elsewhere`. */
  readonly other: string;
  elsewhere: Handler;
  /** `api HEAD /org/model/… TOKEN` for each request. */
  readonly log: string[];
  files: Record<string, Buffer>;
  readonly whole: Readonly<Answers>;
  close(): Promise<void>;
}

export const COMMIT = 'c0ffee'.padEnd(40, '0');
export const gitHash = (content: Buffer): string =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

/** A hub with one repository, org/model, that answers as the real one does until a test says otherwise. */
export async function makeHub(files: Record<string, Buffer>): Promise<MadeHub> {
  const log: string[] = [];
  const contentOf = (request: IncomingMessage): Buffer | undefined =>
    hub.files[new URL(request.url!, 'http://x').pathname.split('/').at(-1)!];
  const describe: Handler = (request, response) => {
    const content = contentOf(request);
    if (!content) return void response.writeHead(404).end();
    response.writeHead(200, { etag: `"${gitHash(content)}"`, 'content-length': content.length });
    response.end(request.method === 'HEAD' ? '' : content);
  };
  const whole: Answers = {
    list: (_, response) => {
      const siblings = Object.keys(hub.files).map((rfilename) => ({ rfilename }));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ _id: '1', id: 'org/model', sha: COMMIT, siblings }));
    },
    head: describe,
    get: describe,
  };
  const logged = (name: string, request: IncomingMessage): void => {
    log.push(`${name} ${request.method} ${request.url}${request.headers.authorization ? ' TOKEN' : ''}`);
  };
  const api = await listen((request, response) => {
    logged('api', request);
    const kind = request.url!.startsWith('/api/') ? 'list' : request.method === 'HEAD' ? 'head' : 'get';
    hub[kind](request, response);
  });
  const elsewhere = await listen((request, response) => {
    logged('other', request);
    hub.elsewhere(request, response);
  });
  const hub: MadeHub = {
    ...whole,
    whole,
    elsewhere: (_, response) => void response.writeHead(404).end(),
    endpoint: origin(api),
    other: origin(elsewhere),
    log,
    files,
    close: async () => {
      for (const server of [api, elsewhere]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return hub;
}

async function listen(handler: Handler): Promise<Server> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
const origin = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
