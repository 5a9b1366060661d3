/** @file A process that is started once and runs many command lines with the built program, each as if alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CliRun } from './run-main.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** What a line is run in. */
export interface LineSettings {
  /** Set for this line and later ones; null takes a variable away. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** A file to remove first. */
  readonly remove?: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly answers: Interface;
  readonly died: Promise<never>;
}

/** Runs lines one after the other. Locks that it leaves are those of a process that lives, until `end`. */
export class LineRunner {
  readonly #cwd: string;
  readonly #env: Readonly<Record<string, string>>;
  #process: Started | null = null;

  /** @param env of the process, for what is read when it starts (`LD_PRELOAD`) */
  constructor(cwd: string, env: Readonly<Record<string, string>> = {}) {
    this.#cwd = cwd;
    this.#env = env;
  }

  /** The process, where one is running. */
  get pid(): number | undefined {
    return this.#process?.child.pid;
  }

  /** @throws Error where the process ends without an answer */
  async run(args: readonly string[], { env = {}, remove }: LineSettings = {}): Promise<CliRun> {
    this.#process ??= this.#start();
    const { child, answers, died } = this.#process;
    const answer = once(answers, 'line') as Promise<[string]>;
    child.stdin!.write(`${JSON.stringify({ args, cwd: this.#cwd, env, remove })}\n`);
    const [text] = await Promise.race([answer, died]);
    return JSON.parse(text) as CliRun;
  }

  #start(): Started {
    const child = spawn(process.execPath, [path('test-data/run-lines.mjs')], {
      cwd: this.#cwd,
      env: { ...process.env, ...this.#env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const died = once(child, 'exit').then(([code, signal]): never => {
      throw new Error(`the process of lines ended with ${code ?? signal}`);
    });
    died.catch(() => undefined); // where nobody waits for an answer
    return { child, died, answers: createInterface({ input: child.stdout! }) };
  }

  /** Ends the process; the next line starts another. */
  async end(): Promise<void> {
    const started = this.#process;
    this.#process = null;
    started?.child.kill('SIGKILL');
    await started?.died.catch(() => undefined);
  }
}
