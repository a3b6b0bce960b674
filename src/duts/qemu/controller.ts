/** The virtio-scsi controller of the machine, as arguments for QEMU. */
import type { TransportName } from '../../port/transport-name.js';
import { MMIO_BUS } from './microvm.js';
import { DEVICE_SLOT } from './pci-bus.js';

/** Its id, from which that of its bus follows. */
export const CONTROLLER_ID = 's0';

/** Properties that the adapter relies on. */
export const RESERVED_PROPERTIES: readonly string[] = [
  'driver',
  'id',
  'bus',
  'addr',
  'multifunction',
  'chardev',
];

/** A notification acts before its reply. */
const NO_IOEVENTFD = { ioeventfd: 'off' } as const;
const QUEUES = { num_queues: '2' } as const;

/** What is behind the controller: QEMU's own SCSI emulation, or a vhost-user back-end at this socket. */
export type Behind = 'qemu' | { readonly socket: string };

interface Controller {
  /** QEMU's name of the device. */
  readonly driver: string;
  /** Where it is attached. */
  readonly place: Readonly<Record<string, string>>;
  /** Its properties, unless the user says otherwise. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Those on which the transport rests. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Properties of the bus to which it is attached. */
  readonly bus: readonly string[];
}

const pciFunction = (defaults: Controller['defaults'], fixed: Controller['fixed']): Controller => ({
  driver: 'virtio-scsi-pci',
  place: { addr: String(DEVICE_SLOT) },
  defaults: { ...defaults, ...NO_IOEVENTFD, ...QUEUES },
  fixed,
  bus: [],
});

const registerWindow = (legacy: 'on' | 'off'): Controller => ({
  driver: 'virtio-scsi-device',
  place: { bus: MMIO_BUS },
  defaults: QUEUES,
  fixed: {},
  bus: [`virtio-mmio.force-legacy=${legacy}`, 'virtio-mmio.ioeventfd=off'],
});

const CONTROLLERS: Readonly<Partial<Record<TransportName, Controller>>> = {
  pci: pciFunction({ 'disable-legacy': 'on' }, {}),
  'pci-legacy': pciFunction({}, { 'disable-legacy': 'off' }),
  mmio: registerWindow('off'),
  'mmio-legacy': registerWindow('on'),
};

const CHARDEV_ID = 'backend';

/** In front of a back-end. Notifications reach that by events, whatever QEMU would do itself. */
const FRONT_END: Controller = {
  driver: 'vhost-user-scsi-pci',
  place: { addr: String(DEVICE_SLOT) },
  defaults: { 'disable-legacy': 'on', ...QUEUES },
  fixed: { chardev: CHARDEV_ID },
  bus: [],
};

/** The transports by which QEMU's controller is reached, if it is in front of a back-end. */
export const FRONT_END_TRANSPORTS: readonly TransportName[] = ['pci'];

/** The controller for a transport. Throws RangeError for a transport that QEMU does not have. */
export function controllerFor(transport: TransportName, behind: Behind): Controller {
  const controller =
    behind === 'qemu'
      ? CONTROLLERS[transport]
      : FRONT_END_TRANSPORTS.includes(transport)
        ? FRONT_END
        : undefined;
  if (controller === undefined) throw new RangeError(`QEMU is not driven by ${transport}`);
  return controller;
}

/** The arguments that attach it; `chosen` are further properties, which replace its defaults. */
export function controllerArguments(
  transport: TransportName,
  chosen: Readonly<Record<string, string>>,
  behind: Behind = 'qemu',
): string[] {
  const { driver, place, defaults, fixed, bus } = controllerFor(transport, behind);
  const properties = { id: CONTROLLER_ID, ...place, ...defaults, ...chosen, ...fixed };
  return [
    ...(behind === 'qemu'
      ? []
      : ['-chardev', `socket,id=${CHARDEV_ID},path=${behind.socket.replaceAll(',', ',,')}`]),
    ...bus.flatMap((value) => ['-global', value]),
    '-device',
    [driver, ...Object.entries(properties).map(property)].join(),
  ];
}

/** A comma in a value is written twice. */
function property([name, value]: [string, string]): string {
  return `${name}=${value.replaceAll(',', ',,')}`;
}
