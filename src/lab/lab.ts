/** A small virtual machine with a kernel of Debian, in which one program runs: no network, no disk, no root needed. */
import { closeSync, existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Duplex, type Readable } from 'node:stream';
import { anonymousFile } from '../sys/anonymous-file.js';
import { findExecutable } from '../sys/executable.js';
import { SUPERVISOR_PROGRAM, spawnSupervised } from '../sys/supervised.js';
import { type ArchiveEntry, cpioArchive } from './cpio.js';
import { initScript, PORTS, type Share, shareTag } from './init-script.js';
import type { Kernel } from './kernel.js';
import { LabError } from './lab-error.js';
import { moduleName } from './modules.js';

/** What a lab's machine has besides what every lab has. */
export interface LabMachine {
  /** Further arguments of QEMU. */
  readonly qemuArgs?: readonly string[];
  /** Descriptors that QEMU inherits, from number `FIRST_INHERITED` on. */
  readonly inherit?: readonly number[];
  /** Further words of the kernel's command line. */
  readonly kernelWords?: readonly string[];
}

export interface LabOptions extends LabMachine {
  readonly kernel: Kernel;
  /** Program and arguments, as they are in the lab. */
  readonly command: readonly string[];
  /** What the lab's file system holds besides busybox. */
  readonly files?: readonly ArchiveEntry[];
  readonly shares?: readonly Share[];
  /**
   * Modules of the kernel that the command needs, each with its arguments behind it, if any: `brd rd_nr=1`. They are
   * loaded before those of the lab itself, so that a driver among them gets its devices.
   */
  readonly modules?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Working directory of the command; default `/root`. */
  readonly folder?: string;
  /** Default `qemu-system-x86_64`. */
  readonly qemu?: string;
  readonly memoryMiB?: number;
}

/** How a lab ended. */
export interface LabExit {
  /** The exit status of the command; undefined where the lab ended before it had one. */
  readonly status: number | undefined;
  /** The end of what the kernel and QEMU had to say. */
  readonly log: string;
}

/** A lab in which the command runs. */
export interface RunningLab {
  readonly out: Readable;
  readonly err: Readable;
  /** A line to the program in the lab, which has its end at /dev/virtio-ports/lab.agent. */
  readonly agent: Duplex;
  /** What the program last wrote to /dev/virtio-ports/lab.beacon: it has arrived before the write is over. */
  readonly beacon: Readable;
  /** Resolves when all is over and nothing of the lab is left. */
  readonly ended: Promise<LabExit>;
  /** Ends the lab at once. */
  kill(): void;
}

/** The QEMU that a lab runs in, unless another is asked for. */
export const DEFAULT_QEMU = 'qemu-system-x86_64';
const DEFAULT_MEMORY_MIB = 1024;
/** What the lab itself needs. */
const OWN_MODULES = ['virtio_pci', 'virtio_console'];
const SHARE_MODULES = ['9pnet_virtio', '9p'];
/** First descriptors after the standard ones, in the QEMU process. */
const FIRST_FD = 3;
/** A line for each port and the console, and the first file system. */
export const FIRST_INHERITED = FIRST_FD + Object.keys(PORTS).length + 2;
const CONSOLE_KEPT = 64 * 1024;
/**
 * Nothing that costs time where instructions are translated: no mitigations, no tests of algorithms, no search for a
 * clock. `panic=-1` with `-no-reboot` ends the machine when the kernel does, and so does a fault that it might survive.
 */
const KERNEL_WORDS =
  'console=ttyS0 quiet loglevel=3 panic=-1 oops=panic mitigations=off nokaslr no5lvl tsc=reliable random.trust_cpu=on random.trust_bootloader=on audit=0 nowatchdog cryptomgr.notests rcupdate.rcu_expedited=1 scsi_mod.scan=sync';

/** What keeps a lab from being started here, once there is a kernel. */
export function labObstacle(qemu: string = DEFAULT_QEMU): LabError | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return new LabError(
      `the lab is made for x86-64 Linux; this is ${process.platform} ${process.arch}`,
      'use such a machine',
    );
  if (findExecutable(qemu) === undefined)
    return new LabError(`QEMU is missing: there is no program ${qemu}`, 'apt-get install qemu-system-x86');
  if (findExecutable(SUPERVISOR_PROGRAM) === undefined)
    return new LabError(
      `${SUPERVISOR_PROGRAM} is missing: a lab could outlive its user`,
      'apt-get install util-linux',
    );
  return undefined;
}

