/** QEMU's command line for a machine that consists of a virtio-scsi controller with scratch disks. */
import type { TransportName } from '../../port/transport-name.js';
import { type Behind, controllerArguments } from './controller.js';
import { inherited, type QemuUnit, unitArguments } from './units.js';

/** What the command line is made of. Descriptors are those of the QEMU process. */
export interface QemuMachine {
  readonly transport: TransportName;
  readonly accel: string;
  readonly machine: string;
  readonly memoryMiB: number;
  /** Guest memory above this lies above 4 GiB; undefined for a machine that divides its memory itself. */
  readonly lowMiB: number | undefined;
  readonly memoryFd: number | undefined;
  readonly firmwareFd: number;
  readonly qmpFd: number;
  /** What is behind the controller; QEMU's own units if left out. */
  readonly behind?: Behind;
  readonly units: readonly QemuUnit[];
  /** Further properties of the controller; they replace the adapter's own. */
  readonly device: Readonly<Record<string, string>>;
  /** Further arguments. */
  readonly args: readonly string[];
}

const MEMORY_ID = 'mem';

/** Arguments for the QEMU binary; qtest is on standard input and output. */
export function qemuArguments(machine: QemuMachine): string[] {
  const { memoryMiB, lowMiB, memoryFd } = machine;
  const mapped = memoryFd !== undefined;
  const args = ['-nodefaults', '-no-user-config', '-display', 'none'];
  args.push('-accel', machine.accel);
  args.push(
    '-machine',
    [
      machine.machine,
      ...(lowMiB === undefined ? [] : [`max-ram-below-4g=${lowMiB}M`]),
      ...(mapped ? [`memory-backend=${MEMORY_ID}`] : []),
    ].join(),
  );
  args.push('-m', `${memoryMiB}M`);
  if (mapped) {
    args.push(
      '-object',
      `memory-backend-file,id=${MEMORY_ID},size=${memoryMiB}M,mem-path=${inherited(memoryFd)},share=on`,
    );
  }
  args.push('-bios', inherited(machine.firmwareFd));
  args.push('-qtest', 'stdio', '-qtest-log', 'none');
  args.push('-chardev', `socket,id=qmp,fd=${machine.qmpFd}`, '-mon', 'chardev=qmp,mode=control');
  args.push(...controllerArguments(machine.transport, machine.device, machine.behind));
  return [...args, ...machine.units.flatMap(unitArguments), ...machine.args];
}
