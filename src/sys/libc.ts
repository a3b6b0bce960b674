/** Files, memory and devices through the C library, as far as Node lacks them. */
import { failed, LibcError, lazily, native, restarted } from './native.js';

export { LibcError };

/**
 * A shared mapping of a file. It stays mapped until the process ends: a view of unmapped memory would crash the
 * process, and nothing tells when the last view is gone.
 */
export interface Mapping {
  readonly bytes: Uint8Array;
  /** Where it lies in this process: what the kernel's vhost calls a user address. */
  readonly address: bigint;
  /** Gives the pages back to the system, in the file too: the bytes read as zero, the mapping stays valid. */
  discard(): void;
}

/** C library functions. Failures throw `LibcError`. */
export interface Libc {
  /** A file without a name, in memory, of `size` zero bytes, on huge pages of 2 MiB if asked for; closed on exec. */
  memfd(name: string, size: number, hugePages?: boolean): number;
  /** Maps `length` bytes of `fd` from `offset` (a multiple of the page size) for reading and writing, shared. */
  mapShared(fd: number, offset: number, length: number): Mapping;
  /** Opens a file or device for reading and writing, closed on exec. */
  open(path: string): number;
  close(fd: number): void;
  /** Locks a file for this opening of it and its heirs (flock). False where another has it locked. */
  lock(fd: number): boolean;
  /** An ioctl whose argument, if any, is a number, or a structure that is read and written in place; its result. */
  ioctl(fd: number, request: number, argument?: Buffer | number): number;
}

const MFD_CLOEXEC = 1;
const MFD_HUGETLB = 4;
/** log2 of 2 MiB, where the size of huge pages is told. */
const MFD_HUGE_2MB = 21 << 26;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const MADV_REMOVE = 9;
const LOCK_EXCLUSIVE_NOW = 2 | 4;
const O_RDWR = 2;
const O_CLOEXEC = 0o2000000;

/** The C library; throws `LibcError` NO_KOFFI where koffi is not installed or does not work. */
export const libc: () => Libc = lazily(load);

/** Whether `libc()` works here. */
export function hasLibc(): boolean {
  try {
    native();
    return true;
  } catch {
    return false;
  }
}

/** Closes descriptors that nobody wants. */
export function closeAll(fds: readonly number[]): void {
  for (const fd of fds) libc().close(fd);
}

function load(): Libc {
  const { func, address, view } = native();
  const memfdCreate = func('memfd_create', 'int', ['str', 'uint']);
  const ftruncate = func('ftruncate', 'int', ['int', 'long']);
  const open = func('open', 'int', ['str', 'int', 'int']);
  const close = func('close', 'int', ['int']);
  const flock = func('flock', 'int', ['int', 'int']);
  const mmap = func('mmap', 'void *', ['void *', 'size_t', 'int', 'int', 'int', 'long']);
  const madvise = func('madvise', 'int', ['void *', 'size_t', 'int']);
  const ioctl = func('ioctl', 'int', ['int', 'ulong', 'void *']);
  const ioctlNumber = func('ioctl', 'int', ['int', 'ulong', 'ulong']);

  return {
    memfd(name, size, hugePages = false) {
      const fd = memfdCreate(name, MFD_CLOEXEC | (hugePages ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
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
      const at = address(pointer);
      if (at === MAP_FAILED) throw failed(`mmap(fd ${fd}, ${offset}, ${length})`);
      return {
        bytes: new Uint8Array(view(pointer, length)),
        address: at,
        discard() {
          if (madvise(pointer, length, MADV_REMOVE) < 0) throw failed('madvise(MADV_REMOVE)');
        },
      };
    },
    open: (path) =>
      restarted(
        () => `open(${path})`,
        () => open(path, O_RDWR | O_CLOEXEC, 0),
      ),
    close(fd) {
      if (close(fd) < 0) throw failed(`close(${fd})`);
    },
    lock(fd) {
      if (flock(fd, LOCK_EXCLUSIVE_NOW) === 0) return true;
      const error = failed(`flock(fd ${fd})`);
      if (error.code === 'EAGAIN') return false;
      throw error;
    },
    ioctl: (fd, request, argument) =>
      restarted(
        () => `ioctl(fd ${fd}, 0x${request.toString(16)})`,
        () =>
          typeof argument === 'number'
            ? ioctlNumber(fd, request, argument)
            : ioctl(fd, request, argument ?? null),
      ),
  };
}