/** Boots a lab. Throws `LabError` where that is not possible. */
export async function startLab(options: LabOptions): Promise<RunningLab> {
  const { qemu = DEFAULT_QEMU, shares = [], inherit = [] } = options;
  const obstacle = labObstacle(qemu);
  if (obstacle !== undefined) throw obstacle;
  for (const { host } of shares)
    if (!existsSync(host)) throw new LabError(`${host} cannot be shared with the lab: it is not there`);
  const archive = cpioArchive(archiveEntries(options));
  let initrd: number | undefined;
  try {
    initrd = anonymousFile({ name: 'vscsi-initrd', size: archive.length, content: archive });
    return await boot(options, qemu, initrd, inherit);
  } catch (error) {
    if (error instanceof LabError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC')
      throw new LabError(
        'the file system of the lab finds no room: the disk is full',
        'make room in TMPDIR',
        {
          cause: error,
        },
      );
    throw new LabError(`the lab cannot be started: ${message}`, undefined, { cause: error });
  } finally {
    if (initrd !== undefined) closeSync(initrd);
  }
}

function archiveEntries({ kernel, command, files = [], shares = [], ...rest }: LabOptions): ArchiveEntry[] {
  const { modules = [], environment = {}, folder = '/root' } = rest;
  const wanted = [...modules, ...OWN_MODULES, ...(shares.length > 0 ? SHARE_MODULES : [])].map((words) =>
    words.trim().split(/\s+/),
  );
  const loaded = kernel.modules(wanted.map(([name = '']) => name));
  const argumentsOf = new Map(wanted.map(([name = '', ...rest]) => [moduleName(name), rest]));
  return [
    { kind: 'folder', path: '/proc' },
    { kind: 'folder', path: '/sys' },
    { kind: 'folder', path: '/dev' },
    { kind: 'folder', path: folder },
    { kind: 'device', path: '/dev/console', major: 5, minor: 1 },
    { kind: 'file', path: '/bin/busybox', content: readFileSync(kernel.busybox), executable: true },
    {
      kind: 'file',
      path: '/init',
      content: Buffer.from(
        initScript({
          modules: loaded.map(({ name, file }) => [basename(file), ...(argumentsOf.get(name) ?? [])]),
          shares,
          command,
          environment,
          folder,
        }),
      ),
      executable: true,
    },
    ...loaded.map(
      ({ file }): ArchiveEntry => ({
        kind: 'file',
        path: `/modules/${basename(file)}`,
        content: readFileSync(file),
      }),
    ),
    ...files,
  ];
}

async function boot(
  { kernel, shares = [], memoryMiB = DEFAULT_MEMORY_MIB, qemuArgs = [], kernelWords = [] }: LabOptions,
  qemu: string,
  initrd: number,
  inherit: readonly number[],
): Promise<RunningLab> {
  const names = Object.values(PORTS);
  const consoleFd = FIRST_FD + names.length;
  const initrdFd = consoleFd + 1;
  const args = [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', 'q35', '-accel', 'tcg', '-cpu', 'max,la57=off', '-smp', '1', '-m', String(memoryMiB)],
    ...['-kernel', kernel.image, '-initrd', `/proc/self/fd/${initrdFd}`],
    ...['-append', [KERNEL_WORDS, ...kernelWords].join(' ')],
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...names.flatMap((name, index) => [
      '-chardev',
      `socket,id=${name},fd=${FIRST_FD + index}`,
      '-device',
      `virtserialport,bus=ports.0,chardev=${name},name=${name}`,
    ]),
    ...['-chardev', `socket,id=console,fd=${consoleFd}`, '-serial', 'chardev:console'],
    ...shares.flatMap(({ host, writable }, index) => [
      '-fsdev',
      `local,id=${shareTag(index)},path=${host.replaceAll(',', ',,')},security_model=none,multidevs=remap${writable ? '' : ',readonly=on'}`,
      '-device',
      `virtio-9p-pci,fsdev=${shareTag(index)},mount_tag=${shareTag(index)}`,
    ]),
    ...qemuArgs,
  ];
  const process = await spawnSupervised({
    command: findExecutable(qemu) ?? qemu,
    args,
    stdin: 'ignore',
    stdout: 'ignore',
    extra: [...names.map(() => 'pipe' as const), 'pipe', initrd, ...inherit],
  });
  const [out, err, status, agent, beacon, console] = [...names, 'console'].map((_, index) =>
    lineOf(process.stdio[FIRST_FD + index]),
  );
  if (!out || !err || !status || !agent || !beacon || !console)
    throw new LabError('QEMU has no lines to the lab');
  let said = '';
  console.setEncoding('latin1').on('data', (text: string) => {
    said = (said + text).slice(-CONSOLE_KEPT);
  });
  let answer = '';
  status.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
    // All that was written before has arrived in the other lines.
    if (answer.includes('\n')) process.kill();
  });
  const ended = process.exited.then(({ stderr }): LabExit => {
    const match = /^(\d+)\n/.exec(answer);
    return { status: match ? Number(match[1]) : undefined, log: `${said}${stderr}`.trim() };
  });
  return { out, err, agent, beacon, ended, kill: () => process.kill() };
}

function lineOf(stream: unknown): Duplex | undefined {
  if (!(stream instanceof Duplex)) return undefined;
  // The end of the process may close a line hard.
  stream.on('error', () => {});
  return stream;
}
