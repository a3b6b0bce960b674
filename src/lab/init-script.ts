/** What runs first in the lab, and ends it. */
import { shellWords } from '../sys/shell-words.js';

/** Names of the ports between lab and host, and the descriptors by which QEMU has their other ends. */
export const PORTS = {
  out: 'lab.out',
  err: 'lab.err',
  status: 'lab.status',
  agent: 'lab.agent',
  beacon: 'lab.beacon',
} as const;

/** A folder of the host in the lab. */
export interface Share {
  readonly host: string;
  /** Absolute path in the lab. */
  readonly guest: string;
  readonly writable: boolean;
}

/** The tag by which the lab mounts the share of this number. */
export function shareTag(index: number): string {
  return `share${index}`;
}

export interface InitOptions {
  /** File names below /modules, each with its arguments, in the order of loading. */
  readonly modules: readonly (readonly [file: string, ...arguments: string[]])[];
  readonly shares: readonly Share[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** Largest message of the file sharing; beyond this nothing gets quicker. */
const SHARE_MESSAGE = 512_000;

/**
 * The script. Ports appear some time after their driver was loaded. The host ends the machine when it has the exit
 * status; powering off is for the case that it does not.
 */
export function initScript({ modules, shares, command, environment, folder }: InitOptions): string {
  const lines = [
    '#!/bin/busybox sh',
    'export PATH=/usr/local/bin:/usr/bin:/bin:/sbin HOME=/root LANG=C.UTF-8',
    '/bin/busybox --install -s /bin',
    'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev',
    'mkdir -p /dev/shm /dev/pts /dev/virtio-ports /tmp /run /root /etc /var',
    'mount -t tmpfs shm /dev/shm; mount -t devpts pts /dev/pts',
    "echo 'root:x:0:0:root:/root:/bin/sh' > /etc/passwd",
    'ip link set lo up; hostname lab',
    'ln -s /proc/self/fd /dev/fd',
    ...modules.map(
      ([file, ...words]) =>
        `insmod ${shellWords([`/modules/${file}`, ...words])} || echo "vscsi-lab: ${file} cannot be loaded"`,
    ),
    'mount -t configfs configfs /sys/kernel/config 2>/dev/null',
    ...shares.flatMap(({ guest, writable }, index) => [
      shellWords(['mkdir', '-p', guest]),
      shellWords([
        'mount',
        '-t',
        '9p',
        '-o',
        `trans=virtio,version=9p2000.L,msize=${SHARE_MESSAGE},${writable ? 'rw,cache=none' : 'ro,cache=loose'}`,
        shareTag(index),
        guest,
      ]),
    ]),
    `i=0; until [ -e /dev/virtio-ports/${PORTS.status} ]; do`,
    '  for port in /sys/class/virtio-ports/*; do',
    '    read -r name < $port/name && ln -sf /dev/$(basename $port) /dev/virtio-ports/$name',
    '  done 2>/dev/null',
    '  i=$((i + 1)); [ $i -gt 500 ] && break; usleep 10000',
    'done',
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${shellWords([value])}`),
    `(cd ${shellWords([folder])} && exec setsid ${shellWords(command)}) < /dev/null \\`,
    `  > /dev/virtio-ports/${PORTS.out} 2> /dev/virtio-ports/${PORTS.err}`,
    `echo $? > /dev/virtio-ports/${PORTS.status}`,
    'poweroff -f',
  ];
  return `${lines.join('\n')}\n`;
}
