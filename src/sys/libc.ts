/**
 * The few C library functions that Node lacks, reached through koffi. koffi is an optional dependency and is loaded
 * on first use; everything that needs it has a way without it.
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

/**
 * A shared mapping of a file. It stays mapped until the process ends: a view of unmapped memory would crash the
 * process, and nothing tells when the last view is gone.
 */
export interface Mapping {
  readonly bytes: Uint8Array;
  /** Gives the pages back to the system, in the file too: the bytes read as zero, the mapping stays valid. */
  discard(): void;
}

/** C library functions. Failures throw `LibcError`. */
export interface Libc {
  /** A file without a name, in memory, of `size` zero bytes; closed on exec. */
  memfd(name: string, size: number): number;
  /** Maps `length` bytes of `fd` from `offset` (a multiple of the page size) for reading and writing, shared. */
  mapShared(fd: number, offset: number, length: number): Mapping;
}

const MFD_CLOEXEC = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MADV_REMOVE = 9;

let loaded: Libc | LibcError | undefined;

/** The C library; throws `LibcError` NO_KOFFI where koffi is not installed or does not work. */
export function libc(): Libc {
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

/** Whether `libc()` works here. */
export function hasLibc(): boolean {
  try {
    libc();
    return true;
  } catch {
    return false;
  }
}

function load(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  // Node itself is linked with the C library, whatever that is called on this system.
  const self = koffi.load(null);
  const memfdCreate = self.func('memfd_create', 'int', ['str', 'uint']);
  const ftruncate = self.func('ftruncate', 'int', ['int', 'long']);
  const close = self.func('close', 'int', ['int']);
  const mmap = self.func('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'long']);
  const madvise = self.func('madvise', 'int', ['void *', 'size_t', 'int']);

  function failed(what: string): LibcError {
    const errno = koffi.errno();
    const name = getSystemErrorName(-errno);
    return new LibcError(name, `${what} failed: ${name} (${errno})`);
  }

  return {
    memfd(name, size) {
      const fd: number = memfdCreate(name, MFD_CLOEXEC);
      if (fd < 0) throw failed(`memfd_create(${name})`);
      if (ftruncate(fd, size) < 0) {
        const error = failed(`ftruncate(${name}, ${size})`);
        close(fd);
        throw error;
      }
      return fd;
    },
    mapShared(fd, offset, length) {
      const pointer: unknown = mmap(null, length, PROT_READ_WRITE, MAP_SHARED, fd, offset);
      if (koffi.address(pointer) === MAP_FAILED) throw failed(`mmap(fd ${fd}, ${offset}, ${length})`);
      return {
        bytes: new Uint8Array(koffi.view(pointer, length)),
        discard() {
          if (madvise(pointer, length, MADV_REMOVE) < 0) throw failed('madvise(MADV_REMOVE)');
        },
      };
    },
  };
}
