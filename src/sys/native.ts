/**
 * The C library as koffi reaches it. koffi is an optional dependency and is loaded on first use, so that nothing but
 * what needs it ever notices that it is missing.
 */
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';

/** A system call failed, or the module that makes it is missing. `code` is the errno name, or `NO_KOFFI`. */
export class LibcError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LibcError';
    this.code = code;
  }
}

/** A function of the C library. */
type Native = (...args: unknown[]) => number;

/** How functions of the C library are called. */
export interface NativeLibrary {
  /** A function by its C name, with the types of its result and arguments as koffi writes them. */
  func(name: string, result: string, args: readonly string[]): Native;
  /** The address of memory that does not move: a pointer, or a `Buffer` of its own allocation. */
  address(memory: unknown): bigint;
  /** Memory at a pointer as bytes of this process. */
  view(pointer: unknown, length: number): ArrayBuffer;
  /** errno of the call just made, as a name. */
  errnoName(): string;
}

let loaded: NativeLibrary | LibcError | undefined;

/** The C library; throws `LibcError` NO_KOFFI where koffi is not installed or does not work. */
export function native(): NativeLibrary {
  if (loaded === undefined) {
    try {
      loaded = load();
    } catch (error) {
      loaded = new LibcError('NO_KOFFI', 'The optional module koffi cannot be loaded', { cause: error });
    }
  }
  if (loaded instanceof LibcError) throw loaded;
  return loaded;
}

function load(): NativeLibrary {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  // Node itself is linked with the C library, whatever that is called on this system.
  const self = koffi.load(null);
  return {
    func: (name, result, args) => self.func(name, result, [...args]) as Native,
    address: (memory) => koffi.address(memory),
    view: (pointer, length) => koffi.view(pointer, length),
    errnoName: () => getSystemErrorName(-koffi.errno()),
  };
}

/** The error of the call just made. */
export function failed(what: string): LibcError {
  const name = native().errnoName();
  return new LibcError(name, `${what} failed: ${name}`);
}

/** Makes a call again for as long as a signal interrupts it; throws `LibcError` when it fails otherwise. */
export function restarted(what: () => string, call: () => number): number {
  for (;;) {
    const result = call();
    if (result >= 0) return result;
    const error = failed(what());
    if (error.code !== 'EINTR') throw error;
  }
}

/** Computes a value on first use. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
