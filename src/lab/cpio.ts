/** Archives in the "newc" format of cpio, which the kernel unpacks into its first file system. */

export type ArchiveEntry =
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly content: Uint8Array;
      readonly executable?: boolean;
    }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | {
      readonly kind: 'device';
      readonly path: string;
      readonly major: number;
      readonly minor: number;
    };

const MODES = { folder: 0o040755, file: 0o100644, program: 0o100755, link: 0o120777, device: 0o020600 };
const TRAILER = 'TRAILER!!!';
const ALIGNMENT = 4;

/** The archive, with every folder that leads to an entry. Paths are absolute; everything belongs to root. */
export function cpioArchive(entries: readonly ArchiveEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const made = new Set<string>(['']);
  let inode = 1;
  const add = (mode: number, path: string, content: Uint8Array, device = { major: 0, minor: 0 }): void => {
    const name = path.replace(/^\//, '');
    const fields = [
      inode++,
      mode,
      0, // user
      0, // group
      1, // links
      0, // time
      content.length,
      0,
      0, // device that holds the file
      device.major,
      device.minor,
      Buffer.byteLength(name) + 1,
      0, // checksum
    ];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
    parts.push(padded(Buffer.from(header)), padded(content));
  };
  const addFolders = (path: string): void => {
    if (made.has(path)) return;
    made.add(path);
    addFolders(parentOf(path));
    add(MODES.folder, path, NOTHING);
  };
  for (const entry of entries) {
    if (entry.kind === 'folder') {
      addFolders(entry.path);
      continue;
    }
    if (made.has(entry.path)) throw new RangeError(`${entry.path} is in the archive twice`);
    made.add(entry.path);
    addFolders(parentOf(entry.path));
    if (entry.kind === 'file') add(entry.executable ? MODES.program : MODES.file, entry.path, entry.content);
    else if (entry.kind === 'link') add(MODES.link, entry.path, Buffer.from(entry.to));
    else add(MODES.device, entry.path, NOTHING, entry);
  }
  add(0, TRAILER, NOTHING);
  return Buffer.concat(parts);
}

const NOTHING = new Uint8Array();

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % ALIGNMENT;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(ALIGNMENT - rest)]);
}
