/**
 * @file Loads onnxruntime when a backend is first asked for, and says which devices it has. onnxruntime-node comes first, where
 * the user installed it in our version (it brings CUDA); else the package of this platform, which holds the same files.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AutoCircuitError } from '@auto-circuit/core/backend';
import type { InferenceSession, Tensor } from 'onnxruntime-common';
import { HOW_TO_GET, type OnnxDevice } from './devices.js';

/** The version whose numbers are tested. */
export const RUNTIME_VERSION = '1.30.0';
/** The package that users may install for CUDA. */
const USERS_OWN = 'onnxruntime-node';

/** What onnxruntime-node exports, of which only `onnxruntime-common` is always installed. */
export interface Ort {
  readonly env: typeof import('onnxruntime-common').env;
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
}

/** The package that holds the runtime for this platform; null where onnxruntime has none for Node.js. */
export function platformPackage(platform: string = process.platform, arch: string = process.arch): string | null {
  if (platform === 'win32') return '@auto-circuit/onnxruntime-win32';
  const known = ['linux-x64', 'linux-arm64', 'darwin-arm64'];
  return known.includes(`${platform}-${arch}`) ? `@auto-circuit/onnxruntime-${platform}-${arch}` : null;
}

/** Where a runtime is: the package's name, and what to import. */
interface Found {
  readonly name: string;
  readonly specifier: string;
}

/**
 * Which package the runtime is loaded from, and the version of an onnxruntime-node that is installed and left alone. It is looked
 * for from the user's folder and from here. It is no peer dependency: pnpm would install it, script and all, wherever another
 * platform's package names it.
 */
export function findRuntime(folder: string = process.cwd()): {
  readonly found: Found | null;
  readonly ignored: string | null;
} {
  const versions: string[] = [];
  for (const place of [join(folder, 'package.json'), import.meta.url]) {
    const require = createRequire(place);
    const version = installedVersion(require);
    if (version === RUNTIME_VERSION) {
      const specifier = pathToFileURL(require.resolve(USERS_OWN)).href;
      return { found: { name: USERS_OWN, specifier }, ignored: null };
    }
    if (version !== null) versions.push(version);
  }
  const name = platformPackage();
  return { found: name === null ? null : { name, specifier: name }, ignored: versions[0] ?? null };
}

/** Loads the runtime. @throws AutoCircuitError `runtime-missing` when none is there or what is there does not load */
export async function loadRuntime(): Promise<Ort> {
  const { found, ignored } = findRuntime();
  if (found === null) {
    throw missingRuntime(
      `${process.platform} on ${process.arch}, for which onnxruntime has no binaries for Node.js`,
      'use another backend',
      USERS_OWN,
    );
  }
  try {
    const loaded = (await import(found.specifier)) as Ort & { readonly default?: Ort };
    const ort = loaded.default ?? loaded;
    // What fails is thrown; the runtime need not write it to stderr as well.
    ort.env.logLevel = 'fatal';
    return ort;
  } catch (cause) {
    const other = ignored === null ? '' : `, and onnxruntime-node ${ignored}, which is not the version that is needed`;
    throw missingRuntime(`"${firstLine(cause)}"${other}`, adviceFor(cause), found.name, cause);
  }
}

/** What to do about a runtime that is not there, or is there and does not load. */
function adviceFor(cause: unknown): string {
  const install = `run: npm install onnxruntime-node@${RUNTIME_VERSION}`;
  if (['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes((cause as NodeJS.ErrnoException).code ?? ''))
    return `install again without leaving out optional packages, or ${install}; or use another backend`;
  return 'it needs glibc (musl systems such as Alpine have none) and a current C++ library; use another backend here';
}

function missingRuntime(got: string, fix: string, name: string, cause?: unknown): AutoCircuitError {
  return new AutoCircuitError({
    code: 'runtime-missing',
    where: 'backend-onnx',
    what: `onnxruntime ${RUNTIME_VERSION} cannot be loaded`,
    got,
    fix,
    fields: { package: name },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The version of onnxruntime-node that can be loaded from somewhere; null when there is none. */
function installedVersion(require: NodeJS.Require): string | null {
  try {
    return (require(`${USERS_OWN}/package.json`) as { readonly version: string }).version;
  } catch {
    return null;
  }
}

/** The names of the devices that this build of the runtime has. */
export const availableDevices = (ort: Ort): string[] => ort.listSupportedBackends().map((b) => b.name);

/** The error for a device that this machine or this build of the runtime does not have. */
export function missingDevice(ort: Ort, device: OnnxDevice, cause?: unknown): AutoCircuitError {
  const brought = ort.listSupportedBackends().filter((b) => b.bundled && b.name !== device);
  return new AutoCircuitError({
    code: 'device-unavailable',
    where: 'backend-onnx',
    what: `device ${device} is not available here`,
    ...(cause === undefined ? {} : { got: `"${firstLine(cause)}"` }),
    fix: `${HOW_TO_GET[device]}; onnxruntime brings these here: ${brought.map((b) => b.name).join(', ')}`,
    fields: { device },
    cause,
  });
}

/** The first line of what onnxruntime complains of, without the place in its own sources. */
export function firstLine(error: unknown): string {
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n') as [string];
  const condition = ' was false. ';
  const at = line.indexOf(condition);
  return at < 0 ? line : line.slice(at + condition.length);
}
